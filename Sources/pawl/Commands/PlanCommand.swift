import ArgumentParser
import Reports
import UpgradeMachine

/// `pawl plan VERSION`
struct PlanCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Show what an upgrade would do. Changes nothing.")

    @OptionGroup var options: WorkspaceOptions
    @OptionGroup var change: ChangeOptions

    func run() async throws {
        try await Planning(try Workspace(options)).show(change, json: options.json)
    }
}

extension Planning {
    func outcome(of change: ChangeOptions) async throws -> Outcome {
        try await outcome(
            Candidate(version: change.version, change.origin), reason: change.reason,
            ticket: change.ticket)
    }

    /// Shows the plan and what was found; ends with 12 where an upgrade would be refused.
    func show(_ change: ChangeOptions, json: Bool) async throws {
        let outcome = try await preview(
            Candidate(version: change.version, change.origin), reason: change.reason,
            ticket: change.ticket)
        let report = PlanReport(outcome.plan, outcome.findings)
        if json { try Output.json(report) } else { Output.result(report.text) }
        if !outcome.refusals.isEmpty { throw ExitCode(ExitStatus.refused.rawValue) }
    }
}
