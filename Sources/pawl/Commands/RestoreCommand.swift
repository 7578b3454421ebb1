import ArgumentParser
import Reports
import UpgradeMachine

/// `pawl restore BACKUP`
struct RestoreCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Put a backup's data, or a dump's, in place of what is there.",
        discussion: """
            The service is stopped, what is there is saved, the schema is cleared and the data \
            loaded and compared; then the service is started and verified. Where the data cannot \
            be loaded, what was there is put back.
            """)

    @OptionGroup var options: WorkspaceOptions
    @OptionGroup var operation: OperationOptions
    @OptionGroup var start: StartOptions

    @Argument(
        help: ArgumentHelp(
            """
            A file (a backup of Pawl's, a .sql dump, an SQLite database), the id of the upgrade or \
            operation that took a backup, or 'latest'.
            """, valueName: "backup"))
    var backup: String

    @Flag(help: "Do not ask.")
    var yes = false

    func run() async throws {
        let workspace = try Workspace(options)
        let operating = try OperationRun(workspace, operation, json: options.json)
        let target = try await RestoreTarget.named(backup, of: operating.planning)
        let outcome = try await operating.planning.outcome(
            of: .restore(source: target.source), in: try operating.log(), operation, start)
        let complete = Planning.Outcome(
            plan: outcome.plan, isServing: outcome.isServing,
            findings: target.findings + outcome.findings)
        let now = try await DataSince(target.backup, in: outcome.plan).words
        let run = try await operating.perform(complete) {
            Output.error(
                """
                \(outcome.plan.instance) gets the data of \(target.description).
                \(now)
                """)
            try Confirmation.ask("Replace it?", unless: yes, otherwise: "not restored")
        }
        try operating.conclude(run)
    }
}
