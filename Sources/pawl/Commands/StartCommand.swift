import ArgumentParser
import UpgradeMachine

/// `pawl start`
struct StartCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Start the service as it was stopped, and verify it. Never an upgrade.")

    @OptionGroup var options: WorkspaceOptions
    @OptionGroup var operation: OperationOptions
    @OptionGroup var start: StartOptions

    func run() async throws { try await perform(.start, operation, start) }
}
