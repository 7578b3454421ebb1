internal import HTTPClient
internal import Synchronization

/// Which part of a container's log is read.
public struct LogSelection: Sendable {
    public var since: Timestamp?
    public var until: Timestamp?
    /// The last lines alone; `nil` is all.
    public var tail: Int?
    /// Whether each line begins with its time in RFC 3339.
    public var timestamps: Bool
    /// Whether to wait for what is still to come, until the container ends.
    public var follow: Bool

    public init(
        since: Timestamp? = nil, until: Timestamp? = nil, tail: Int? = nil,
        timestamps: Bool = false, follow: Bool = false
    ) {
        self.since = since
        self.until = until
        self.tail = tail
        self.timestamps = timestamps
        self.follow = follow
    }
}

/// How reading a log ended.
public struct LogEnd: Sendable, Equatable {
    /// What the sink was given, of both streams.
    public let sizeInBytes: Int
    /// Whether there was more than the limit.
    public let isTruncated: Bool
}

extension DockerEngine {
    /// Reads a container's log into a sink.
    ///
    /// With a terminal there is one stream, the output; without it the two are told apart.
    ///
    /// Source: `GET /containers/{id}/logs`, Docker Engine API 1.40; it needs a log driver that can
    /// be read (`json-file`, `local`, `journald`).
    ///
    /// - Parameters:
    ///   - limitInBytes: The most that the sink is given; the rest is cut off, not an error.
    ///   - sink: Called on the transfer's own thread.
    @discardableResult
    public func readLog(
        of id: String, _ selection: LogSelection = LogSelection(), limitInBytes: Int,
        to sink: @escaping @Sendable (ProcessStream, UnsafeRawBufferPointer) throws -> Void
    ) async throws(DockerError) -> LogEnd {
        let hasTerminal = try await inspectContainer(id).hasTerminal
        var call = Call(.get, "containers", id, "logs", what: "log of container \(id)")
        call.query = [
            ("stdout", "true"), ("stderr", "true"), ("timestamps", "\(selection.timestamps)"),
            ("follow", "\(selection.follow)"),
            ("tail", selection.tail.map { "\(max(0, $0))" } ?? "all"),
        ]
        if let since = selection.since { call.query.append(("since", since.queryValue)) }
        if let until = selection.until { call.query.append(("until", until.queryValue)) }
        if selection.follow { call.idle = nil }
        let request = try await request(for: call)
        let state = LogState(isMultiplexed: !hasTerminal, limitInBytes: limitInBytes, sink: sink)
        do {
            try await stream(request, call) { bytes in try state.take(bytes) }
        } catch .bodyFailed(_, underlying: is FinishedReading) {
            return LogEnd(sizeInBytes: limitInBytes, isTruncated: true)
        }
        try state.frames.checkEnd(call.what)
        return LogEnd(sizeInBytes: state.sizeInBytes, isTruncated: false)
    }
}

/// What one transfer's thread remembers between two pieces of a log.
private final class LogState: @unchecked Sendable {
    // Sendable by hand: the transfer's thread alone changes it, and its maker reads it afterwards.
    private(set) var sizeInBytes = 0
    private(set) var frames = StreamFrames()
    private let isMultiplexed: Bool
    private let limitInBytes: Int
    private let sink: @Sendable (ProcessStream, UnsafeRawBufferPointer) throws -> Void

    init(
        isMultiplexed: Bool, limitInBytes: Int,
        sink: @escaping @Sendable (ProcessStream, UnsafeRawBufferPointer) throws -> Void
    ) {
        self.isMultiplexed = isMultiplexed
        self.limitInBytes = limitInBytes
        self.sink = sink
    }

    func take(_ bytes: UnsafeRawBufferPointer) throws {
        if isMultiplexed {
            try frames.take(bytes, give)
        } else {
            try give(.output, bytes)
        }
    }

    private func give(_ stream: ProcessStream, _ bytes: UnsafeRawBufferPointer) throws {
        let part = UnsafeRawBufferPointer(rebasing: bytes.prefix(limitInBytes - sizeInBytes))
        sizeInBytes += part.count
        if !part.isEmpty { try sink(stream, part) }
        if part.count < bytes.count { throw FinishedReading() }
    }
}
