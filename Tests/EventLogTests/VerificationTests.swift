import Digests
import EventLog
import Foundation
import GRDB
import Testing
import UpgradeMachine

@Suite("An altered log")
struct VerificationTests {
    private static func verify(_ folder: Folder) -> EventLogError? {
        refusal { try EventLog(path: folder.log, for: .reading).verifyChain() }
    }

    @Test func `One that was not altered is in order`() throws {
        let folder = try Folder()
        let entries = try folder.append()
        let log = try EventLog(path: folder.log, for: .reading)
        var visited: [LogEntry] = []
        let chain = try log.verifyChain { visited.append($0) }
        #expect(visited == entries)
        #expect(chain.events == 8)
        try log.forEachStoredEvent(after: 7) { stored in
            #expect(chain.head == Digest(stored.leaf)?.hex)
        }
    }

    @Test func `An empty one is in order`() throws {
        let folder = try Folder()
        let chain = try EventLog(path: folder.log, for: .writing).verifyChain()
        #expect(chain.events == 0)
        #expect(chain.head == String(repeating: "0", count: 64))
    }

    @Test(
        "A changed column is named with its event",
        arguments: [
            "instance = 'other'", "stream = 'other'", "stream_seq = 99", "type = 'resumed'",
            "fence_number = 7", "prev = randomblob(32)", "leaf = randomblob(32)",
            "body = CAST(body || ' ' AS BLOB)", "body = x'7b7d'",
        ], [1, 4, 8])
    func changedColumn(change: String, sequence: Int) throws {
        let folder = try Folder()
        try folder.append()
        try folder.alter {
            try $0.execute(sql: "UPDATE event SET \(change) WHERE seq = \(sequence)")
        }
        let error = try #require(Self.verify(folder))
        #expect(error.kind == "damaged")
        #expect(error.sequence == sequence)
    }

    @Test(
        "What no Pawl of this version wrote is named as newer",
        arguments: [
            ("type = 'x'", #""type":"done""#, #""type":"x""#),
            ("type_version = 9", #""version":2,"wall"#, #""version":9,"wall"#),
        ])
    func newerShape(column: String, old: String, new: String) throws {
        let folder = try Folder()
        try folder.append()
        try folder.alter { database in
            let body = try #require(
                try Data.fetchOne(database, sql: "SELECT body FROM event WHERE seq = 4"))
            let text = String(decoding: body, as: UTF8.self)
            try #require(text.contains(old), "\(text)")
            try Forgery.rewrite(4, as: text.replacing(old, with: new), in: database)
            try database.execute(sql: "UPDATE event SET \(column) WHERE seq = 4")
        }
        let error = try #require(Self.verify(folder))
        #expect(error.kind == "newer")
        #expect(error.description.contains("event 4"))
    }

    @Test(
        "A column that pretends to be newer than its body is damage",
        arguments: ["type = 'x'", "type_version = 9"])
    func pretendedShape(change: String) throws {
        let folder = try Folder()
        try folder.append()
        try folder.alter { try $0.execute(sql: "UPDATE event SET \(change) WHERE seq = 4") }
        let error = try #require(Self.verify(folder))
        #expect(error.kind == "damaged")
        #expect(error.sequence == 4)
    }

    @Test(
        "A log that has lost a guard is refused, and named with it",
        arguments: [
            "DROP TRIGGER event_is_never_updated", "DROP INDEX event_by_instance",
            "CREATE TRIGGER quiet BEFORE INSERT ON event BEGIN SELECT RAISE(IGNORE); END",
        ])
    func schema(change: String) throws {
        let folder = try Folder()
        try folder.append()
        let raw = try folder.raw()
        try raw.write { try $0.execute(sql: change) }
        try raw.close()
        let name = try #require(change.split(separator: " ").dropFirst(2).first)
        for error in [
            Self.verify(folder), refusal { _ = try EventLog(path: folder.log, for: .writing) },
        ] {
            #expect(error?.kind == "damaged")
            #expect(error?.description.contains(name) == true)
        }
        // Whoever only wants to see it still can.
        #expect(try EventLog(path: folder.log, for: .reading).entries(of: "u1").count == 8)
    }

    @Test func `A changed byte of any body is seen`() throws {
        let folder = try Folder()
        try folder.append()
        let coder = RecordCoder()
        var altered = 0
        try folder.raw().read { database in
            let columns =
                "seq, instance, stream, stream_seq, type, type_version, fence_number, prev"
            for sequence in 1...8 {
                let body = try #require(
                    try Data.fetchOne(
                        database, sql: "SELECT body FROM event WHERE seq = ?",
                        arguments: [sequence]))
                for index in body.indices {
                    var changed = body
                    changed[index] ^= 1
                    let stored = try #require(
                        try StoredEvent.fetchOne(
                            database, sql: "SELECT \(columns), ?, leaf FROM event WHERE seq = ?",
                            arguments: [changed, sequence]))
                    let mismatch = #expect(throws: StoredEvent.Mismatch.self) {
                        try stored.record(by: coder)
                    }
                    #expect(mismatch?.sequence == sequence)
                    altered += 1
                }
            }
        }
        #expect(altered > 2000)
    }

    @Test func `A column that damage has left empty is an error and not a crash`() throws {
        let folder = try Folder()
        try folder.append()
        let raw = try folder.raw()
        for column in 0..<10 {
            let values = (0..<10).map {
                $0 == column ? "NULL" : [1, 2, 4].contains($0) ? "'a'" : $0 < 7 ? "1" : "x'00'"
            }
            #expect(throws: RowDecodingError.self) {
                try raw.read {
                    try StoredEvent.fetchOne($0, sql: "SELECT \(values.joined(separator: ", "))")
                }
            }
        }
    }

    struct Removal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let sql: String
        let sequence: Int
    }

    @Test(
        "A break in the chain is named with the event that shows it",
        arguments: [
            Removal(
                testDescription: "the first is gone", sql: "DELETE FROM event WHERE seq = 1",
                sequence: 2),
            Removal(
                testDescription: "one is gone", sql: "DELETE FROM event WHERE seq = 4",
                sequence: 5),
            Removal(
                testDescription: "one is gone, and the rest moved up",
                sql: """
                    DELETE FROM event WHERE seq = 4;
                    UPDATE event SET seq = seq - 1 WHERE seq = 5;
                    """, sequence: 4),
            Removal(
                testDescription: "two have changed places",
                sql: """
                    UPDATE event SET seq = 99 WHERE seq = 3;
                    UPDATE event SET seq = 3 WHERE seq = 4;
                    UPDATE event SET seq = 4 WHERE seq = 99;
                    """, sequence: 3),
        ])
    func brokenChain(_ given: Removal) throws {
        let folder = try Folder()
        try folder.append()
        try folder.alter { try $0.execute(sql: given.sql) }
        let error = try #require(Self.verify(folder))
        #expect(error.kind == "damaged")
        #expect(error.sequence == given.sequence)
    }

    /// One event rewritten with a hash of its own: only the link of the next one shows it.
    @Test func `A rewritten event with a fitting hash breaks the chain after it`() throws {
        let folder = try Folder()
        try folder.append()
        try folder.alter { database in
            let body = try #require(
                try Data.fetchOne(database, sql: "SELECT body FROM event WHERE seq = 3"))
            let text = String(decoding: body, as: UTF8.self).replacing("said 503", with: "said 200")
            try Forgery.rewrite(3, as: text, in: database)
        }
        #expect(try #require(Self.verify(folder)).sequence == 4)
    }
}

/// Writes what Pawl would not.
enum Forgery {
    /// Gives an event another body and the leaf that goes with it.
    static func rewrite(_ sequence: Int, as text: String, in database: GRDB.Database) throws {
        let body = Data(text.utf8)
        let leaf = Data(SHA256.hash([0] + Array(body)).bytes)
        try database.execute(
            sql: "UPDATE event SET body = ?, leaf = ? WHERE seq = ?",
            arguments: [body, leaf, sequence])
    }

    /// Rewrites all bodies and computes the whole chain anew.
    static func rewriteAll(
        in database: GRDB.Database, _ change: (Int, String) -> String
    ) throws {
        var previous = Data(count: 32)
        let rows = try Row.fetchAll(database, sql: "SELECT seq, prev, body FROM event ORDER BY seq")
        for row in rows {
            let sequence: Int = row[0]
            let (oldLink, body): (Data, Data) = (row[1], row[2])
            let text = change(sequence, String(decoding: body, as: UTF8.self))
                .replacing(hex(oldLink), with: hex(previous))
            try rewrite(sequence, as: text, in: database)
            try database.execute(
                sql: "UPDATE event SET prev = ? WHERE seq = ?", arguments: [previous, sequence])
            previous = Data(SHA256.hash([0] + Array(Data(text.utf8))).bytes)
        }
    }

    private static func hex(_ data: Data) -> String { Digest(data)?.hex ?? "" }
}
