import DockerEngine
import Drivers
import Foundation
import Testing
import UpgradeMachine

/// What keeps a driver from its work on real servers: each has a code and an advice of its own.
@Suite(.needsPostgreSQL, .serialized, .timeLimit(.minutes(10)))
struct PostgreSQLFailureTests {
    @Test("Each hindrance has its code", arguments: PostgreSQLPlace.available)
    func hindrances(place: PostgreSQLPlace) async throws {
        try await PostgreSQLServer.running(place) { server in
            let context = server.context()
            func code(_ settings: PostgreSQLDatabase) async throws -> String? {
                let driver = try PostgreSQLServer.driver(settings)
                let failure = await MySQLShell.failure {
                    _ = try await driver.survey(in: context)
                    return .fenceLifted
                }
                let text = [failure?.message, failure?.excerpt, failure?.advice].compactMap { $0 }
                #expect(!text.joined().contains("r00t"))
                return failure?.code
            }
            let right = try server.settings()
            #expect(try await code(right) == nil)
            let wrong = try server.settings(password: "r00t but wrong")
            #expect(try await code(wrong) == "database-access-denied")
            let nobody = try server.settings(user: "nobody")
            #expect(try await code(nobody) == "database-access-denied")
            #expect(
                try await code(try server.settings(database: "nothing"))
                    == "database-schema-missing")
            let elsewhere = PostgreSQLDatabase(
                container: right.container, host: "/nowhere", port: nil,
                database: right.database, user: right.user, password: right.password)
            #expect(try await code(elsewhere) == "database-unreachable")
            guard let container = right.container else { return }
            let missing = PostgreSQLDatabase(
                container: "pawl-postgresql-nowhere", host: nil, port: nil,
                database: right.database, user: right.user, password: right.password)
            #expect(try await code(missing) == "database-container-missing")
            _ = try await server.shell("rm -f /usr/bin/pg_restore")
            #expect(try await code(right) == "no-client-tools")
            try await MySQLServer.engine().stopContainer(container, grace: .seconds(1))
            #expect(try await code(right) == "database-container-stopped")
        }
    }

    @Test(
        "An account of few privileges is told what it lacks", arguments: PostgreSQLPlace.available)
    func privileges(place: PostgreSQLPlace) async throws {
        try await PostgreSQLServer.running(place) { server in
            try await server.root(
                """
                CREATE ROLE small LOGIN PASSWORD 's'; CREATE ROLE other;
                CREATE TABLE t (a int); INSERT INTO t VALUES (1); ALTER TABLE t OWNER TO small;
                CREATE TABLE u (a int); ALTER TABLE u OWNER TO other; GRANT ALL ON u TO small;
                CREATE EXTENSION file_fdw;
                """)
            let driver = try PostgreSQLServer.driver(
                try server.settings(user: "small", password: "s"))
            let context = server.context()
            let refusals = try await driver.survey(in: context).findings
                .filter { $0.severity == .refusal }.map(\.message)
            #expect(
                refusals == [
                    "account small lacks for the restore, which drops and makes the database: "
                        + "CREATEDB, the ownership of the database",
                    "account small could not bring these back: extension file_fdw, "
                        + "objects of other",
                ])
            try await server.root(
                """
                DROP EXTENSION file_fdw; ALTER TABLE u OWNER TO small; ALTER ROLE small CREATEDB;
                ALTER DATABASE \(PostgreSQLServer.quoted) OWNER TO small;
                """)
            let findings = try await driver.survey(in: context).findings
            #expect(findings == [])
            // The server's first superuser owns what no other could bring back.
            for made in [
                "FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "SCHEMA s", "SEQUENCE q",
                "TYPE e AS ENUM ('a')",
            ] {
                try await server.root("CREATE \(made);")
                let lacking = try await driver.survey(in: context).findings
                #expect(
                    lacking.map(\.message) == [
                        "account small could not bring these back: objects of postgres"
                    ], "\(made)")
                let name = made.split { $0 == " " || $0 == "(" }.prefix(2).joined(separator: " ")
                try await server.root("DROP \(name);")
            }
            guard
                case .fenceRaised(let position) = try await driver.perform(
                    .raiseFence, in: context),
                case .backedUp(let backup) = try await driver.perform(
                    .backUp(name: "b"), in: context)
            else { throw MySQLShell.Odd() }
            _ = try await driver.perform(.liftFence(proving: position), in: context)
            let receipt = try await driver.perform(.restoreData(from: backup), in: context)
            #expect(receipt == .dataRestored(fingerprint: backup.fingerprint))
        }
    }

    @Test("The survey finds what an operator should know", arguments: PostgreSQLPlace.available)
    func survey(place: PostgreSQLPlace) async throws {
        let arguments = ["-c", "max_prepared_transactions=2", "-c", "wal_level=logical"]
        try await PostgreSQLServer.running(place, arguments: arguments) { server in
            try await server.root(
                """
                CREATE EXTENSION hstore VERSION '1.4'; CREATE EXTENSION file_fdw;
                CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
                CREATE FOREIGN TABLE elsewhere (a text) SERVER files OPTIONS (filename '/nowhere');
                SELECT pg_create_logical_replication_slot('slot', 'pgoutput');
                CREATE TABLE t (a int); BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'p';
                """)
            let survey = try await server.driver().survey(in: server.context())
            #expect(survey.server.hasPrefix("PostgreSQL 15."))
            #expect(survey.tables == 1)
            #expect(survey.sizeInBytes > 1_000_000)
            let seen = survey.findings.map { "\($0.severity): \($0.message)" }
            #expect(
                seen == [
                    "refusal: a prepared transaction keeps the database from being dropped: 'p'",
                    "warning: a restore drops the database, and with it this replication slot: "
                        + "slot",
                    "warning: a foreign table keeps its rows elsewhere, and no backup holds them: "
                        + "public.elsewhere",
                    "refusal: extension hstore has version 1.4, and a restore would bring 1.8",
                ])
            try await server.root("ROLLBACK PREPARED 'p';")
        }
    }
}
