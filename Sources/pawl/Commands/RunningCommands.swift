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

/// `pawl start`
struct StartCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Start the service as it was stopped, and verify it. Never an upgrade.")

    @OptionGroup var options: WorkspaceOptions
    @OptionGroup var operation: OperationOptions

    func run() async throws { try await perform(.start, operation) }
}

/// `pawl restart`
struct RestartCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart",
        abstract: "Stop the service, start it as it was, and verify it. Never an upgrade.")

    @OptionGroup var options: WorkspaceOptions
    @OptionGroup var operation: OperationOptions

    func run() async throws { try await perform(.restart, operation) }
}

extension WorkspaceCommand {
    fileprivate func perform(
        _ operation: Operation, _ asked: OperationOptions
    ) async throws {
        let operating = try OperationRun(try Workspace(options), asked, json: options.json)
        let outcome = try await operating.planning.outcome(
            of: operation, in: try operating.log(), asked)
        try operating.conclude(try await operating.perform(outcome))
    }
}
