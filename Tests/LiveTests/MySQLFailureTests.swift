import DockerEngine
import Drivers
import Foundation
import Testing
import UpgradeMachine

/// What keeps a driver from its work on real servers: each has a code and an advice of its own.
@Suite(.needsMariaDB, .serialized, .timeLimit(.minutes(10)))
struct MySQLFailureTests {
    @Test("Each hindrance has its code", arguments: MySQLPlace.available)
    func hindrances(place: MySQLPlace) async throws {
        try await MySQLServer.running(place) { server in
            let context = server.context()
            func code(_ settings: MySQLDatabase) async throws -> String? {
                let driver = try MySQLServer.driver(settings)
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
            #expect(
                try await code(try server.settings(schema: "nothing")) == "database-schema-missing")
            let elsewhere = MySQLDatabase(
                container: right.container, host: "/nowhere.sock", port: nil,
                schema: right.schema, user: right.user, password: right.password)
            #expect(try await code(elsewhere) == "database-unreachable")
            guard let container = right.container else { return }
            let missing = MySQLDatabase(
                container: "pawl-mysql-nowhere", host: nil, port: nil, schema: right.schema,
                user: right.user, password: right.password)
            #expect(try await code(missing) == "database-container-missing")
            _ = try await server.shell("rm -f /usr/bin/mariadb /usr/bin/mysql")
            #expect(try await code(right) == "no-client-tools")
            try await MySQLServer.engine().stopContainer(container, grace: .seconds(1))
            #expect(try await code(right) == "database-container-stopped")
        }
    }

    @Test("An account of few privileges is told what it lacks", arguments: MySQLPlace.available)
    func privileges(place: MySQLPlace) async throws {
        try await MySQLServer.running(place) { server in
            try await server.root(
                """
                CREATE TABLE t (a INT);
                CREATE USER small@localhost IDENTIFIED BY 's';
                GRANT ALL ON \(MySQLServer.quoted).* TO small@localhost;
                """, schema: MySQLServer.schema)
            let driver = try MySQLServer.driver(try server.settings(user: "small", password: "s"))
            let context = server.context()
            let findings = try await driver.survey(in: context).findings
            #expect(
                findings.filter { $0.severity == .refusal }.map(\.message)
                    == [
                        "account small lacks for the fence: RELOAD, "
                            + "READ_ONLY ADMIN or READ ONLY ADMIN, PROCESS"
                    ], "\(findings)")
            #expect(!findings.contains { $0.message.contains("lacks on the schema") })
            let failure = await MySQLShell.failure {
                try await driver.perform(.raiseFence, in: context)
            }
            #expect(failure?.code == "database-privilege-missing" && failure?.isPermanent == true)

            try await server.root(
                "GRANT RELOAD, READ_ONLY ADMIN, PROCESS ON *.* TO small@localhost;")
            #expect(
                !(try await driver.survey(in: context)).findings.contains {
                    $0.message.contains("lacks for the fence")
                })
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

    @Test("The survey finds what an operator should know", arguments: MySQLPlace.available)
    func survey(place: MySQLPlace) async throws {
        try await MySQLServer.running(
            place, arguments: ["--log-bin=log", "--server-id=7", "--event-scheduler=ON"]
        ) { server in
            try await server.root(MySQLSchemas.everything, schema: MySQLServer.schema)
            try await server.root(
                "CREATE TABLE gone (a INT); CREATE VIEW broken AS SELECT * FROM gone; "
                    + "DROP TABLE gone; SET GLOBAL read_only=ON;",
                schema: MySQLServer.schema)
            let driver = try server.driver()
            let survey = try await driver.survey(in: server.context(fence: .none))
            #expect(survey.server.hasPrefix("MariaDB 10."))
            #expect(survey.tables == MySQLSchemas.tables)
            #expect((1 << 20)..<(1 << 26) ~= survey.sizeInBytes)
            let findings = survey.findings.map(\.message).joined(separator: "\n")
            #expect(
                survey.findings.filter { $0.severity == .refusal }.map(\.message)
                    == ["a dump fails on these views, which cannot be used: broken"])
            for part in ["myisam (MyISAM)", "aria (Aria)", "FLOAT", "read-only", "ev", "broken"] {
                #expect(findings.contains(part), "\(part) in:\n\(findings)")
            }
            let failure = await MySQLShell.failure {
                try await driver.perform(.backUp(name: "b"), in: server.context(fence: .none))
            }
            #expect(failure?.code == "database-broken-view")
            #expect(failure?.message.contains("broken") == true)
        }
    }

    @Test(
        "A damaged or foreign backup is refused before anything is dropped",
        arguments: MySQLPlace.available)
    func damaged(place: MySQLPlace) async throws {
        try await MySQLServer.running(place) { server in
            try await server.root(
                "CREATE TABLE t (a INT); INSERT INTO t VALUES (1);", schema: MySQLServer.schema)
            let (driver, context) = (try server.driver(), server.context())
            let saved = try await driver.perform(.saveData(name: "b"), in: context)
            guard case .dataSaved(let backup?) = saved else { throw MySQLShell.Odd() }
            var bytes = try Data(contentsOf: URL(filePath: backup.path))
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: URL(filePath: backup.path))
            let effect = Effect.restoreData(from: backup)
            let failure = await MySQLShell.failure { try await driver.perform(effect, in: context) }
            #expect(failure?.code == "backup-damaged" && failure?.isPermanent == true)
            #expect(
                try await server.root("SELECT a FROM t;", schema: MySQLServer.schema) == "1")
        }
    }

    @Test("A restore that is not the backup names the tables", arguments: MySQLPlace.available)
    func differs(place: MySQLPlace) async throws {
        try await MySQLServer.running(place, arguments: ["--init-connect="]) { server in
            try await server.root(
                "CREATE TABLE good (a INT); CREATE TABLE t (a INT); INSERT INTO t VALUES (1);",
                schema: MySQLServer.schema)
            let (driver, context) = (try server.driver(), server.context())
            let saved = try await driver.perform(.saveData(name: "b"), in: context)
            guard case .dataSaved(let backup?) = saved else { throw MySQLShell.Odd() }
            // A backup whose evidence is of other data than its file.
            let other = Backup(
                instance: backup.instance, path: backup.path, sha256: backup.sha256,
                sizeInBytes: backup.sizeInBytes,
                fingerprint: Fingerprint(digest: "other", tables: 2, rows: 2, isExact: true),
                position: nil)
            let manifest = server.directory.path("backups/b.manifest.json")
            let text = try String(contentsOfFile: manifest, encoding: .utf8)
            let table = try #require(text.ranges(of: "\"name\" : \"t\",").first)
            let changed =
                text[..<table.upperBound]
                + text[table.upperBound...].replacing("\"rows\" : 1", with: "\"rows\" : 2")
            try Data(changed.utf8).write(to: URL(filePath: manifest))
            let failure = await MySQLShell.failure {
                try await driver.perform(.restoreData(from: other), in: context)
            }
            #expect(failure?.code == "restore-differs" && failure?.isPermanent == true)
            #expect(failure?.message.contains("tables t (2 rows, now 1)") == true)
        }
    }
}
