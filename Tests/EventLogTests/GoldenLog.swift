import Digests
import Foundation
import GRDB
import UpgradeMachine

@testable import EventLog

/// A log as it was once written: `Golden/CORPUS/NAME.jsonl` has the events' bytes, one a line, and
/// `NAME.story` what they replay to.
struct GoldenLog: Sendable, CustomStringConvertible {
    let corpus: Int
    let name: String
    let lines: [Data]
    let story: String

    var description: String { "\(corpus)/\(name)" }

    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Golden"

    /// All that there are, oldest first.
    static func all() throws -> [GoldenLog] {
        let files = FileManager.default
        return try files.contentsOfDirectory(atPath: folder).compactMap { Int($0) }.sorted()
            .flatMap { corpus in
                try files.contentsOfDirectory(atPath: "\(folder)/\(corpus)").sorted()
                    .filter { $0.hasSuffix(".jsonl") }
                    .map { try GoldenLog(corpus: corpus, name: String($0.dropLast(6))) }
            }
    }

    init(corpus: Int, name: String, lines: [Data], story: String) {
        (self.corpus, self.name, self.lines, self.story) = (corpus, name, lines, story)
    }

    private init(corpus: Int, name: String) throws {
        let path = "\(Self.folder)/\(corpus)/\(name)"
        self.corpus = corpus
        self.name = name
        lines = try Data(contentsOf: URL(fileURLWithPath: path + ".jsonl"))
            .split(separator: UInt8(ascii: "\n")).map { Data($0) }
        story = try String(contentsOfFile: path + ".story", encoding: .utf8)
    }

    /// What today's Pawl writes of a tale.
    init(_ name: String, _ tale: GoldenTale) throws {
        corpus = 0
        self.name = name
        let folder = try Folder()
        let log = try EventLog(path: folder.log, for: .writing)
        for part in tale.parts {
            guard case .planned(let plan)? = part.entries.first?.event else { continue }
            let writer = try folder.writer(on: log, of: plan.instance)
            try writer.append(part.entries, to: part.stream, planDigest: part.planDigest)
        }
        var lines: [Data] = []
        try log.forEachStoredEvent { lines.append($0.body) }
        self.lines = lines
        story = try Self.story(of: log)
    }

    /// Writes what is not there yet.
    func write(to corpus: Int) throws {
        let folder = "\(Self.folder)/\(corpus)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let files = [
            (".jsonl", lines.reduce(Data()) { $0 + $1 + [UInt8(ascii: "\n")] }),
            (".story", Data(story.utf8)),
        ]
        for (suffix, bytes) in files {
            try bytes.write(
                to: URL(fileURLWithPath: "\(folder)/\(name)\(suffix)"),
                options: .withoutOverwriting)
        }
    }

    /// Puts the events into a file as they are, by a connection that knows nothing of Pawl.
    func restore(into folder: Folder) throws -> EventLog {
        _ = try EventLog(path: folder.log, for: .writing)
        let raw = try folder.raw()
        try raw.write { database in
            for line in lines {
                let columns = try Columns(line)
                try database.execute(
                    sql: "INSERT INTO event VALUES (?,?,?,?,?,?,?,?,?,?)",
                    arguments: [
                        columns.seq, columns.instance, columns.stream, columns.streamSequence,
                        columns.type, columns.version, columns.fenceNumber, columns.previous, line,
                        Data(SHA256.hash([0] + Array(line)).bytes),
                    ])
            }
        }
        try raw.close()
        return try EventLog(path: folder.log, for: .reading)
    }

    /// The columns beside a body, read by Foundation.
    struct Columns {
        let seq, streamSequence, version, fenceNumber: Int
        let instance, stream, type: String
        let previous: Data

        init(_ line: Data) throws {
            guard let body = try JSONSerialization.jsonObject(with: line) as? [String: Any],
                let seq = body["seq"] as? Int, let streamSequence = body["stream_seq"] as? Int,
                let version = body["version"] as? Int, let fence = body["fence_number"] as? Int,
                let instance = body["instance"] as? String, let type = body["type"] as? String,
                let stream = body["stream"] as? String, let previous = body["prev"] as? String
            else { throw CocoaError(.coderInvalidValue) }
            (self.seq, self.streamSequence, self.version) = (seq, streamSequence, version)
            (self.instance, self.stream, self.type) = (instance, stream, type)
            fenceNumber = fence
            self.previous = Data(
                stride(from: 0, to: previous.utf8.count, by: 2).compactMap {
                    UInt8(previous.dropFirst($0).prefix(2), radix: 16)
                })
        }
    }

    /// Where each event of a log led, and what had to happen then: in stored names alone, which
    /// stay what they are.
    static func story(of log: EventLog) throws -> String {
        let all = try Replay.all(of: log)
        var text = "\(all.events) events, \(all.upgrades) upgrades, head \(all.head)\n"
        var replays: [String: Replay] = [:]
        _ = try log.verifyChain { entry in
            do {
                if replays[entry.stream] == nil {
                    replays[entry.stream] = try Replay(first: entry)
                } else {
                    try replays[entry.stream]?.follow(entry)
                }
                guard let run = replays[entry.stream]?.run else { return }
                text += "\(entry.sequence) \(entry.stream) \(entry.event.names)"
                text += " -> \(run.upgrade.name.rawValue), "
                switch run.nextAction(at: entry.moment) {
                case .record(let event): text += "record \(event.names)\n"
                case .perform(let effect): text += "perform \(effect.step.rawValue)\n"
                case .rest: text += "rest\n"
                }
            } catch {
                text += "\(error)\n"
            }
        }
        return text
    }
}

extension Event {
    /// Its type and step, as they are stored.
    fileprivate var names: String {
        let step: Step? =
            switch self {
            case .began(let effect): effect.step
            case .done(let receipt, _): receipt.step
            case .attemptFailed(let step, _), .failed(let step, _), .withdrawn(let step, _),
                .settled(let step, _, _):
                step
            default: nil
            }
        return step.map { "\(type.rawValue) \($0.rawValue)" } ?? type.rawValue
    }
}
