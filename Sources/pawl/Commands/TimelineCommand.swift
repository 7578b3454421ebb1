import ArgumentParser
import EventLog
import Reports

/// `pawl timeline [UPGRADE]`
struct TimelineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "timeline", abstract: "Tell what happened in an upgrade.")

    @OptionGroup var options: WorkspaceOptions

    @Argument(help: "The upgrade, as 'pawl status' prints it; otherwise the newest.")
    var upgrade: String?

    func run() throws {
        let workspace = try Workspace(options)
        let log = try workspace.openLog(for: .reading)
        let stream = try workspace.stream(upgrade, in: log)
        guard let timeline = try Timeline(try log.entries(of: stream)) else {
            throw EventLogError.unknownStream(stream)
        }
        if options.json { return try Output.json(UpgradeReport(timeline)) }
        Output.result(timeline.text(clock: Output.clock))
    }
}
