import ArgumentParser
import UpgradeMachine

/// `pawl pull VERSION`
struct PullCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Get a release onto this host, for a later upgrade. The service goes on.")

    @OptionGroup var options: WorkspaceOptions
    @OptionGroup var operation: OperationOptions

    @Argument(help: "The version to get.")
    var version: String

    @Option(
        help: ArgumentHelp(
            "The release's archive, where the configuration does not name it.", valueName: "file"))
    var archive: String?

    func run() async throws {
        let operating = try OperationRun(
            try Workspace(options), operation, json: options.json)
        let outcome = try await operating.planning.outcome(
            of: .pull, version: version, archive: archive, in: try operating.log(), operation)
        try operating.conclude(try await operating.perform(outcome))
    }
}
