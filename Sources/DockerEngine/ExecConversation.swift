internal import HTTPClient
internal import Synchronization

/// A command that is kept running and talked to line by line, such as a database client.
///
/// One task at a time may receive; another may send meanwhile. Stopping a task ends its own call
/// and leaves the conversation open. The connection is closed with the last reference to it.
public final class ExecConversation: Sendable {
    /// The longest line that is received.
    public static let lineLimitInBytes = 1 << 20

    public let execID: String
    private let engine: DockerEngine
    private let connection: RawConnection
    private let state: Mutex<State>
    private var what: String { "exec \(execID.prefix(12))" }

    fileprivate init(
        _ execID: String, _ engine: DockerEngine, _ connection: RawConnection,
        standardErrorLimitInBytes: Int
    ) {
        self.execID = execID
        self.engine = engine
        self.connection = connection
        state = Mutex(State(standardErrorLimitInBytes: standardErrorLimitInBytes))
    }

    /// Writes text to the command's standard input; a line needs its `\n`.
    ///
    /// - Throws: ``DockerError/endedEarly(_:reason:)`` where the command is gone.
    public func send(_ text: String, within limit: Duration) async throws(DockerError) {
        let connection = connection
        try await write { stop throws(HTTPError) in
            try connection.write(Array(text.utf8), within: limit, until: stop)
        }
    }

    private func write(
        _ work: @escaping @Sendable (StopFlag) throws(HTTPError) -> Void
    ) async throws(DockerError) {
        let (engine, what) = (engine, what)
        try await engine.onThread(what) { stop in
            Result { () throws(DockerError) in
                do throws(HTTPError) {
                    try work(stop)
                } catch {
                    throw engine.error(error, what)
                }
            }
        }.get()
    }

    /// Waits for the next line of the standard output, without its end; `nil` once it has ended.
    ///
    /// - Throws: ``DockerError/timedOut(_:after:)``, ``DockerError/tooLarge(_:limitInBytes:)``,
    ///   ``DockerError/endedEarly(_:reason:)``.
    public func receiveLine(within limit: Duration) async throws(DockerError) -> String? {
        guard state.withLock({ $0.beginReceiving() }) else {
            throw .invalid("\(what): two tasks receive at the same time")
        }
        defer { state.withLock { $0.isReceiving = false } }
        let conversation = self
        return try await engine.onThread(what) { stop in
            Result { () throws(DockerError) in
                try conversation.nextLine(until: stop, limit)
            }
        }.get()
    }

    private func nextLine(until stop: StopFlag, _ limit: Duration) throws(DockerError) -> String? {
        let deadline = ContinuousClock.now + limit
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            if let line = state.withLock({ $0.takeLine() }) { return line }
            if state.withLock({ $0.hasEnded }) { return nil }
            let count: Int
            do {
                count = try connection.read(into: buffer, within: deadline - .now, until: stop)
            } catch .timedOut {
                throw .timedOut("a line of \(what)", after: limit)
            } catch {
                throw engine.error(error, what)
            }
            nonisolated(unsafe) let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            let what = what
            let taken = state.withLock { state in
                Result { () throws(DockerError) in try state.take(bytes, what) }
            }
            try taken.get()
        }
    }

    /// What came on the standard error so far, up to the limit; it is read while lines are
    /// received.
    public var standardErrorText: String {
        state.withLock { String(decoding: $0.read.standardError, as: UTF8.self) }
    }

    /// Ends the standard input, reads what is left and waits for the exit code.
    ///
    /// - Parameter limit: For the command's last words, each.
    public func finish(within limit: Duration) async throws(DockerError) -> Int {
        let connection = connection
        try await write { stop throws(HTTPError) in
            try connection.endWriting(within: limit, until: stop)
        }
        while try await receiveLine(within: limit) != nil {}
        return try await engine.exitCode(ofExec: execID)
    }

    /// Cuts the connection; the command reads the end of its input.
    public func close() { connection.end() }
}

extension ExecConversation {
    fileprivate struct State {
        let standardErrorLimitInBytes: Int
        var isReceiving = false
        var hasEnded = false
        var read = ExecPump.Read()
        private var frames = StreamFrames()
        private var output: [UInt8] = []

        init(standardErrorLimitInBytes: Int) {
            self.standardErrorLimitInBytes = standardErrorLimitInBytes
        }

        mutating func beginReceiving() -> Bool {
            defer { isReceiving = true }
            return !isReceiving
        }

        /// An empty piece is the end of the stream.
        mutating func take(_ bytes: UnsafeRawBufferPointer, _ what: String) throws(DockerError) {
            if bytes.isEmpty {
                hasEnded = true
                return try frames.checkEnd(what)
            }
            var output: [UInt8] = []
            do {
                try frames.take(bytes) { stream, bytes in
                    switch stream {
                    case .output: output += bytes
                    case .error: read.keep(bytes, standardErrorLimitInBytes)
                    }
                }
            } catch {
                throw error as? DockerError ?? .malformed(what, reason: "\(error)")
            }
            self.output += output
            guard self.output.count <= ExecConversation.lineLimitInBytes else {
                throw .tooLarge(
                    "a line of \(what)", limitInBytes: ExecConversation.lineLimitInBytes)
            }
        }

        /// The first whole line; at the end of the stream also one without its end.
        mutating func takeLine() -> String? {
            if let end = output.firstIndex(of: UInt8(ascii: "\n")) {
                defer { output.removeFirst(end + 1) }
                return String(decoding: output[..<end], as: UTF8.self)
            }
            guard hasEnded, !output.isEmpty else { return nil }
            defer { output = [] }
            return String(decoding: output, as: UTF8.self)
        }
    }
}

extension DockerEngine {
    /// Begins a command whose standard input stays open, to talk to it line by line.
    ///
    /// Source: `POST /containers/{id}/exec` and `POST /exec/{id}/start`, Docker Engine API 1.40.
    public func converse(
        in container: String, _ command: ExecCommand, standardErrorLimitInBytes: Int = 64 << 10
    ) async throws(DockerError) -> ExecConversation {
        let id = try await createExec(in: container, command, attachesInput: true)
        return ExecConversation(
            id, self, try await openExec(id), standardErrorLimitInBytes: standardErrorLimitInBytes)
    }
}
