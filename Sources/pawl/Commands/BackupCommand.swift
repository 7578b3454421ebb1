import ArgumentParser
import Drivers
import Reports
import Settings
import UpgradeMachine

/// `pawl backup`
struct BackupCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Back up the database. The service goes on; the path is the last line.")

    @OptionGroup var options: WorkspaceOptions
    @OptionGroup var operation: OperationOptions

    @Flag(help: "List the backups that are there, oldest first, and take none.")
    var list = false

    func run() async throws {
        let workspace = try Workspace(options)
        if list { return try show(try Planning(workspace)) }
        let operating = try OperationRun(workspace, operation, json: options.json)
        let outcome = try await operating.planning.outcome(
            of: .backUp, in: try operating.log(), operation)
        let run = try await operating.perform(outcome)
        if !options.json, case .operated(let end)? = run?.upgrade, let path = end.backup?.path {
            // Alone on stdout, so that a script can use it.
            return Output.result(path)
        }
        try operating.conclude(run)
    }

    /// What lies in the backups' directory, as JSON.
    struct Listing: Encodable {
        struct Item: Encodable {
            let path: String
            let takenBy: String
            /// `backup`, `before-1`, `migrated`, `replaced-1`, `restored`.
            let kind: String
            let takenAt: String
            let server: String
            let sizeInBytes: Int
            let tables: Int
            let rows: Int
        }

        var format = "pawl.backups/1"
        let directory: String
        let backups: [Item]
    }

    private func show(_ planning: Planning) throws {
        let directory = planning.settings.backupDirectory(
            stateDirectory: planning.workspace.stateDirectory)
        let items = try BackupCatalog(directory: directory).entries().map {
            Listing.Item(
                path: $0.backup.path, takenBy: $0.manifest.upgrade, kind: $0.kind,
                takenAt: $0.manifest.takenAt,
                server: $0.manifest.server, sizeInBytes: $0.backup.sizeInBytes,
                tables: $0.backup.fingerprint.tables, rows: $0.backup.fingerprint.rows)
        }
        if options.json {
            return try Output.json(Listing(directory: directory, backups: items))
        }
        guard !items.isEmpty else { return Output.result("There is no backup in \(directory).") }
        for item in items {
            Output.result(
                "\(item.takenAt)  \(item.takenBy)  \(item.kind)  \(item.tables) tables, \(item.rows) rows, "
                    + "\(brief(bytes: item.sizeInBytes))  \(item.path)")
        }
    }
}
