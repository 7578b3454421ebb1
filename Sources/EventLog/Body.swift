import Digests
import Foundation
import UpgradeMachine

/// A record as its bytes: UTF-8 JSON with sorted keys and no floating-point numbers.
///
/// The bytes are what is hashed, and are never written again; only their reading may change.
struct Body: Codable {
    var seq: Int
    var prev: String
    var instance: String
    var stream: String
    var streamSequence: Int
    var type: String
    var version: Int
    var wallTime: String
    var monotonicNanoseconds: Int64
    var bootID: String
    var fenceNumber: Int
    var actor: String
    var host: String
    var tool: Tool
    var planDigest: String
    var causation: Int?
    var data: Event

    /// The stored names.
    private enum CodingKeys: String, CodingKey {
        case seq, prev, instance, stream
        case streamSequence = "stream_seq"
        case type, version
        case wallTime = "wall_time"
        case monotonicNanoseconds = "monotonic_ns"
        case bootID = "boot_id"
        case fenceNumber = "fence_number"
        case actor, host, tool
        case planDigest = "plan_digest"
        case causation, data
    }

    /// The part that every version has.
    struct Kind: Decodable {
        let type: String
        let version: Int
        /// Who wrote it; none where a newer shape says it in another way.
        let tool: Tool?

        private enum CodingKeys: CodingKey {
            case type, version, tool
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            type = try container.decode(String.self, forKey: .type)
            version = try container.decode(Int.self, forKey: .version)
            // It is said for people alone.
            tool = try? container.decode(Tool.self, forKey: .tool)
        }
    }

    init(_ record: LogEntry, version: Int) {
        seq = record.sequence
        prev = record.previousLeaf
        instance = record.instance
        stream = record.stream
        streamSequence = record.streamSequence
        type = record.event.type.rawValue
        self.version = version
        wallTime = Timestamp.text(ofMilliseconds: record.moment.wallMilliseconds)
        monotonicNanoseconds = record.moment.monotonicNanoseconds
        bootID = record.moment.bootID
        fenceNumber = record.fenceNumber
        actor = record.actor
        host = record.host
        tool = record.tool
        planDigest = record.planDigest
        causation = record.causation
        data = record.event
    }

    /// - Returns: None where the time is not a time, or the type not that of the data.
    var record: LogEntry? {
        guard let wall = Timestamp.milliseconds(of: wallTime), data.type.rawValue == type else {
            return nil
        }
        return LogEntry(
            sequence: seq, previousLeaf: prev, instance: instance, stream: stream,
            streamSequence: streamSequence,
            moment: Moment(
                wallMilliseconds: wall, monotonicNanoseconds: monotonicNanoseconds, bootID: bootID),
            fenceNumber: fenceNumber, actor: actor, host: host, tool: tool,
            planDigest: planDigest, causation: causation, event: data)
    }
}

/// Writes and reads the JSON of the log.
public struct RecordCoder {
    let shapes: Shapes
    private let encoder = JSONEncoder()

    public init() { self.init(shapes: .current) }

    init(shapes: Shapes) {
        self.shapes = shapes
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    }

    /// What a body of any version, a newer one's too, says that it is; none where it says nothing.
    func kind(of body: Data) -> Body.Kind? {
        // Whoever cannot be read has no kind.
        try? Body.Kind(from: JSONValueDecoder(value: JSON(parsing: body)))
    }

    func body(of record: LogEntry) throws -> Data {
        try encoder.encode(Body(record, version: shapes.version(of: record.event.type)))
    }

    /// - Parameters:
    ///   - type: The event's, as the column beside the body says it.
    ///   - version: Its shape's, one of those known, likewise.
    /// - Throws: ``JSON/Unreadable``, or what the event's types throw.
    func record(from body: Data, type: EventType, version: Int) throws -> LogEntry {
        var json = try JSON(parsing: body)
        if version < shapes.version(of: type), let data = json["data"] {
            json["data"] = try shapes.upcast(data, of: type, from: version)
        }
        let decoded = try Body(from: JSONValueDecoder(value: json))
        guard let record = decoded.record, decoded.version == version else {
            throw JSON.Unreadable("time, type or version do not fit the data")
        }
        if case .planned = record.event { try checkPlan(of: record, in: body) }
        return record
    }

    /// The digest is of the plan's bytes as they are stored, whatever their shape has become since.
    private func checkPlan(of record: LogEntry, in body: Data) throws {
        let place = try JSON.range(of: ["data", "planned", "plan"], in: body)
        let plan = place.map { body.dropFirst($0.lowerBound).prefix($0.count) } ?? Data()
        let digest = SHA256.hash(plan).hex
        guard digest == record.planDigest else {
            throw JSON.Unreadable(
                "the plan has the digest \(digest), and \(record.planDigest) is recorded")
        }
    }

    /// A plan's bytes, over which its digest is made.
    func bytes(of plan: Plan) throws -> Data { try encoder.encode(plan) }
}
