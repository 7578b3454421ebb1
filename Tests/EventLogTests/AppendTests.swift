import Foundation
import GRDB
import Testing
import UpgradeMachine

@testable import EventLog

@Suite("Appending and reading")
struct AppendTests {
    @Test func `What was appended is read as it was`() throws {
        let folder = try Folder()
        let appended = try folder.append()
        let read = try EventLog(path: folder.log, for: .reading).entries(of: "u1")
        #expect(read == appended)
        #expect(read.map(\.event) == Sample.events)
        #expect(read.map(\.sequence) == Array(1...8))
        #expect(read.map(\.streamSequence) == Array(1...8))
        #expect(read.map(\.causation) == [nil] + (1...7).map { $0 })
        #expect(read.first?.previousLeaf == String(repeating: "0", count: 64))
        #expect(Set(read.map(\.fenceNumber)) == [1])
        #expect(read.last?.moment == Sample.moment(7))
        #expect(read.last?.tool == Sample.author.tool)
    }

    @Test func `Streams are told apart, and the chain runs through all of them`() throws {
        let folder = try Folder()
        try folder.append(Array(Sample.events.prefix(2)))
        try folder.append(Array(Sample.events.prefix(1)), to: "v1", of: "other")
        try folder.append([Sample.events[2]])
        let log = try EventLog(path: folder.log, for: .reading)
        #expect(try log.entries(of: "u1").map(\.sequence) == [1, 2, 4])
        #expect(try log.entries(of: "u1").map(\.streamSequence) == [1, 2, 3])
        #expect(try log.entries(of: "v1").map(\.sequence) == [3])
        #expect(try log.streams().map(\.stream) == ["u1", "v1"])
        #expect(try log.streams(of: "other").map(\.stream) == ["v1"])
        #expect(try log.streams().first?.lastSequence == 4)
        #expect(try log.verifyChain().events == 4)
        #expect(refusal { try log.entries(of: "x") }?.kind == "unknownStream")
    }

    @Test func `Entries of one append are there together or not at all`() throws {
        let folder = try Folder()
        let log = try EventLog(path: folder.log, for: .writing)
        let writer = try folder.writer(on: log)
        try writer.append(
            Sample.entries([Sample.events[0]]), to: "u1", planDigest: Sample.planDigest)
        let raw = try folder.raw()
        // The intruder's trigger refuses the second of two.
        try raw.write {
            try $0.execute(
                sql: """
                    CREATE TRIGGER refusing BEFORE INSERT ON event WHEN NEW.seq = 3
                    BEGIN SELECT RAISE(ABORT, 'no'); END
                    """)
        }
        try raw.close()
        let error = refusal {
            try writer.append(
                Sample.entries(Array(Sample.events[1...2])), to: "u1", planDigest: Sample.planDigest
            )
        }
        #expect(error?.kind == "appendFailed")
        #expect(error?.description.contains("pawl resume") == true)
        #expect(try log.entries(of: "u1").count == 1)
    }

    @Test func `After an append that failed its writer appends nothing more`() throws {
        let folder = try Folder()
        let log = try EventLog(path: folder.log, for: .writing)
        let writer = try folder.writer(on: log)
        let raw = try folder.raw()
        try raw.write {
            try $0.execute(
                sql: """
                    CREATE TRIGGER refusing BEFORE INSERT ON event
                    BEGIN SELECT RAISE(ABORT, 'no'); END
                    """)
        }
        let append = { try writer.append(Sample.entries([.resumed]), to: "u1", planDigest: "p") }
        #expect(refusal(append)?.kind == "appendFailed")
        try raw.write { try $0.execute(sql: "DROP TRIGGER refusing") }
        try raw.close()
        #expect(refusal(append)?.kind == "appendFailed")
        #expect(try log.verifyChain().events == 0)
        // Whoever opens the log anew sees what is there, and goes on.
        try folder.append([.resumed], of: "other")
        #expect(try log.verifyChain().events == 1)
    }

    @Test func `A take-over refuses the writer before it`() throws {
        let folder = try Folder()
        let log = try EventLog(path: folder.log, for: .writing)
        var first: Writer? = try folder.writer(on: log)
        try first?.append(
            Sample.entries([Sample.events[0]]), to: "u1", planDigest: Sample.planDigest)
        let outdated = try Writer(
            log: log,
            lock: InstanceLock(
                instance: "studio", directory: folder.path + "/elsewhere", holder: Sample.holder),
            author: Sample.author)
        #expect(outdated.fenceNumber == 2)
        first = nil
        let second = try folder.writer(on: log)
        try second.append(
            Sample.entries([Sample.events[1]]), to: "u1", planDigest: Sample.planDigest)
        let third = try Writer(
            log: log,
            lock: InstanceLock(
                instance: "studio", directory: folder.path + "/third", holder: Sample.holder),
            author: Sample.author)
        #expect(third.fenceNumber == 3)
        try third.append(Sample.entries([.resumed]), to: "u1", planDigest: Sample.planDigest)
        let error = refusal {
            try second.append(Sample.entries([.resumed]), to: "u1", planDigest: Sample.planDigest)
        }
        guard case .outdated(let instance, let fenceNumber)? = error else {
            Issue.record("it was not refused as outdated: \(String(describing: error))")
            return
        }
        #expect((instance, fenceNumber) == ("studio", 2))
        #expect(try log.verifyChain().events == 3)
    }

    @Test func `Of two that took over before either appended, one is refused`() throws {
        let folder = try Folder()
        try folder.append(Array(Sample.events.prefix(1)))
        let log = try EventLog(path: folder.log, for: .writing)
        let writers = try ["one", "other"].map { place in
            try Writer(
                log: log,
                lock: InstanceLock(
                    instance: "studio", directory: "\(folder.path)/\(place)",
                    holder: Sample.holder),
                author: Sample.author)
        }
        #expect(writers.map(\.fenceNumber) == [2, 2])
        for event in [Event.resumed, Sample.events[1]] {
            try writers[0].append(Sample.entries([event]), to: "u1", planDigest: Sample.planDigest)
        }
        let error = refusal {
            try writers[1].append(
                Sample.entries([.resumed]), to: "u1", planDigest: Sample.planDigest)
        }
        #expect(error?.kind == "outdated")
        // What happens to another instance is no concern of either.
        try folder.append([.resumed], to: "v1", of: "other")
        try writers[0].append(Sample.entries([.resumed]), to: "u1", planDigest: Sample.planDigest)
        #expect(try log.verifyChain().events == 5)
    }

    @Test func `Another instance's fence number is its own`() throws {
        let folder = try Folder()
        for _ in 1...3 { try folder.append([.resumed]) }
        let entries = try folder.append([.resumed], to: "v1", of: "other")
        #expect(entries.map(\.fenceNumber) == [1])
    }

    @Test func `More rows than one reading takes are all read`() throws {
        let folder = try Folder()
        try folder.append(Array(repeating: .resumed, count: 2_500))
        let log = try EventLog(path: folder.log, for: .reading)
        #expect(try log.entries(of: "u1").count == 2_500)
        #expect(try log.verifyChain().events == 2_500)
        var after: [Int] = []
        try log.forEachStoredEvent(after: 2_490) { after.append($0.sequence) }
        #expect(after == Array(2_491...2_500))
    }

    @Test func `The settings that durability rests on have taken`() throws {
        let folder = try Folder()
        try folder.append([.resumed])
        let raw = try folder.raw()
        let numbers = try raw.read { database in
            try ["application_id", "user_version"].map {
                try Int.fetchOne(database, sql: "PRAGMA \($0)")
            }
        }
        #expect(numbers == [0x5061_776C, 1])
        try raw.close()
        for purpose in [EventLog.Purpose.writing, .reading] {
            let settings = try Self.settings(of: EventLog(path: folder.log, for: purpose))
            #expect(settings["synchronous"] == "3")
            #expect(settings["foreign_keys"] == "1")
            #expect(settings["trusted_schema"] == "0")
            #expect(settings["cell_size_check"] == "1")
            #expect(settings["busy_timeout"] == "30000")
            if purpose == .writing { #expect(settings["journal_mode"] == "truncate") }
        }
    }

    private static func settings(of log: EventLog) throws -> [String: String] {
        let names = [
            "synchronous", "foreign_keys", "trusted_schema", "cell_size_check", "busy_timeout",
            "journal_mode",
        ]
        return try log.queue.read { database in
            try Dictionary(
                uniqueKeysWithValues: names.map {
                    ($0, try String.fetchOne(database, sql: "PRAGMA \($0)") ?? "")
                })
        }
    }
}
