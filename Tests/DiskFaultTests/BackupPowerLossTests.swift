import DiskWork
import Drivers
import Foundation
import RecordedDisk
import Testing
import UpgradeMachine

@Suite("Backups after a power cut", .needsStrace)
struct BackupPowerLossTests {
    @Test("Whatever passes for a backup is one, and one that was acknowledged is there")
    func dumps() async throws {
        let recording = try Self.recordDump(fault: nil)
        #expect(recording.executions.map(\.status) == [0], "\(recording.executions)")
        let losses = try await Examination(recording, "dump").losses { image, crash in
            try await Self.checkDump(in: image, acknowledged: crash.acknowledged)
        }
        #expect(losses.isEmpty, "\(losses.brief)")
    }

    @Test("What a killed run had made without a sync is durable when the next one has ended")
    func afterAKill() async throws {
        for number in 1...4 {
            let scratch = try Scratch()
            let words = [Subject.path, "dump", scratch.path]
            let recording = try Recording(
                of: .init(words, fault: "fsync:signal=KILL:when=\(number)"), .init(words),
                below: scratch.path)
            #expect(recording.executions.map(\.status).last == 0, "\(recording.executions)")
            let what = "dump after a kill at sync \(number)"
            let losses = try await Examination(recording, what).losses { image, crash in
                try await Self.checkDump(in: image, acknowledged: crash.acknowledged)
            }
            #expect(losses.isEmpty, "\(losses.brief)")
        }
    }

    @Test("Where no sync is done, an acknowledged backup is found lost, and no half one passes")
    func bites() async throws {
        let recording = try Self.recordDump(fault: "fsync:retval=0")
        var passed = 0
        let losses = try await Examination(recording, "dump without syncs").losses { image, crash in
            do {
                try await Self.checkDump(in: image, acknowledged: crash.acknowledged)
            } catch let error as Lost {
                throw error
            } catch {
                passed += 1
                throw error
            }
        }
        #expect(!losses.isEmpty)
        #expect(passed == 0, "\(losses.brief)")
    }

    private static func recordDump(fault: String?) throws -> Recording {
        let scratch = try Scratch()
        return try Recording(
            of: .init([Subject.path, "dump", scratch.path], fault: fault), below: scratch.path)
    }

    struct Lost: Error {}
    struct Wrong: Error {
        let found: String
    }

    private static func checkDump(in directory: String, acknowledged: [String]) async throws {
        let work = DataWork(in: directory)
        switch try await work.store.find(DataWork.name) {
        case .present(let backup):
            guard try read(backup) == DataWork.dumped else { throw Wrong(found: "other bytes") }
            guard acknowledged.allSatisfy({ $0 == backup.sha256 }) else {
                throw Wrong(found: "another backup")
            }
        case .absent, .torn:
            guard acknowledged.isEmpty else { throw Lost() }
            // The next run takes the half away and makes it anew.
            try await work.store.clear(DataWork.name)
            guard try await work.store.find(DataWork.name) == .absent else {
                throw Wrong(found: "a half that cannot be cleared")
            }
            _ = try work.store.writer(name: DataWork.name, fileExtension: "sql")
        }
    }

    private static func read(_ backup: Backup) throws -> [UInt8] {
        let reader = try BackupReader.verified(backup)
        var all: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 20)
        while case let count = try part.withUnsafeMutableBytes({ try reader.read(into: $0) }),
            count > 0
        { all += part[..<count] }
        return all
    }
}

@Suite("An SQLite database after a power cut", .needsStrace)
struct DataPowerLossTests {
    /// A database and its backup, after which it was migrated.
    private static func prepare(in directory: String) throws -> Recording {
        try FileManager.default.createDirectory(
            atPath: "\(directory)/data", withIntermediateDirectories: true)
        let database = "\(directory)/data/app.db"
        try sqlite(
            database,
            """
            CREATE TABLE notice (text); INSERT INTO notice VALUES ('one'), ('two');
            INSERT INTO notice SELECT hex(randomblob(2000)) FROM notice, notice, notice;
            """)
        chmod(database, 0o640)
        return try Recording(of: .init([Subject.path, "back-up", directory]), below: directory)
    }

    private static func sqlite(_ path: String, _ sql: String) throws {
        let run = try Execution.run(["sqlite3", "-bail", path, sql])
        guard run.status == 0 else { throw Execution.Failed(run.errors) }
    }

    @Test("While it is backed up its data stays, and only a whole backup passes")
    func backUp() async throws {
        let scratch = try Scratch()
        let recording = try Self.prepare(in: scratch.path)
        #expect(recording.executions.map(\.status) == [0], "\(recording.executions)")
        let original = try await DataWork(in: scratch.path).fingerprint()
        let losses = try await Examination(recording, "back-up").losses { directory, crash in
            let work = DataWork(in: directory)
            guard try await work.fingerprint() == original else {
                throw Execution.Failed("the data is another")
            }
            let found = try await work.store.find(DataWork.name)
            if case .present(let backup) = found {
                guard backup.fingerprint == original else {
                    throw Execution.Failed("a backup of something else")
                }
            } else if crash.acknowledged.contains("backUp") {
                throw Execution.Failed("the backup is lost: \(found)")
            }
        }
        #expect(losses.isEmpty, "\(losses.brief)")
    }

    @Test("While it is put back it is the old or the new, whole, and can be put back again")
    func restore() async throws {
        let scratch = try Scratch()
        #expect(try Self.prepare(in: scratch.path).executions.map(\.status) == [0])
        let original = try await DataWork(in: scratch.path).fingerprint()
        try Self.sqlite(
            "\(scratch.path)/data/app.db",
            "ALTER TABLE notice ADD COLUMN at; UPDATE notice SET at = 1; CREATE TABLE trail (x);")
        let migrated = try await DataWork(in: scratch.path).fingerprint()
        let recording = try Recording(
            of: .init([Subject.path, "restore", scratch.path]), below: scratch.path)
        #expect(recording.executions.map(\.status) == [0], "\(recording.executions)")
        let losses = try await Examination(recording, "restore").losses { directory, crash in
            try await Self.check(
                directory, original, migrated,
                isAcknowledged: crash.acknowledged.contains("restoreData"))
        }
        #expect(losses.isEmpty, "\(losses.brief)")
    }

    private static func check(
        _ directory: String, _ original: Fingerprint, _ migrated: Fingerprint,
        isAcknowledged: Bool
    ) async throws {
        let work = DataWork(in: directory)
        let database = "\(directory)/data/app.db"
        var status = stat()
        guard stat(database, &status) == 0 else { throw Execution.Failed("no database") }
        let found = try await work.fingerprint()
        guard found == original || (found == migrated && !isAcknowledged) else {
            throw Execution.Failed("the data is \(found)")
        }
        guard status.st_mode & 0o777 == 0o640 else {
            throw Execution.Failed("its mode is \(String(status.st_mode & 0o777, radix: 8))")
        }
        guard case .present(let backup) = try await work.store.find(DataWork.name) else {
            throw Execution.Failed("no backup any more")
        }
        let moved = Backup(
            instance: backup.instance, path: backup.path, sha256: backup.sha256,
            sizeInBytes: backup.sizeInBytes, fingerprint: original, position: backup.position)
        if case .present = try await work.observeRestore(of: moved), found != original {
            throw Execution.Failed("a restore that was not done passes for done")
        }
        try await work.restore()
        guard try await work.fingerprint() == original else {
            throw Execution.Failed("it cannot be put back again")
        }
    }
}
