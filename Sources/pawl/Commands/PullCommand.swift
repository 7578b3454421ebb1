import ArgumentParser

/// `pawl pull VERSION`
struct PullCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Get a release onto this host, for a later upgrade. The service goes on.")

    @OptionGroup var options: WorkspaceOptions
    @OptionGroup var operation: OperationOptions

    @Argument(help: "The version to get.")
    var version: String

    func run() async throws {
        try await get(Planning.Candidate(version: version), operation)
    }
}
