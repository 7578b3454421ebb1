import Digests
import Foundation
import GeneratedEvents
import PropertyTesting
import Testing
import UpgradeMachine

@testable import EventLog

/// Whatever is stored comes back as it was, in one form.
@Suite("Records of chance, written and read")
struct RoundTripTests {
    private static func entry(of event: Event, _ choices: inout Choices) -> LogEntry {
        let digest: String
        if case .planned(let plan) = event {
            digest = Replay.digest(of: plan)
        } else {
            digest = choices.text()
        }
        return LogEntry(
            sequence: Int(choices.integer()), previousLeaf: choices.text(),
            instance: choices.text(), stream: choices.text(),
            streamSequence: Int(choices.integer()), moment: choices.writtenMoment(),
            fenceNumber: Int(choices.integer()), actor: choices.text(), host: choices.text(),
            tool: Tool(version: choices.text(), digest: choices.text()), planDigest: digest,
            causation: choices.optional { Int($0.integer()) }, event: event)
    }

    private static func entry(_ choices: inout Choices) -> LogEntry {
        let event = choices.event()
        return entry(of: event, &choices)
    }

    @Test("Every event comes back", arguments: EventType.allCases)
    func comesBack(_ type: EventType) throws {
        let coder = RecordCoder()
        let version = coder.shapes.version(of: type)
        try check(
            "Every event comes back: \(type)",
            generating: Generator { choices in
                let event = choices.event(of: type)
                return Self.entry(of: event, &choices)
            }
        ) { entry in
            let body = try coder.body(of: entry)
            let read = try coder.record(from: body, type: type, version: version)
            try require(read == entry, "read: \(read)")
            try require(try coder.body(of: read) == body, "it is written in another way now")
            let kind = coder.kind(of: body)
            try require(kind?.type == type.rawValue && kind?.version == version, "its kind")
        }
    }

    /// Foundation's decoder is the oracle for ours.
    @Test func `It is what Foundation reads`() throws {
        let coder = RecordCoder()
        try check(runs: 500, generating: Generator(Self.entry)) { entry in
            let body = try coder.body(of: entry)
            let theirs = try JSONDecoder().decode(Body.self, from: body).record
            try require(theirs == entry, "Foundation reads \(String(describing: theirs))")
        }
    }

    @Test func `Its JSON has sorted names, no fraction, and a name for every part`() throws {
        let coder = RecordCoder()
        try check(runs: 500, generating: Generator(Self.entry)) { entry in
            let body = try coder.body(of: entry)
            // Ours refuses fractions, exponents, names out of order, and space between tokens.
            try expectNames(in: try JSON(parsing: body))
            // JSONSerialization drops a byte order mark at the beginning of a string.
            if String(decoding: body, as: UTF8.self).unicodeScalars.contains("\u{FEFF}") { return }
            let theirs = try JSONSerialization.jsonObject(with: body)
            let sorted = try JSONSerialization.data(
                withJSONObject: theirs, options: [.sortedKeys, .withoutEscapingSlashes])
            try require(
                sorted == body, "Foundation sorts: \(String(decoding: sorted, as: UTF8.self))")
        }
    }

    private func expectNames(in json: JSON) throws {
        switch json {
        case .object(let members):
            for member in members {
                try require(!member.name.hasPrefix("_"), "a name \(member.name)")
                try expectNames(in: member.value)
            }
        case .array(let values): for value in values { try expectNames(in: value) }
        default: break
        }
    }

    @Test func `Histories come back from a file, and replay to equal runs`() throws {
        try check(runs: 20, generating: Generator { $0.history() }) { history in
            let folder = try Folder()
            let plan = history.plan
            let log = try EventLog(path: folder.log, for: .writing)
            let writer = try folder.writer(on: log)
            let first: (event: Event, moment: Moment) = (.planned(plan: plan), Sample.moment(0))
            let written = try writer.append(
                [first] + history.entries, to: "u1", planDigest: Replay.digest(of: plan))
            let read = try log.entries(of: "u1")
            try require(read == written, "read: \(read)")
            let replayed = try Replay(read).run
            try require(replayed == history.run, "replays to \(replayed)")
            try require(try Replay.all(of: log).events == written.count, "the whole log")
        }
    }
}
