import EventLog
import Foundation
import GRDB
import Glibc
import Testing
import UpgradeMachine

@Suite("A file that is no log of this Pawl's")
struct FileTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let kind: String
        let make: @Sendable (Folder) throws -> Void
    }

    /// Another program's database.
    private static func foreign(_ sql: String) -> @Sendable (Folder) throws -> Void {
        { folder in
            let raw = try folder.raw()
            try raw.writeWithoutTransaction { try $0.execute(sql: sql) }
            try raw.close()
        }
    }

    private static let cases = [
        Case(testDescription: "a few letters", kind: "foreign") { try $0.write("hello\n".utf8) },
        Case(testDescription: "a text", kind: "foreign") {
            try $0.write(String(repeating: "a line of a text\n", count: 500).utf8)
        },
        Case(testDescription: "a picture", kind: "foreign") {
            try $0.write([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + Array(0...255) + [1])
        },
        Case(testDescription: "the beginning of a database", kind: "foreign") {
            try $0.write("SQLite format 3\0".utf8)
        },
        Case(
            testDescription: "a database without an application's number", kind: "foreign",
            make: foreign("CREATE TABLE event (seq INTEGER PRIMARY KEY)")),
        Case(
            testDescription: "another application's database", kind: "foreign",
            make: foreign("PRAGMA application_id = 42; CREATE TABLE a (b)")),
        Case(
            testDescription: "another application's database without a table", kind: "foreign",
            make: foreign("PRAGMA application_id = 42")),
        Case(testDescription: "a newer Pawl's log", kind: "newer") { folder in
            try folder.append()
            try foreign("PRAGMA user_version = 99")(folder)
        },
    ]

    @Test("It is refused and stays as it is", arguments: cases, [true, false])
    func isRefused(_ given: Case, isWriting: Bool) throws {
        let folder = try Folder()
        try given.make(folder)
        let before = try folder.snapshot()
        let error = refusal {
            try EventLog(path: folder.log, for: isWriting ? .writing : .reading)
        }
        #expect(error?.kind == given.kind, "\(String(describing: error))")
        #expect(error?.description.contains(folder.log) == true)
        #expect(try folder.snapshot() == before)
    }

    @Test func `An empty file becomes a log`() throws {
        let folder = try Folder()
        try folder.write([])
        #expect(refusal { try EventLog(path: folder.log, for: .reading) }?.kind == "unreadable")
        #expect(try folder.snapshot().count == 1)
        try folder.append()
        #expect(try EventLog(path: folder.log, for: .reading).verifyChain().events == 8)
    }

    @Test func `What a crash in the making left becomes a log`() throws {
        let folder = try Folder()
        // A database of one page without a schema, as before the first migration was committed.
        try Self.foreign("CREATE TABLE a (b); DROP TABLE a; VACUUM")(folder)
        var bytes = try folder.bytes()
        bytes.replaceSubrange(40..<44, with: [0, 0, 0, 0])
        try folder.write(bytes)
        try folder.append()
        #expect(try EventLog(path: folder.log, for: .reading).verifyChain().events == 8)
    }

    @Test func `What a power cut in the first write of all left becomes a log`() throws {
        let folder = try Folder()
        // The second page has come through, the first has not, and the journal is hot: its magic,
        // no records, a nonce, no pages before, sectors of 512 and pages of 4096 bytes.
        let journal: [UInt8] =
            [0xD9, 0xD5, 0x05, 0xF9, 0x20, 0xA1, 0x63, 0xD7] + [0, 0, 0, 0] + [1, 2, 3, 4]
            + [0, 0, 0, 0] + [0, 0, 2, 0] + [0, 0, 16, 0]
        let pages = [UInt8](repeating: 0, count: 4096) + [UInt8](repeating: 13, count: 4096)
        for purpose in [EventLog.Purpose.reading, .writing] {
            try folder.write(pages)
            #expect(refusal { try EventLog(path: folder.log, for: purpose) }?.kind == "foreign")
            try Data(journal + [UInt8](repeating: 0, count: 512 - journal.count))
                .write(to: URL(fileURLWithPath: folder.log + "-journal"))
            let error = refusal { try EventLog(path: folder.log, for: purpose) }
            #expect(error?.kind == (purpose == .reading ? "unreadable" : nil))
            #expect(error == nil || error?.description.contains("there is no log yet") == true)
            // SQLite has taken away what it played back.
            try FileManager.default.removeItem(atPath: folder.log)
            try? FileManager.default.removeItem(atPath: folder.log + "-journal")
        }
    }

    @Test func `Reading makes no file`() throws {
        let folder = try Folder()
        #expect(refusal { try EventLog(path: folder.log, for: .reading) }?.kind == "unreadable")
        #expect(try folder.snapshot().isEmpty)
    }

    @Test(
        "A place where no file can be is reported",
        arguments: ["/proc/pawl-log.sqlite", "/dev/null/log.sqlite", "/tmp"])
    func impossiblePlace(path: String) {
        #expect(refusal { try EventLog(path: path, for: .writing) }?.kind == "unreadable")
    }

    @Test(
        "A folder that may not be read or written is reported",
        .enabled(if: geteuid() != 0, "root may read and write everything"),
        arguments: [0o000, 0o500])
    func forbiddenFolder(mode: Int) throws {
        let folder = try Folder()
        chmod(folder.path, mode_t(mode))
        defer { chmod(folder.path, 0o700) }
        #expect(refusal { try EventLog(path: folder.log, for: .writing) }?.kind == "unreadable")
    }

    @Test func `A log that is overwritten in its middle is refused and stays as it is`() throws {
        let folder = try Folder()
        try folder.append(Array(repeating: .resumed, count: 500))
        var bytes = try folder.bytes()
        let middle = bytes.count / 2
        bytes.replaceSubrange(
            middle..<middle + 8192, with: [UInt8](repeating: 0xFF, count: 8192))
        try folder.write(bytes)
        for purpose in [EventLog.Purpose.writing, .reading] {
            let error = refusal {
                try EventLog(path: folder.log, for: purpose).verifyChain()
            }
            #expect(error?.kind == "damaged", "\(String(describing: error))")
            #expect(try folder.bytes() == bytes)
        }
    }

    /// Reading the end of the log alone, which is all that a writer needs, would not show it.
    @Test func `A writer is refused a log with a damaged page that it has no need to read`() throws
    {
        let folder = try Folder()
        try folder.append(Array(repeating: .resumed, count: 500))
        var bytes = try folder.bytes()
        let middle = bytes.count / 2 / 4096 * 4096
        bytes.replaceSubrange(middle..<middle + 4096, with: [UInt8](repeating: 0xFF, count: 4096))
        try folder.write(bytes)
        let error = refusal { _ = try EventLog(path: folder.log, for: .writing) }
        #expect(error?.kind == "damaged", "\(String(describing: error))")
    }

    /// Damage anywhere is either seen, or lies where no event is; it never ends the process.
    @Test func `One changed byte anywhere is seen or of no matter`() throws {
        let folder = try Folder()
        try folder.append()
        let bytes = try folder.bytes()
        let chain = try EventLog(path: folder.log, for: .reading).verifyChain()
        var seen = 0
        for index in stride(from: 0, to: bytes.count, by: 61) {
            var changed = bytes
            changed[index] ^= 0xA5
            try folder.write(changed)
            do {
                let found = try EventLog(path: folder.log, for: .reading).verifyChain()
                #expect(found == chain, "byte \(index)")
            } catch {
                seen += 1
            }
        }
        #expect(seen > 20)
    }

    @Test func `A log that is cut short is refused`() throws {
        let folder = try Folder()
        try folder.append(Array(repeating: .resumed, count: 100))
        try folder.write(try folder.bytes().dropLast(8192))
        let error = refusal { try EventLog(path: folder.log, for: .writing) }
        #expect(error?.kind == "damaged", "\(String(describing: error))")
    }
}
