import Drivers
import Foundation
import Testing
import UpgradeMachine

/// Dump and restore on real servers, with all that a schema can hold.
@Suite(.needsMariaDB, .serialized, .timeLimit(.minutes(10)))
struct MySQLRestoreTests {
    @Test("Everything survives", arguments: MySQLPlace.available)
    func everything(place: MySQLPlace) async throws {
        try await MySQLServer.running(
            place, arguments: ["--log-bin=log", "--server-id=7", "--max-allowed-packet=16M"]
        ) { server in
            try await server.root(MySQLSchemas.everything, schema: MySQLServer.schema)
            let before = try await server.root(MySQLSchemas.look, schema: MySQLServer.schema)
            let driver = try server.driver()
            let context = server.context()
            let backup = try await saved(driver, "before", context)
            #expect(backup.fingerprint.isExact)
            #expect(backup.fingerprint.tables == MySQLSchemas.tables)

            try await server.root(MySQLSchemas.migration, schema: MySQLServer.schema)
            let effect = Effect.restoreData(from: backup)
            guard case .torn = try await driver.observe(effect, in: context) else {
                Issue.record("the migrated data passes for the backup's")
                return
            }
            try await driver.clear(effect, in: context)
            let receipt = try await driver.perform(effect, in: context)
            #expect(receipt == .dataRestored(fingerprint: backup.fingerprint))
            #expect(try await driver.observe(effect, in: context) == .present(receipt))
            let after = try await server.root(MySQLSchemas.look, schema: MySQLServer.schema)
            #expect(after == before)
            #expect(try await server.root("SELECT @@GLOBAL.max_allowed_packet") == "16777216")
        }
    }

    private func saved(
        _ driver: MySQLDriver, _ name: String, _ context: Context
    ) async throws -> Backup {
        guard
            case .dataSaved(let backup?) = try await driver.perform(
                .saveData(name: name), in: context)
        else { throw MySQLShell.Odd() }
        return backup
    }
}
