import Drivers
import Foundation
import Glibc
import Testing
import UpgradeMachine

/// What a Pawl that was killed leaves running in and around real servers.
@Suite(.needsPostgreSQL, .serialized, .timeLimit(.minutes(10)))
struct PostgreSQLLeftoverTests {
    @Test(
        "A restore that was killed is ended, seen as torn, and done again",
        arguments: PostgreSQLPlace.available)
    func restore(place: PostgreSQLPlace) async throws {
        try await PostgreSQLServer.running(place) { server in
            try await server.root(PostgreSQLSchemas.filler(rows: 60_000))
            let (driver, context) = (try server.driver(), server.context())
            let saved = try await driver.perform(.saveData(name: "b"), in: context)
            guard case .dataSaved(let backup?) = saved else { throw MySQLShell.Odd() }
            let (settings, backups) = (try server.settings(), server.directory.path("backups"))
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [
                    settings = settings as PostgreSQLDatabase, backups = backups as String,
                    backup = backup as Backup
                ] in
                let driver = try PostgreSQLServer.driver(settings)
                let context = MySQLServer.context(backups: backups) { progress in
                    // In the middle of the load: the database has been dropped by then.
                    if case .bytes = progress { kill(getpid(), SIGKILL) }
                }
                _ = try await driver.perform(.restoreData(from: backup), in: context)
            }
            let effect = Effect.restoreData(from: backup)
            try await driver.endLeftovers(of: effect, in: context)
            try await driver.endLeftovers(of: effect, in: context)
            #expect(try await sessions(server) == "0")
            guard case .torn = try await driver.observe(effect, in: context) else {
                Issue.record("half a restore passes for a whole one")
                return
            }
            try await driver.clear(effect, in: context)
            let receipt = try await driver.perform(effect, in: context)
            #expect(receipt == .dataRestored(fingerprint: backup.fingerprint))
            #expect(try await driver.observe(effect, in: context) == .present(receipt))
        }
    }

    @Test("A dump that was killed leaves no file that passes", arguments: PostgreSQLPlace.available)
    func dump(place: PostgreSQLPlace) async throws {
        try await PostgreSQLServer.running(place) { server in
            try await server.root(PostgreSQLSchemas.filler(rows: 60_000))
            let (settings, backups) = (try server.settings(), server.directory.path("backups"))
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [settings = settings as PostgreSQLDatabase, backups = backups as String] in
                let driver = try PostgreSQLServer.driver(settings)
                let context = MySQLServer.context(backups: backups) { progress in
                    if case .bytes = progress { kill(getpid(), SIGKILL) }
                }
                _ = try await driver.perform(.saveData(name: "b"), in: context)
            }
            let (driver, context) = (try server.driver(), server.context())
            let effect = Effect.saveData(name: "b")
            #expect(try server.backups() == ["b.pgdump.zst.partial"])
            try await driver.endLeftovers(of: effect, in: context)
            guard case .torn = try await driver.observe(effect, in: context) else {
                Issue.record("half a dump passes for none, or for a whole one")
                return
            }
            try await driver.clear(effect, in: context)
            #expect(try await driver.observe(effect, in: context) == .absent)
            let receipt = try await driver.perform(effect, in: context)
            #expect(try await driver.observe(effect, in: context) == .present(receipt))
        }
    }

    /// As of a program that has died while the server builds an index for it.
    @Test("A session that works on without its program is ended, others stay")
    func session() async throws {
        let place = try #require(PostgreSQLPlace.available.first)
        try await PostgreSQLServer.running(place) { server in
            try await server.root("CREATE TABLE t (a int);")
            let (driver, context) = (try server.driver(), server.context())
            let saved = try await driver.perform(.saveData(name: "b"), in: context)
            guard case .dataSaved(let backup?) = saved else { throw MySQLShell.Odd() }
            async let left = server.tryAsRoot(Self.sleeper("restoreData"))
            async let other = server.tryAsRoot(Self.sleeper("restoreData2"))
            try await MySQLShell.eventually { try await sessions(server) == "2" }
            try await driver.endLeftovers(of: .restoreData(from: backup), in: context)
            #expect(try await sessions(server) == "1")
            #expect(try await left.status != 0)
            try await server.root(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE application_name LIKE 'pawl/%/restoreData2';
                """)
            #expect(try await other.status != 0)
        }
    }

    private static func sleeper(_ step: String) -> String {
        let name = MySQLLock.name(of: PostgreSQLServer.database, step)
        return "SET application_name = '\(name)'; SELECT pg_sleep(60);"
    }

    /// Sessions of a restore, this test's own included.
    private func sessions(_ server: PostgreSQLServer) async throws -> String {
        try await server.root(
            """
            SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pawl/%/restore%';
            """, in: "postgres")
    }
}
