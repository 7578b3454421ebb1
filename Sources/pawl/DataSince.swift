import Drivers
import UpgradeMachine

/// What has become of the data since a backup, for whoever is about to replace it.
struct DataSince {
    /// What there is now, and that it is saved before it goes.
    let words: String

    /// Reads the database; where that cannot be done, that is what is told.
    init(_ backup: Backup?, in plan: Plan) async throws {
        guard let database = try Composition.database(for: plan) else {
            words = "There is no database."
            return
        }
        words = try await Composition.withholdingSecrets(of: plan) {
            do throws(Failure) {
                return try await Self.words(backup, database, Context(plan: plan) { _ in })
            } catch {
                return "What it has now cannot be read: \(error.message). " + Self.saving
            }
        }
    }

    private static func words(
        _ backup: Backup?, _ database: any DatabaseDriver, _ context: Context
    ) async throws(Failure) -> String {
        if let position = backup?.position, try await database.position(in: context) == position {
            return "Nothing has been written since. " + savingNevertheless
        }
        let now = try await database.fingerprint(in: context)
        if let then = backup?.fingerprint, then.isExact, then.digest == now.digest {
            return "What it has now is the same. " + savingNevertheless
        }
        return "It has \(now.tables) tables with \(now.rows) rows now. " + saving
    }

    private static let saving = "It is saved first, and is not in the database afterwards."
    private static let savingNevertheless = "It is saved first nevertheless."
}
