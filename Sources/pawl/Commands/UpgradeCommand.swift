import ArgumentParser
import EventLog
import Reports
import Settings
import UpgradeMachine

/// `pawl upgrade VERSION`
struct UpgradeCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "upgrade",
        abstract: "Upgrade to a version; when anything fails, put the old one back with its data.")

    @OptionGroup var options: WorkspaceOptions
    @OptionGroup var change: ChangeOptions

    @Flag(help: "Show the plan and stop; nothing is changed.")
    var dryRun = false

    @Option(
        help: ArgumentHelp(
            "Stop before this state is entered; 'pawl resume' goes on.", valueName: "state"))
    var stopBefore: StepName?

    func run() async throws {
        let workspace = try Workspace(options)
        let planning = try Planning(workspace)
        if dryRun { return try await planning.show(change, json: options.json) }

        let session = try Session(workspace, instance: try workspace.instanceSettings().name)
        try session.requireRest(try session.newest())
        Output.progress("Pre-flight. No impact yet.")
        let outcome = try await planning.outcome(of: change)
        let report = PlanReport(outcome.plan, outcome.findings)
        if !report.findings.isEmpty { Output.progress(report.findingsText) }
        if let first = outcome.refusals.first {
            throw Refusal(
                status: .refused,
                message: "refused beforehand, nothing was changed: \(first.message)",
                advice: first.advice)
        }
        if outcome.isServing {
            if options.json { return try Output.json(report) }
            return Output.result(
                "\(outcome.plan.candidate.version) serves already: nothing to do.")
        }
        let run = try await session.begin(outcome.plan, pausing: stopBefore)
        try Conclusion(session: session, run: run, json: options.json).show()
    }
}
