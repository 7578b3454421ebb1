import ArgumentParser
import EventLog
import Reports
import UpgradeMachine

/// `pawl timeline [UPGRADE]`
struct TimelineCommand: ParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "timeline", abstract: "Tell what happened in an upgrade.")

    @OptionGroup var options: WorkspaceOptions

    @Argument(help: "The upgrade, as 'pawl status' prints it; otherwise the newest.")
    var upgrade: String?

    func run() throws {
        let workspace = try Workspace(options, needs: .log)
        let log = try workspace.log()
        guard let timeline = try Timeline(try workspace.entries(of: upgrade, in: log)) else {
            throw Refusal(
                status: .foundWrong, message: "this upgrade's first event is not its plan",
                advice: "keep the log as evidence; pawl replay says more")
        }
        if options.json {
            let place = try workspace.surroundings(of: timeline.plan.instance, in: log)
            return try Output.json(UpgradeReport(timeline, in: place))
        }
        Output.result(timeline.text(clock: Output.clock))
    }
}
