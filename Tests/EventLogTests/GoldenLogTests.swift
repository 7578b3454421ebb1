import Foundation
import GRDB
import GeneratedEvents
import PropertyTesting
import Testing
import UpgradeMachine

@testable import EventLog

/// Every log that was ever written replays for ever.
///
/// Where a shape has a new version, `PAWL_WRITE_GOLDEN=1 swift test --filter GoldenLogTests` writes
/// the tales as today's Pawl does into a corpus of their own. Nothing that is there is written again.
@Suite("Golden logs", .serialized)
struct GoldenLogTests {
    private static let isWriting = ProcessInfo.processInfo.environment["PAWL_WRITE_GOLDEN"] != nil

    private struct Shape: Hashable { let type, version: String }

    private static func shapes(in logs: [GoldenLog]) throws -> Set<Shape> {
        Set(
            try logs.flatMap(\.lines).map {
                let columns = try GoldenLog.Columns($0)
                return Shape(type: columns.type, version: "\(columns.version)")
            })
    }

    private static func told() throws -> [GoldenLog] {
        try GoldenTale.all.map { try GoldenLog($0.name, try $0.tell()) }
    }

    @Test func `Today's shapes have a golden log, and today's Pawl writes it to the byte`() throws {
        let told = try Self.told()
        var golden = try GoldenLog.all()
        let isNew = !(try Self.shapes(in: told)).isSubset(of: try Self.shapes(in: golden))
        if isNew, Self.isWriting {
            let corpus = (golden.map(\.corpus).max() ?? 0) + 1
            for log in told { try log.write(to: corpus) }
            golden = try GoldenLog.all()
        }
        try #require(
            Self.isWriting || !isNew,
            "a shape has no golden log: PAWL_WRITE_GOLDEN=1 swift test --filter GoldenLogTests")
        let newest = golden.filter { $0.corpus == golden.last?.corpus }
        try #require(newest.map(\.name).sorted() == told.map(\.name).sorted())
        for log in told {
            let written = try #require(newest.first { $0.name == log.name })
            for (line, old) in zip(log.lines, written.lines) where line != old {
                Issue.record(
                    """
                    \(written) is not what is written today. A shape that has changed needs a step \
                    in Shapes, and a version:
                    \(String(decoding: old, as: UTF8.self))
                    \(String(decoding: line, as: UTF8.self))
                    """)
            }
            #expect(log.lines.count == written.lines.count)
            #expect(log.story == written.story)
        }
    }

    @Test func `Every version of every shape has one`() throws {
        let golden = try Self.shapes(in: try GoldenLog.all())
        for type in EventType.allCases {
            for version in 1...Shapes.current.version(of: type) {
                #expect(
                    golden.contains(Shape(type: type.rawValue, version: "\(version)")),
                    "\(type.rawValue), version \(version)")
            }
        }
    }

    /// Names stand for everything: a case, a label and an optional part each have one of their own.
    @Test func `Every name that an event may have is in one`() throws {
        var golden: Set<String> = []
        for line in try GoldenLog.all().flatMap(\.lines) {
            golden.formUnion(try Self.names(in: try JSON(parsing: line)))
        }
        let coder = RecordCoder()
        nonisolated(unsafe) var generated: Set<String> = []
        try check(runs: 3_000, generating: Generator { $0.event() }) { event in
            let entry = LogEntry(
                sequence: 1, previousLeaf: "", instance: "", stream: "", streamSequence: 1,
                moment: Sample.moment(0), fenceNumber: 1, actor: "", host: "",
                tool: Tool(version: "", digest: ""), planDigest: "", causation: 1, event: event)
            generated.formUnion(try Self.names(in: JSON(parsing: coder.body(of: entry))))
        }
        #expect(generated.subtracting(golden).sorted() == [])
        // And none of the shapes of old that nothing can make any more, unless it is upcast.
        #expect(golden.count > 150, "\(golden.count)")
        #expect(golden.subtracting(generated).sorted() == [])
    }

    /// All names, each with the one that it is found under.
    private static func names(in json: JSON, under outer: String = "") throws -> Set<String> {
        switch json {
        case .object(let members):
            return try members.reduce(into: []) { all, member in
                all.insert("\(outer).\(member.name)")
                all.formUnion(try names(in: member.value, under: member.name))
            }
        case .array(let values):
            return try values.reduce(into: []) { $0.formUnion(try names(in: $1, under: outer)) }
        default: return []
        }
    }

    @Test func `Each replays to what it did when it was written`() throws {
        let logs = try GoldenLog.all()
        try #require(!logs.isEmpty, "there are no golden logs in \(GoldenLog.folder)")
        for golden in logs {
            try #require(golden.lines.count > 1, "\(golden)")
            let folder = try Folder()
            let log = try golden.restore(into: folder)
            #expect(try GoldenLog.story(of: log) == golden.story, "\(golden)")
            var lines: [Data] = []
            try log.forEachStoredEvent { lines.append($0.body) }
            #expect(lines == golden.lines, "\(golden)")
        }
    }

    @Test func `A golden log of which one byte was altered does not pass`() throws {
        for golden in try GoldenLog.all() {
            let folder = try Folder()
            let log = try golden.restore(into: folder)
            try folder.alter {
                try $0.execute(
                    sql: """
                        UPDATE event SET body = CAST(replace(body, '"actor":"ada"', '"actor":"eve"')
                            AS BLOB) WHERE seq = 2
                        """)
            }
            #expect(throws: EventLogError.self, "\(golden)") { try GoldenLog.story(of: log) }
        }
    }

    @Test func `None is written again`() throws {
        let golden = try #require(try GoldenLog.all().first)
        let other = try #require(try Self.told().first { $0.name != golden.name })
        #expect(throws: CocoaError.self) { try golden.write(to: golden.corpus) }
        #expect(throws: CocoaError.self) { try other.write(to: golden.corpus) }
    }
}
