import ArgumentParser
import EventLog
import Reports
import UpgradeMachine

/// `pawl status`
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Say where every instance stands, why, and what is next.")

    @OptionGroup var options: WorkspaceOptions

    func run() throws {
        let workspace = try Workspace(options)
        let log = try workspace.openLog(for: .reading)
        var newest: [String: StreamSummary] = [:]
        for stream in try log.streams(of: options.instance) { newest[stream.instance] = stream }
        let timelines = try newest.values.sorted { $0.instance < $1.instance }.compactMap {
            try Timeline(try log.entries(of: $0.stream))
        }
        if options.json { return try Output.json(timelines.map(UpgradeReport.init)) }
        guard !timelines.isEmpty else { return Output.result("Nothing has been done yet.") }
        Output.result(
            timelines.map { StatusText($0, instance: $0.plan.instance).text }
                .joined(separator: "\n\n"))
    }
}
