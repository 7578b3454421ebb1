import ArgumentParser
import Reports
import UpgradeMachine

/// `pawl plan VERSION`
struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Show what an upgrade would do. Changes nothing.")

    @OptionGroup var options: WorkspaceOptions

    @Argument(help: "The version to upgrade to.")
    var version: String

    @Option(help: "The release's archive, where the configuration does not name it.")
    var archive: String?

    func run() async throws {
        let workspace = try Workspace(options)
        let planning = Planning(
            settings: try workspace.instanceSettings(), stateDirectory: workspace.stateDirectory)
        let outcome = try await planning.outcome(
            version: version, archive: archive, reason: nil, ticket: nil)
        let report = PlanReport(outcome.plan, outcome.findings)
        if options.json { try Output.json(report) } else { Output.result(report.text) }
        if !outcome.refusals.isEmpty { throw ExitCode(ExitStatus.refused.rawValue) }
    }
}
