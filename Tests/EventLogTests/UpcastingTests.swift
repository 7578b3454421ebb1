import Digests
import Foundation
import Testing
import UpgradeMachine

@testable import EventLog

/// A Pawl whose shapes have changed twice since reads what was written before: there is no such
/// Pawl yet, so one is made up, with logs that are older than the golden ones.
@Suite("Older shapes")
struct UpcastingTests {
    /// `done` once said `found`, then `adopted` as a number; a plan once could not lose data.
    private static let shapes: Shapes = Shapes([
        .done: [foundToNumber, numberToFlag], .planned: [planThatMayLoseNothing],
    ])

    @Sendable private static func foundToNumber(_ payload: JSON) throws -> JSON {
        guard case .boolean(let found)? = payload["found"] else {
            throw JSON.Unreadable("it is not known whether it was found", at: ["found"])
        }
        var payload = payload
        payload["found"] = nil
        payload["adopted"] = .integer(found ? 1 : 0)
        return payload
    }

    @Sendable private static func numberToFlag(_ payload: JSON) throws -> JSON {
        var payload = payload
        payload["adopted"] = .boolean(payload["adopted"] == .integer(1))
        return payload
    }

    @Sendable private static func planThatMayLoseNothing(_ payload: JSON) throws -> JSON {
        var payload = payload
        payload["plan"]?["mayLoseMigratedData"] = .boolean(false)
        return payload
    }

    /// A golden log as the made-up Pawl of so many versions ago would have written it.
    private static func old(_ golden: GoldenLog, done version: Int) throws -> GoldenLog {
        var lines: [Data] = []
        var plans: [String: String] = [:]
        for line in golden.lines {
            var text = String(decoding: line, as: UTF8.self)
            switch try GoldenLog.Columns(line).type {
            case "done":
                text = text.replacing(#""version":1,"wall"#, with: #""version":\#(version),"wall"#)
                for (flag, number) in [("true", 1), ("false", 0)] {
                    let adopted = #"{"adopted":\#(flag),"#
                    switch version {
                    case 1: text = text.replacing(adopted, with: #"{"found":\#(flag),"#)
                    case 2: text = text.replacing(adopted, with: #"{"adopted":\#(number),"#)
                    default: break
                    }
                }
            case "planned":
                let whole = try planText(in: text)
                let older = whole.replacing(#""mayLoseMigratedData":false,"#, with: "")
                try #require(older != whole)
                text = text.replacing(whole, with: older)
                plans[SHA256.hash(whole.utf8).hex] = SHA256.hash(older.utf8).hex
            default: break
            }
            for (new, old) in plans { text = text.replacing(new, with: old) }
            if let last = lines.last {
                let link = try GoldenLog.Columns(Data(text.utf8)).previous
                text = text.replacing(
                    Digest(link)?.hex ?? "", with: SHA256.hash([0] + Array(last)).hex)
            }
            lines.append(Data(text.utf8))
        }
        return GoldenLog(corpus: 0, name: golden.name, lines: lines, story: "")
    }

    private static func planText(in text: String) throws -> String {
        let place = try #require(try JSON.range(of: ["data", "planned", "plan"], in: text.utf8))
        return String(decoding: Array(text.utf8)[place], as: UTF8.self)
    }

    @Test("A log of older shapes replays as if it were of today's", arguments: 1...3)
    func replays(version: Int) throws {
        var visited = 0
        for golden in try GoldenLog.all()
        where golden.corpus == 1 && golden.name != "unfenced-and-saved-nothing" {
            let old = try Self.old(golden, done: version)
            #expect(old.lines != golden.lines)
            let log = try old.restore(into: try Folder())
            let coder = RecordCoder(shapes: Self.shapes)
            var read: [String: [LogEntry]] = [:]
            var events: [Event] = []
            try log.forEachStoredEvent { stored in
                // What is not read is missed below.
                guard let entry = try? stored.record(by: coder) else { return }
                read[entry.stream, default: []].append(entry)
                events.append(entry.event)
            }
            let today = try golden.lines.map { try JSONDecoder().decode(Body.self, from: $0).data }
            #expect(events == today, "\(golden)")
            for entries in read.values { _ = try Replay(entries) }
            visited += 1
        }
        #expect(visited >= 4)
    }

    private static func payload(_ text: String) throws -> JSON { try JSON(parsing: text.utf8) }

    @Test func `The steps are taken one after the other, from the version that is there`() throws {
        let today = try Self.payload(#"{"done":{"adopted":true}}"#)
        for (version, text) in [
            (1, #"{"done":{"found":true}}"#), (2, #"{"done":{"adopted":1}}"#),
            (3, #"{"done":{"adopted":true}}"#),
        ] {
            let old = try Self.payload(text)
            #expect(try Self.shapes.upcast(old, of: .done, from: version) == today, "\(version)")
        }
        // A step of version 2 finds in a payload of version 1 nothing that it knows.
        let wrong = try Self.shapes.upcast(
            try Self.payload(#"{"done":{"found":true}}"#), of: .done, from: 2)
        #expect(wrong != today)
    }

    @Test func `A type without steps is in its first version`() throws {
        #expect(Self.shapes.version(of: .resumed) == 1)
        #expect(Self.shapes.version(of: .planned) == 2)
        #expect(Self.shapes.version(of: .done) == 3)
        let payload = try Self.payload(#"{"resumed":{}}"#)
        #expect(try Self.shapes.upcast(payload, of: .resumed, from: 1) == payload)
    }

    @Test(
        "A version that is not known is of no type",
        arguments: [
            ("done", 0), ("done", -1), ("done", 4), ("resumed", 2), ("started", 1), ("", 1),
        ])
    func unknown(type: String, version: Int) {
        #expect(Self.shapes.known(type, version: version) == nil)
    }

    @Test func `What is written has the newest version`() throws {
        let entry = LogEntry(
            sequence: 1, previousLeaf: "", instance: "studio", stream: "u1", streamSequence: 1,
            moment: Sample.moment(0), fenceNumber: 1, actor: "ada", host: "server",
            tool: Tool(version: "1", digest: ""), planDigest: "", causation: nil,
            event: .done(receipt: .fenceLifted, adopted: true))
        let body = try RecordCoder(shapes: Self.shapes).body(of: entry)
        #expect(String(decoding: body, as: UTF8.self).contains(#""version":3,"#))
        // Today's Pawl has two steps less, and refuses it.
        let kind = try #require(RecordCoder().kind(of: body))
        #expect((kind.type, kind.version) == ("done", 3))
        #expect(Shapes.current.known("done", version: 3) == nil)
    }

    @Test func `A step that does not find what it needs says where`() throws {
        let coder = RecordCoder(shapes: Self.shapes)
        let golden = try #require(try GoldenLog.all().first)
        let line = try #require(
            golden.lines.first { String(decoding: $0, as: UTF8.self).contains(#""type":"done""#) })
        let error = #expect(throws: JSON.Unreadable.self) {
            try coder.record(from: line, type: .done, version: 1)
        }
        #expect(error?.description.contains("found") == true)
    }
}
