import Drivers
import Foundation
import Testing
import UpgradeMachine

@Suite("SQLite as an upgrade's database")
struct SQLiteDriverTests {
    static let schema = """
        CREATE TABLE notice (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT, weight REAL);
        CREATE TABLE tag (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
        CREATE TABLE loose (a, b);
        INSERT INTO notice (body, weight) VALUES ('one', 1.5), ('two', NULL), ('three', 3);
        INSERT INTO tag VALUES ('x', x'0001ff'), ('y', NULL);
        INSERT INTO loose VALUES (1, 2), (1, 2), ('1', 2.0);
        CREATE VIEW heavy AS SELECT * FROM notice WHERE weight > 1;
        CREATE TRIGGER t AFTER INSERT ON loose BEGIN SELECT 1; END;
        PRAGMA user_version = 7;
        """

    let directory: TemporaryDirectory
    let path: String
    let plan: Plan
    let driver: SQLiteDriver

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path("data/app.db")
        try FileManager.default.createDirectory(
            atPath: directory.path("data"), withIntermediateDirectories: true)
        let settings = SQLiteDatabase(path: path)
        plan = .test(database: .sqlite(settings: settings), backups: directory.path("backups"))
        driver = SQLiteDriver(settings: settings)
        try Shell.sqlite(path, Self.schema)
    }

    func backedUp(_ name: String = "board-up-1-before-1") async throws -> Backup {
        let receipt = try await driver.perform(.backUp(name: name), in: plan.context)
        guard case .backedUp(let backup) = receipt else { throw Unexpected(receipt) }
        return backup
    }

    /// Names in the database's directory, so that nothing is left beside it.
    var beside: [String] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: directory.path("data")).sorted()
        }
    }

    @Test("Backed up under a fence, migrated, restored", arguments: ["delete", "wal", "persist"])
    func wholeWay(mode: String) async throws {
        try Shell.sqlite(path, "PRAGMA journal_mode = \(mode)")
        let context = plan.context
        guard case .fenceRaised(let raised) = try await driver.perform(.raiseFence, in: context)
        else { return }
        let backup = try await backedUp()
        #expect(backup.position == raised)
        #expect(backup.fingerprint.rows == 9)
        #expect(try await driver.position(in: context) == raised)
        #expect(
            try await driver.perform(.liftFence(proving: raised), in: context) == .fenceLifted)

        try Shell.sqlite(path, "CREATE TABLE new (x); DELETE FROM notice; PRAGMA user_version = 8")
        let effect = Effect.restoreData(from: backup)
        #expect(try await driver.observe(effect, in: context) == .absent)
        let saved = try await driver.perform(.saveData(name: "board-up-1-migrated"), in: context)
        guard case .dataSaved(let migrated?) = saved else { throw Unexpected(saved) }
        #expect(migrated.fingerprint != backup.fingerprint)

        let restored = Receipt.dataRestored(fingerprint: backup.fingerprint)
        #expect(try await driver.perform(effect, in: context) == restored)
        #expect(try await driver.observe(effect, in: context) == .present(restored))
        #expect(try await driver.perform(effect, in: context) == restored)
        #expect(
            try Shell.sqlite(path, "SELECT count(*) FROM notice; PRAGMA user_version") == "3\n7")
        #expect(try Shell.sqlite(path, "PRAGMA journal_mode") == (mode == "wal" ? "wal" : "delete"))
        #expect(try !Shell.sqlite(path, ".tables").contains("new"))
        #expect(try beside.filter { $0 != "app.db-persist" } == ["app.db"])
    }

    @Test(
        "The fence keeps another process from writing, not from reading",
        arguments: ["delete", "wal"])
    func fence(mode: String) async throws {
        try Shell.sqlite(path, "PRAGMA journal_mode = \(mode)")
        let context = plan.context
        #expect(try await driver.observe(.raiseFence, in: context) == .absent)
        let receipt = try await driver.perform(.raiseFence, in: context)
        #expect(try await driver.perform(.raiseFence, in: context) == receipt)
        #expect(try await driver.observe(.raiseFence, in: context) == .present(receipt))
        #expect(throws: Shell.Failed.self) {
            try Shell.sqlite(path, "INSERT INTO notice (body) VALUES ('late')")
        }
        _ = try await backedUp()
        // A backup opens and closes connections of its own: the lock must outlive them.
        #expect(throws: Shell.Failed.self) {
            try Shell.sqlite(path, "INSERT INTO notice (body) VALUES ('late')")
        }
        #expect(try Shell.sqlite(path, "SELECT count(*) FROM notice") == "3")
        _ = try await driver.perform(.liftFence(proving: nil), in: context)
        try Shell.sqlite(path, "INSERT INTO notice (body) VALUES ('in time')")
        #expect(
            try await driver.observe(.liftFence(proving: nil), in: context)
                == .present(.fenceLifted))
    }

    @Test("A backup that shall be fenced is refused without the fence")
    func unfenced() async throws {
        let failure = await #expect(throws: Failure.self) { try await backedUp() }
        #expect(failure?.code == "fence-lost")
    }

    @Test("A write after the backup is seen when the fence is to be lifted")
    func written() async throws {
        let context = plan.context
        guard case .fenceRaised(let position) = try await driver.perform(.raiseFence, in: context)
        else { return }
        _ = try await driver.perform(.liftFence(proving: nil), in: context)
        try Shell.sqlite(path, "UPDATE tag SET value = 1 WHERE name = 'y'")
        let effect = Effect.liftFence(proving: position)
        #expect(try await driver.observe(effect, in: context) == .absent)
        let failure = await #expect(throws: Failure.self) {
            try await driver.perform(effect, in: context)
        }
        #expect(failure?.code == "written-after-backup")
    }

    @Test(
        "Every difference changes the fingerprint",
        arguments: [
            "UPDATE loose SET a = '1' WHERE a = 1", "UPDATE loose SET b = 2.5 WHERE b = 2.0",
            "DELETE FROM loose WHERE rowid = 1", "INSERT INTO loose SELECT * FROM loose",
            "UPDATE tag SET value = x'' WHERE value IS NULL", "PRAGMA user_version = 8",
            "PRAGMA application_id = 1", "CREATE INDEX i ON loose (a)", "DROP VIEW heavy",
            "INSERT INTO notice (body) VALUES ('x'); DELETE FROM notice WHERE body = 'x'",
        ])
    func differs(sql: String) async throws {
        let before = try await driver.fingerprint(in: plan.context)
        try Shell.sqlite(path, sql)
        #expect(try await driver.fingerprint(in: plan.context) != before)
    }

    @Test("Where rows lie in the file does not matter")
    func independent() async throws {
        let before = try await driver.fingerprint(in: plan.context)
        try Shell.sqlite(
            path,
            """
            ANALYZE; CREATE TEMP TABLE t AS SELECT a, b FROM loose; DELETE FROM loose;
            INSERT INTO loose SELECT * FROM t ORDER BY rowid DESC; VACUUM
            """)
        #expect(try await driver.fingerprint(in: plan.context).digest == before.digest)
    }
}
