import ArgumentParser
import UpgradeMachine

/// `pawl stop`
struct StopCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Stop the service.")

    @OptionGroup var options: WorkspaceOptions
    @OptionGroup var operation: OperationOptions

    func run() async throws { try await perform(.stop, operation) }
}
