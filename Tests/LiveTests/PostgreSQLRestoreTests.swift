import Drivers
import Foundation
import Testing
import UpgradeMachine

/// Dump and restore on real servers, with all that a database can hold.
@Suite(.needsPostgreSQL, .serialized, .timeLimit(.minutes(10)))
struct PostgreSQLRestoreTests {
    @Test(
        "Everything survives, and nothing of a migration does", arguments: PostgreSQLPlace.available
    )
    func everything(place: PostgreSQLPlace) async throws {
        try await PostgreSQLServer.running(place) { server in
            try await server.root(PostgreSQLSchemas.everything)
            try await server.root(PostgreSQLSchemas.settings(PostgreSQLServer.quoted))
            let before = try await server.root(PostgreSQLSchemas.look)
            let driver = try server.driver()
            let context = server.context()
            let backup = try await saved(driver, "before", context)
            #expect(backup.fingerprint.isExact)
            #expect(backup.fingerprint.tables == PostgreSQLSchemas.tables)
            #expect(try await driver.fingerprint(in: context) == backup.fingerprint)

            try await server.root(PostgreSQLSchemas.migration)
            try await server.root(
                "ALTER DATABASE \(PostgreSQLServer.quoted) SET work_mem = '6MB';")
            let effect = Effect.restoreData(from: backup)
            guard case .torn = try await driver.observe(effect, in: context) else {
                Issue.record("the migrated data passes for the backup's")
                return
            }
            try await driver.clear(effect, in: context)
            let receipt = try await driver.perform(effect, in: context)
            #expect(receipt == .dataRestored(fingerprint: backup.fingerprint))
            #expect(try await driver.observe(effect, in: context) == .present(receipt))
            #expect(try await server.root(PostgreSQLSchemas.look) == before)
            // What is made next has a value that nobody had.
            #expect(
                try await server.root("INSERT INTO child (parent) VALUES (1) RETURNING id;")
                    == "51")
        }
    }

    @Test("Each change is seen, and undone", arguments: PostgreSQLPlace.available)
    func changes(place: PostgreSQLPlace) async throws {
        try await PostgreSQLServer.running(place) { server in
            try await server.root(PostgreSQLSchemas.everything)
            let (driver, context) = (try server.driver(), server.context())
            let backup = try await saved(driver, "before", context)
            let position = try await driver.position(in: context)
            for change in Self.changes {
                try await server.root("BEGIN; \(change); COMMIT;")
                let effect = Effect.restoreData(from: backup)
                guard case .torn = try await driver.observe(effect, in: context) else {
                    Issue.record("\(change) is not seen")
                    continue
                }
                let isSequence = change.contains("setval")
                let isMoved = try await driver.position(in: context) != position
                #expect(isMoved != isSequence, "\(change)")
                let receipt = try await driver.perform(effect, in: context)
                #expect(receipt == .dataRestored(fingerprint: backup.fingerprint), "\(change)")
                #expect(try await driver.position(in: context) == position)
            }
        }
    }

    /// Small ones, each of another kind.
    private static let changes = [
        #"UPDATE "Größe Schema"."Mixed ""Case""" SET "Größe" = '' WHERE "Key" = 2"#,
        "UPDATE everything SET double = '0' WHERE double = '-0'",
        "INSERT INTO base VALUES (0)", "INSERT INTO nothing DEFAULT VALUES",
        "SELECT lo_put(4712, 1100000, '\\x00')", "SELECT setval('counted', -30)",
        "ALTER TABLE base ENABLE TRIGGER off", "ALTER VIEW shown OWNER TO owner",
        "COMMENT ON TABLE base IS 'x'", "REVOKE SELECT ON LARGE OBJECT 4711 FROM reader",
        "CREATE OR REPLACE FUNCTION doubled(a int) RETURNS int LANGUAGE sql IMMUTABLE AS "
            + "$body$ SELECT (a) * 2 -- Name: x; Type: TABLE; $body$",
        "ALTER TABLE child DISABLE ROW LEVEL SECURITY",
    ]

    @Test("A role that is missing is told of before anything is dropped")
    func roles() async throws {
        let place = try #require(PostgreSQLPlace.available.first)
        try await PostgreSQLServer.running(place) { server in
            try await server.root(
                """
                CREATE ROLE former; CREATE TABLE t (a int); INSERT INTO t VALUES (1);
                GRANT SELECT ON t TO former;
                """)
            let (driver, context) = (try server.driver(), server.context())
            let backup = try await saved(driver, "before", context)
            try await server.root("DROP OWNED BY former; DROP ROLE former;")
            let effect = Effect.restoreData(from: backup)
            let failure = await MySQLShell.failure { try await driver.perform(effect, in: context) }
            #expect(failure?.code == "database-role-missing" && failure?.isPermanent == true)
            #expect(failure?.message.contains("former") == true)
            #expect(try await server.root("SELECT a FROM t;") == "1")
            try await server.root("CREATE ROLE former;")
            let receipt = try await driver.perform(effect, in: context)
            #expect(receipt == .dataRestored(fingerprint: backup.fingerprint))
        }
    }

    @Test("Sessions of others are ended, and a database that has gone is made again")
    func others() async throws {
        let place = try #require(PostgreSQLPlace.available.first)
        try await PostgreSQLServer.running(place) { server in
            try await server.root("CREATE TABLE t (a int);")
            let (driver, context) = (try server.driver(), server.context())
            let backup = try await saved(driver, "before", context)
            async let session = server.tryAsRoot("SELECT pg_sleep(60);")
            try await MySQLShell.eventually {
                try await server.root(
                    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%sleep(60%'"
                        + " AND pid <> pg_backend_pid();") == "1"
            }
            let effect = Effect.restoreData(from: backup)
            _ = try await driver.perform(effect, in: context)
            #expect(try await session.status != 0)
            try await server.root("DROP DATABASE \(PostgreSQLServer.quoted);", in: "postgres")
            guard case .torn = try await driver.observe(effect, in: context) else {
                Issue.record("no database passes for a restored one")
                return
            }
            guard
                case .dataSaved(let nothing?) = try await driver.perform(
                    .saveData(name: "gone"), in: context)
            else { throw MySQLShell.Odd() }
            #expect(!nothing.fingerprint.isExact && nothing.fingerprint.tables == 0)
            let receipt = try await driver.perform(effect, in: context)
            #expect(receipt == .dataRestored(fingerprint: backup.fingerprint))
        }
    }

    private func saved(
        _ driver: PostgreSQLDriver, _ name: String, _ context: Context
    ) async throws -> Backup {
        guard
            case .dataSaved(let backup?) = try await driver.perform(
                .saveData(name: name), in: context)
        else { throw MySQLShell.Odd() }
        return backup
    }
}
