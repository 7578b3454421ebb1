import ArgumentParser
import UpgradeMachine

/// `pawl restart`
struct RestartCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart",
        abstract: "Stop the service, start it as it was, and verify it. Never an upgrade.")

    @OptionGroup var options: WorkspaceOptions
    @OptionGroup var operation: OperationOptions
    @OptionGroup var start: StartOptions

    func run() async throws { try await perform(.restart, operation, start) }
}
