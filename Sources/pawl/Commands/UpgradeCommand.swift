import ArgumentParser
import EventLog
import Reports
import Settings
import UpgradeMachine

/// `pawl upgrade VERSION`
struct UpgradeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upgrade",
        abstract: "Upgrade to a version; when anything fails, put the old one back with its data.")

    @OptionGroup var options: WorkspaceOptions

    @Argument(help: "The version to upgrade to.")
    var version: String

    @Option(help: "The release's archive, where the configuration does not name it.")
    var archive: String?

    @Flag(help: "Show the plan and stop; nothing is changed.")
    var dryRun = false

    @Option(help: "Stop before this state is entered; 'pawl resume' goes on.")
    var stopBefore: StepName?

    @Option(help: "Why; goes into the record.")
    var reason: String?

    @Option(help: "The change's number in another system; goes into the record.")
    var ticket: String?

    func run() async throws {
        let workspace = try Workspace(options)
        let settings = try workspace.instanceSettings()
        let planning = Planning(settings: settings, stateDirectory: workspace.stateDirectory)
        if dryRun { return try await show(planning) }

        let session = try Session(workspace, instance: settings.name)
        try session.requireRest(try session.newest())
        Output.error("Pre-flight. No impact yet.")
        let outcome = try await planning.outcome(
            version: version, archive: archive, reason: reason, ticket: ticket)
        let report = PlanReport(outcome.plan, outcome.findings)
        Output.error(report.findingsText)
        try refuseIfNeeded(outcome)
        if outcome.isServing {
            Output.error("\(version) serves already, with exactly these bytes: nothing to do.")
            if options.json { try Output.json(report) }
            return
        }
        let run = try await session.begin(outcome.plan, pausing: stopBefore)
        try Conclusion(session: session, run: run, json: options.json).show()
    }

    private func show(_ planning: Planning) async throws {
        let outcome = try await planning.outcome(
            version: version, archive: archive, reason: reason, ticket: ticket)
        let report = PlanReport(outcome.plan, outcome.findings)
        if options.json { try Output.json(report) } else { Output.result(report.text) }
        try refuseIfNeeded(outcome)
    }

    private func refuseIfNeeded(_ outcome: Planning.Outcome) throws {
        guard let first = outcome.refusals.first else { return }
        throw Refusal(
            status: .refused, message: "refused beforehand, nothing was changed: \(first.message)",
            advice: first.advice)
    }
}
