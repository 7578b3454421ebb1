internal import HTTPClient
internal import Synchronization

/// Something that happened to a container, an image, a network or a volume.
public struct EngineEvent: Sendable {
    /// Such as `container`.
    public let type: String
    /// Such as `start`, `die`, `health_status: healthy`.
    public let action: String
    /// The id, or the name of an image.
    public let subject: String
    /// Such as `name`, `image`, `exitCode`, and all labels.
    public let attributes: [String: String]
    public let time: Timestamp
    public let raw: JSONValue

    init(_ raw: JSONValue) throws(DockerError) {
        type = raw["Type"]?.stringValue ?? ""
        action = try raw.required("event", "Action", as: \.stringValue)
        subject = raw["Actor", "ID"]?.stringValue ?? ""
        attributes = raw["Actor", "Attributes"]?.stringMembers ?? [:]
        let nanoseconds = raw["timeNano"]?.integerValue ?? 0
        time = Timestamp(
            seconds: nanoseconds / 1_000_000_000, nanoseconds: nanoseconds % 1_000_000_000)
        self.raw = raw
    }
}

/// Whether a reader of a stream wants more of it.
public enum StreamStep: Sendable {
    case goOn
    case finish
}

/// Thrown through libcurl where a reader has enough.
struct FinishedReading: Error {}

extension DockerEngine {
    /// Reads events as they happen, until the reader has enough, `until` has come or the task
    /// stops.
    ///
    /// Source: `GET /events`, Docker Engine API 1.40. The engine remembers the last 256 to 1000.
    ///
    /// - Parameters:
    ///   - since: Also those since then; without it only those to come.
    ///   - filters: Such as `type`, `container`, `event`, `label`.
    ///   - read: Called on the transfer's own thread, in order.
    public func readEvents(
        since: Timestamp? = nil, until: Timestamp? = nil, filters: EngineFilters = [:],
        _ read: @escaping @Sendable (EngineEvent) throws -> StreamStep
    ) async throws(DockerError) {
        var call = Call(.get, "events", what: "events")
        if let since { call.query.append(("since", since.queryValue)) }
        if let until { call.query.append(("until", until.queryValue)) }
        try call.setFilters(filters)
        call.idle = nil
        let request = try await request(for: call)
        let lines = Mutex(JSONLines(what: call.what))
        do {
            try await stream(request, call) { bytes in
                nonisolated(unsafe) let bytes = bytes
                let documents = try lines.withLock { lines in
                    var documents: [JSONValue] = []
                    try lines.take(bytes) { documents.append($0) }
                    return documents
                }
                for document in documents {
                    let event = try EngineEvent(document)
                    if try read(event) == .finish { throw FinishedReading() }
                }
            }
        } catch .bodyFailed(_, underlying: is FinishedReading) {
            return
        }
    }
}
