import Drivers
import Foundation
import Testing
import UpgradeMachine

@Suite("SQLite after crashes, and in bad states")
struct SQLiteCrashTests {
    let world: SQLiteDriverTests
    var path: String { world.path }
    var context: Context { world.plan.context }
    var driver: SQLiteDriver { world.driver }
    var scratch: String { world.directory.path("data/.app.db.pawl-restore") }

    init() throws { world = try SQLiteDriverTests() }

    /// Has another program die in the middle of its work, with SQLite's files as they are then.
    func crash(_ mode: String, _ sql: [String], commit: Bool) throws {
        let script = """
            import os, sqlite3, sys
            database = sqlite3.connect(sys.argv[1], isolation_level=None)
            database.execute("PRAGMA journal_mode = " + sys.argv[2])
            database.execute("PRAGMA cache_size = 1")
            database.execute("PRAGMA wal_autocheckpoint = 0")
            database.execute("BEGIN IMMEDIATE")
            for statement in sys.argv[4:]: database.execute(statement)
            if sys.argv[3] == "commit": database.execute("COMMIT")
            os._exit(0)
            """
        try Shell.run(
            ["python3", "-c", script, path, mode, commit ? "commit" : "die"] + sql)
    }

    static let migration = [
        "CREATE TABLE new (x)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
            + "INSERT INTO new SELECT hex(randomblob(100)) FROM n",
        "DELETE FROM notice",
    ]

    func backup() async throws -> Backup {
        _ = try await driver.perform(.raiseFence, in: context)
        let backup = try await world.backedUp()
        _ = try await driver.perform(.liftFence(proving: backup.position), in: context)
        return backup
    }

    func restore(_ backup: Backup) async throws {
        let effect = Effect.restoreData(from: backup)
        let receipt = Receipt.dataRestored(fingerprint: backup.fingerprint)
        if case .torn = try await driver.observe(effect, in: context) {
            try await driver.clear(effect, in: context)
        }
        #expect(try await driver.observe(effect, in: context) != .present(receipt))
        #expect(try await driver.perform(effect, in: context) == receipt)
        #expect(try await driver.observe(effect, in: context) == .present(receipt))
        #expect(try world.beside == ["app.db"])
        #expect(try Shell.sqlite(path, "PRAGMA integrity_check") == "ok")
        #expect(try Shell.sqlite(path, "SELECT count(*) FROM notice") == "3")
    }

    @Test(
        "Restored over what a crashed migration left beside the file",
        arguments: ["delete", "truncate", "persist", "wal"], [true, false])
    func leavings(mode: String, commit: Bool) async throws {
        let backup = try await backup()
        try crash(mode, Self.migration, commit: commit)
        let companion = mode == "wal" ? "-wal" : "-journal"
        if mode == "wal" || !commit {
            #expect(FileManager.default.fileExists(atPath: path + companion))
        }
        if commit {
            try await restore(backup)
        } else {
            // What was not committed is not there: the data is still that of the backup.
            let effect = Effect.restoreData(from: backup)
            #expect(
                try await driver.observe(effect, in: context)
                    == .present(.dataRestored(fingerprint: backup.fingerprint)))
        }
    }

    @Test("A backup holds what is committed in the log alone, and not what is not")
    func walBackup() async throws {
        try crash("wal", ["UPDATE notice SET body = 'committed' WHERE id = 1"], commit: true)
        let backup = try await backup()
        try Shell.sqlite(path, "DROP TABLE notice")
        try await restore(backup)
        #expect(try Shell.sqlite(path, "SELECT body FROM notice WHERE id = 1") == "committed")
        #expect(try Shell.sqlite(path, "PRAGMA journal_mode") == "wal")
    }

    enum Killed: CaseIterable {
        case unpacking, unpacked, mainRemoved, companionsLeft, renamed
    }

    @Test("A restore that was killed anywhere is finished by the next", arguments: Killed.allCases)
    func killed(at point: Killed) async throws {
        let backup = try await backup()
        let good = try Data(contentsOf: URL(filePath: path))
        try crash("wal", Self.migration, commit: true)
        let manager = FileManager.default
        switch point {
        case .unpacking: try good.prefix(5000).write(to: URL(filePath: scratch))
        case .unpacked: try good.write(to: URL(filePath: scratch))
        case .mainRemoved:
            for companion in ["", "-wal", "-shm"] {
                try? manager.removeItem(atPath: path + companion)
            }
            try good.write(to: URL(filePath: scratch))
        case .companionsLeft:
            try manager.removeItem(atPath: path)
            try good.write(to: URL(filePath: scratch))
        case .renamed:
            try Shell.sqlite(path, "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE")
            try good.write(to: URL(filePath: scratch))
            try manager.removeItem(atPath: path)
            try manager.moveItem(atPath: scratch, toPath: path)
            let effect = Effect.restoreData(from: backup)
            #expect(
                try await driver.observe(effect, in: context)
                    == .present(.dataRestored(fingerprint: backup.fingerprint)))
            return
        }
        try await restore(backup)
    }

    @Test("A file that is no database any more is replaced, and its old log not played in")
    func garbage() async throws {
        let backup = try await backup()
        try crash("wal", Self.migration, commit: true)
        try Data(
            "no database, but as long as one header has to be: ".utf8
                + [UInt8](
                    repeating: 7, count: 5000)
        ).write(to: URL(filePath: path))
        let effect = Effect.restoreData(from: backup)
        guard case .torn = try await driver.observe(effect, in: context) else {
            Issue.record("garbage was taken for data")
            return
        }
        // SQLite itself may have put the log away as it looked.
        #expect(try await savedFiles().first == "database")
        let live = try Data(contentsOf: URL(filePath: path))
        let copy = try Data(contentsOf: URL(filePath: world.directory.path("saved/database")))
        #expect(copy == live)
        try await restore(backup)
    }

    @Test("A database that a candidate has removed is put back")
    func removed() async throws {
        let backup = try await backup()
        try FileManager.default.removeItem(atPath: path)
        #expect(try await savedFiles() == [])
        try await restore(backup)
    }

    @Test("Where not even its bytes can be saved, the plan says whether it may be lost")
    func unsaved() async throws {
        try Data([UInt8](repeating: 7, count: 5000)).write(to: URL(filePath: path))
        // Its name is taken, and no backup is ever overwritten.
        try world.directory.write("somebody's", to: "backups/m.tar.zst")
        for mayLose in [false, true] {
            let plan = Plan.test(
                database: world.plan.database, backups: world.plan.backups,
                mayLoseMigratedData: mayLose)
            // Which failure it is does not matter here.
            let receipt = try? await driver.perform(.saveData(name: "m"), in: plan.context)
            #expect(receipt == (mayLose ? .dataSaved(backup: nil) : nil))
        }
    }

    /// Saves what is there as it is, and unpacks it with another program.
    private func savedFiles() async throws -> [String] {
        let effect = Effect.saveData(name: "m")
        let receipt = try await driver.perform(effect, in: context)
        guard case .dataSaved(let backup?) = receipt else { throw Unexpected(receipt) }
        #expect(!backup.fingerprint.isExact)
        #expect(try await driver.observe(effect, in: context) == .present(receipt))
        let folder = world.directory.path("saved")
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        try Shell.run(["zstd", "-dq", backup.path, "-o", "\(folder).tar"])
        try Shell.run(["tar", "-xf", "\(folder).tar", "-C", folder])
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    @Test("A link that is put in the way of a restore leads it nowhere")
    func link() async throws {
        let backup = try await backup()
        try Shell.run(["chmod", "644", path])
        let victim = world.directory.path("victim.db")
        try Shell.sqlite(path, "VACUUM INTO '\(victim)'")
        try Shell.run(["chmod", "600", victim])
        let aside = world.directory.path("aside")
        let context = Context(plan: world.plan) { [scratch] _ in
            // What the application's own user may do in its directory, while its data is unpacked.
            guard rename(scratch, aside) == 0 else { return }
            _ = symlink(victim, scratch)
        }
        _ = try? await driver.perform(.restoreData(from: backup), in: context)
        #expect(FileManager.default.fileExists(atPath: aside))
        #expect(try Shell.run(["stat", "-c", "%a", victim]) == "600")
    }

    @Test(
        "What only the application's own SQLite knows is found beforehand",
        arguments: [
            ("CREATE TABLE c (a TEXT COLLATE NOCASE, b TEXT UNIQUE)", "BINARY", "german"),
            ("CREATE TABLE c (a, b INT CHECK (length(b) > 0))", "length(b)", "nonesuch(b)"),
        ])
    func foreign(table: String, known: String, unknown: String) async throws {
        let own = table.replacing("UNIQUE", with: "COLLATE BINARY UNIQUE")
        try Shell.sqlite(path, own)
        #expect(try await driver.survey(in: context).findings == [])
        try Shell.sqlite(
            path,
            """
            PRAGMA writable_schema = ON;
            UPDATE sqlite_schema SET sql = replace(sql, '\(known)', '\(unknown)')
              WHERE name = 'c';
            """)
        let findings = try await driver.survey(in: context).findings
        #expect(findings.map(\.severity) == [.refusal])
        let name = unknown.prefix { $0 != "(" }
        #expect(findings.first?.message.contains(name) == true, "\(findings)")
    }

    @Test("Owner and mode stay, and a link stays a link")
    func attributes() async throws {
        let backup = try await backup()
        try Shell.run(["chmod", "640", path])
        if geteuid() == 0 { try Shell.run(["chown", "7:8", path]) }
        let linked = world.directory.path("linked.db")
        try FileManager.default.createSymbolicLink(
            atPath: linked, withDestinationPath: "data/app.db")
        let before = try Shell.run(["stat", "-c", "%a %u %g", path])
        try Shell.sqlite(path, "DELETE FROM notice")
        let settings = SQLiteDatabase(path: linked)
        _ = try await SQLiteDriver(settings: settings).perform(
            .restoreData(from: backup), in: context)
        #expect(try Shell.run(["stat", "-c", "%a %u %g", path]) == before)
        #expect(try Shell.run(["stat", "-c", "%F", linked]) == "symbolic link")
        #expect(try Shell.sqlite(linked, "SELECT count(*) FROM notice") == "3")
    }

    @Test("An altered backup is not restored, and the live data stays")
    func alteredBackup() async throws {
        let backup = try await backup()
        try Shell.sqlite(path, "DELETE FROM notice")
        var bytes = try Data(contentsOf: URL(filePath: backup.path))
        bytes[bytes.count / 2] ^= 4
        try bytes.write(to: URL(filePath: backup.path))
        let failure = await #expect(throws: Failure.self) {
            try await driver.perform(.restoreData(from: backup), in: context)
        }
        #expect(failure?.code == "backup-damaged")
        #expect(try Shell.sqlite(path, "SELECT count(*) FROM notice") == "0")
    }

    @Test("A backup that holds other data than its evidence says is not put into place")
    func anotherContent() async throws {
        let backup = try await backup()
        let other = Backup(
            instance: backup.instance, path: backup.path, sha256: backup.sha256,
            sizeInBytes: backup.sizeInBytes,
            fingerprint: Fingerprint(digest: "another", tables: 4, rows: 9, isExact: true),
            position: backup.position)
        try Shell.sqlite(path, "DELETE FROM notice")
        let failure = await #expect(throws: Failure.self) {
            try await driver.perform(.restoreData(from: other), in: context)
        }
        #expect(failure?.code == "restore-differs")
        #expect(try Shell.sqlite(path, "SELECT count(*) FROM notice") == "0")
        #expect(try world.beside == ["app.db"])
    }

    @Test("A half backup is torn, cleared, and taken anew")
    func tornBackup() async throws {
        let name = "board-up-1-before-1"
        let effect = Effect.backUp(name: name)
        _ = try await driver.perform(.raiseFence, in: context)
        let backup = try await world.backedUp(name)
        #expect(
            try await driver.observe(effect, in: context) == .present(.backedUp(backup: backup)))
        #expect(try await world.backedUp(name) == backup)
        try FileManager.default.removeItem(
            atPath: world.directory.path("backups/\(name).manifest.json"))
        try Data().write(to: URL(filePath: world.directory.path("backups/.\(name).scratch")))
        guard case .torn = try await driver.observe(effect, in: context) else {
            Issue.record("a backup without a manifest was taken for one")
            return
        }
        try await driver.clear(effect, in: context)
        #expect(try await driver.observe(effect, in: context) == .absent)
        #expect(try await world.backedUp(name).fingerprint == backup.fingerprint)
    }

    @Test("A lock that another holds is told, after a bounded wait that a stop ends")
    func locked() async throws {
        let script = """
            import os, sqlite3, sys, time
            database = sqlite3.connect(sys.argv[1], isolation_level=None)
            database.execute("BEGIN EXCLUSIVE")
            open(sys.argv[1] + ".locked", "w").close()
            time.sleep(20)
            """
        let holder = Task {
            try await Command(["python3", "-c", script, path], limit: .seconds(20)).run()
        }
        while !FileManager.default.fileExists(atPath: path + ".locked") {
            try await Task.sleep(for: .milliseconds(10))
        }
        let asking = Task { try await driver.perform(.raiseFence, in: context) }
        try await Task.sleep(for: .milliseconds(200))
        let begin = ContinuousClock.now
        asking.cancel()
        let failure = await #expect(throws: Failure.self) { try await asking.value }
        #expect(failure?.code == "database-locked")
        #expect(ContinuousClock.now - begin < .seconds(8))
        holder.cancel()
        _ = await holder.result
        _ = try await driver.perform(.raiseFence, in: context)
    }

    @Test("Data that somebody still has open is not replaced under them")
    func inUse() async throws {
        let backup = try await backup()
        let script = """
            import sqlite3, sys, time
            database = sqlite3.connect(sys.argv[1])
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("DELETE FROM notice")
            database.commit()
            open(sys.argv[2], "w").close()
            time.sleep(60)
            """
        let ready = world.directory.path("ready")
        let holder = Task {
            try await Command(["python3", "-c", script, path, ready], limit: .seconds(60)).run()
        }
        while !FileManager.default.fileExists(atPath: ready) {
            try await Task.sleep(for: .milliseconds(10))
        }
        let effect = Effect.restoreData(from: backup)
        let failure = await #expect(throws: Failure.self) {
            try await driver.perform(effect, in: context)
        }
        #expect(["database-in-use", "database-locked"].contains(failure?.code))
        #expect(try Shell.sqlite(path, "SELECT count(*) FROM notice") == "0")
        holder.cancel()
        _ = await holder.result
        try await restore(backup)
    }

    @Test("A database that is not there is not made")
    func missing() async throws {
        let nowhere = SQLiteDriver(settings: SQLiteDatabase(path: world.directory.path("none.db")))
        let failure = await #expect(throws: Failure.self) {
            try await nowhere.fingerprint(in: context)
        }
        #expect(failure?.code == "database-missing")
        #expect(!FileManager.default.fileExists(atPath: world.directory.path("none.db")))
    }

    @Test("A survey tells size, tables and server")
    func survey() async throws {
        let survey = try await driver.survey(in: context)
        #expect(survey.tables == 4)
        #expect(survey.sizeInBytes > 8000)
        #expect(survey.server.hasPrefix("SQLite 3"))
    }
}
