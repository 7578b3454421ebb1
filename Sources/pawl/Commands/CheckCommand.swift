import ArgumentParser
import Reports
import UpgradeMachine

/// `pawl check [VERSION]`
struct CheckCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Look whether an upgrade could start. Changes nothing.")

    @OptionGroup var options: WorkspaceOptions

    @Argument(help: "The version to upgrade to; without it only what is there is looked at.")
    var version: String?

    @OptionGroup var origin: ArchiveOptions

    func run() async throws {
        let outcome = try await Planning(try Workspace(options)).preview(
            Planning.Candidate(version: version, origin))
        let report = PlanReport(outcome.plan, outcome.findings)
        if options.json {
            try Output.json(report)
        } else {
            Output.result("Pre-flight of \(outcome.plan.instance). Nothing is changed by it.")
            if !report.findings.isEmpty { Output.result(report.findingsText) }
            Output.result(
                outcome.refusals.isEmpty ? "An upgrade can start." : "An upgrade would be refused.")
        }
        if !outcome.refusals.isEmpty { throw ExitCode(ExitStatus.refused.rawValue) }
    }
}
