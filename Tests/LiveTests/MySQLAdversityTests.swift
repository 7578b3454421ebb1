import DockerEngine
import Drivers
import Foundation
import Glibc
import Synchronization
import Testing
import UpgradeMachine

/// What a server, its host and a candidate can be up to, without the data being lost for it.
@Suite(.needsMariaDB, .serialized, .timeLimit(.minutes(10)))
struct MySQLAdversityTests {
    private static let rows = "SELECT COUNT(*) FROM kept; SELECT COUNT(*) FROM ignored;"

    @Test(
        "Option files of the place decide nothing of a backup", arguments: MySQLPlace.available)
    func optionFiles(place: MySQLPlace) async throws {
        try await MySQLServer.running(place) { server in
            try await withTwoTables(server)
            let options =
                "[mysqldump]\nignore-table=\(MySQLServer.schema).ignored\nwhere=id<2\n"
                + "[client]\ninit-command=DO 1\n"
            try await withOptionFile(options, server) {
                let (driver, context) = (try server.driver(), server.context())
                let backup = try await saved(driver, context)
                try await server.root("DROP TABLE ignored;", schema: MySQLServer.schema)
                let restored = try await driver.perform(.restoreData(from: backup), in: context)
                #expect(restored == .dataRestored(fingerprint: backup.fingerprint))
            }
            #expect(
                try await server.root(Self.rows, schema: MySQLServer.schema) == "3\n2")
        }
    }

    @Test(
        "A dump that leaves a table out is no backup, whatever its program says",
        arguments: MySQLPlace.available.filter { $0 == .container })
    func leftOut(place: MySQLPlace) async throws {
        try await MySQLServer.running(place) { server in
            try await withTwoTables(server)
            _ = try await server.shell(
                """
                cd /usr/bin && mv mariadb-dump whole-dump
                cat >mariadb-dump <<'END'
                #!/bin/sh
                [ $# -gt 2 ] || exec whole-dump "$@"
                first=$1 && shift
                exec whole-dump "$first" '--ignore-table=\(MySQLServer.schema).ignored' "$@"
                END
                chmod 755 mariadb-dump
                """)
            let (driver, context) = (try server.driver(), server.context())
            let failure = await MySQLShell.failure {
                try await driver.perform(.saveData(name: "b"), in: context)
            }
            #expect(failure?.code == "dump-lacks-tables", "\(String(describing: failure))")
            #expect(failure?.message.contains("left out ignored") == true)
            #expect(try server.backups() == [])
        }
    }

    @Test("An event acts after the restore, not in it", arguments: MySQLPlace.available)
    func events(place: MySQLPlace) async throws {
        try await MySQLServer.running(
            place, arguments: ["--log-bin=log", "--server-id=7", "--event-scheduler=ON"]
        ) { server in
            try await server.root(
                MySQLSchemas.filler(rows: 60_000) + """
                    CREATE TABLE t (a INT);
                    CREATE EVENT ev ON SCHEDULE EVERY 1 SECOND DO INSERT INTO t VALUES (1);
                    """, schema: MySQLServer.schema)
            let (driver, context) = (try server.driver(), server.context())
            guard
                case .fenceRaised(let position) = try await driver.perform(
                    .raiseFence, in: context),
                case .backedUp(let backup) = try await driver.perform(
                    .backUp(name: "b"), in: context)
            else { throw MySQLShell.Odd() }
            let lift = Effect.liftFence(proving: position)
            #expect(try await driver.perform(lift, in: context) == .fenceLifted)
            let restored = try await driver.perform(.restoreData(from: backup), in: context)
            #expect(restored == .dataRestored(fingerprint: backup.fingerprint))
            let count = "SELECT COUNT(*) FROM t;"
            let before = try await server.root(count, schema: MySQLServer.schema)
            try await MySQLShell.eventually {
                try await server.root(count, schema: MySQLServer.schema) != before
            }
        }
    }

    @Test(
        "What a candidate has broken is saved as far as it goes, and then put back",
        arguments: MySQLPlace.available)
    func broken(place: MySQLPlace) async throws {
        try await MySQLServer.running(place) { server in
            try await withTwoTables(server)
            try await server.root(
                "CREATE VIEW both_of_them AS SELECT id, word FROM kept;",
                schema: MySQLServer.schema)
            let (driver, context) = (try server.driver(), server.context())
            let backup = try await saved(driver, context)
            try await server.root(
                "ALTER TABLE kept DROP COLUMN word; INSERT INTO kept VALUES (4);",
                schema: MySQLServer.schema)
            let broken = try await saved(driver, context, "broken")
            #expect(!broken.fingerprint.isExact && broken.fingerprint.rows == 6)
            try await server.root("DROP DATABASE \(MySQLServer.quoted);")
            let gone = try await saved(driver, context, "gone")
            #expect(!gone.fingerprint.isExact && gone.fingerprint.tables == 0)
            let restored = try await driver.perform(.restoreData(from: backup), in: context)
            #expect(restored == .dataRestored(fingerprint: backup.fingerprint))
            #expect(
                try await server.root(
                    "SELECT COUNT(word) FROM both_of_them;", schema: MySQLServer.schema) == "3")
        }
    }

    @Test(
        "Tables that the server would not make today come back", arguments: MySQLPlace.available)
    func strict(place: MySQLPlace) async throws {
        try await MySQLServer.running(place) { server in
            let columns = (1...250).map { "c\($0) VARCHAR(60) CHARACTER SET latin1" }
            try await server.root(
                "SET SESSION innodb_strict_mode=OFF; "
                    + "CREATE TABLE wide (\(columns.joined(separator: ", ")));"
                    + "INSERT INTO wide (c1) VALUES ('x');", schema: MySQLServer.schema)
            let (driver, context) = (try server.driver(), server.context())
            let backup = try await saved(driver, context)
            let restored = try await driver.perform(.restoreData(from: backup), in: context)
            #expect(restored == .dataRestored(fingerprint: backup.fingerprint))
        }
    }

    @Test("Columns of an old format are no difference", arguments: MySQLPlace.available)
    func oldFormat(place: MySQLPlace) async throws {
        try await MySQLServer.running(place) { server in
            try await server.root(
                """
                SET GLOBAL mysql56_temporal_format=OFF;
                CREATE TABLE old (d DATETIME COMMENT '/* kept */', t TIME(3));
                INSERT INTO old VALUES ('2020-01-02 03:04:05', '01:02:03.004');
                SET GLOBAL mysql56_temporal_format=ON;
                """, schema: MySQLServer.schema)
            let shown = try await server.root("SHOW CREATE TABLE old;", schema: MySQLServer.schema)
            #expect(shown.contains("/* mariadb-5.3 */"))
            let (driver, context) = (try server.driver(), server.context())
            let backup = try await saved(driver, context)
            let restored = try await driver.perform(.restoreData(from: backup), in: context)
            #expect(restored == .dataRestored(fingerprint: backup.fingerprint))
        }
    }

    @Test("A server that still starts is waited for", arguments: MySQLPlace.available)
    func starting(place: MySQLPlace) async throws {
        try await MySQLServer.running(place) { server in
            try await withTwoTables(server)
            try await server.halt()
            let notes = Mutex([String]())
            let context = server.context { progress in
                if case .note(let note) = progress { notes.withLock { $0.append(note) } }
            }
            let driver = try server.driver()
            async let backup = saved(driver, context)
            try await MySQLShell.eventually { notes.withLock { !$0.isEmpty } }
            try await server.startAgain()
            #expect(try await backup.fingerprint.rows == 5)
            #expect(notes.withLock { $0.first?.hasPrefix("waiting: ") == true })
        }
    }

    // MARK: Parts

    private func withTwoTables(_ server: MySQLServer) async throws {
        try await server.root(
            """
            CREATE TABLE kept (id INT, word VARCHAR(10));
            INSERT INTO kept VALUES (1, 'a'), (2, 'b'), (3, 'c');
            CREATE TABLE ignored (id INT);
            INSERT INTO ignored VALUES (1), (2);
            """, schema: MySQLServer.schema)
    }

    /// Puts options where the client programs look for them by themselves.
    private func withOptionFile(
        _ text: String, _ server: MySQLServer, _ body: () async throws -> Void
    ) async throws {
        switch server.place {
        case .container:
            _ = try await server.shell("printf '%s' '\(text)' >/etc/mysql/conf.d/zz.cnf")
            try await body()
        case .host:
            let home = server.directory.path("home")
            try FileManager.default.createDirectory(
                atPath: home, withIntermediateDirectories: true)
            try text.write(toFile: "\(home)/my.cnf", atomically: true, encoding: .utf8)
            setenv("MYSQL_HOME", home, 1)
            defer { unsetenv("MYSQL_HOME") }
            try await body()
        }
    }

    private func saved(
        _ driver: MySQLDriver, _ context: Context, _ name: String = "before"
    ) async throws -> Backup {
        guard
            case .dataSaved(let backup?) = try await driver.perform(
                .saveData(name: name), in: context)
        else { throw MySQLShell.Odd() }
        return backup
    }
}
