import ArgumentParser
import EventLog
import Reports
import UpgradeMachine

/// `pawl status`
struct StatusCommand: ParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Say where every instance stands, why, and what is next.")

    @OptionGroup var options: WorkspaceOptions

    @Flag(help: "List every upgrade that the log has, a line each, oldest first.")
    var all = false

    func run() throws {
        let workspace = try Workspace(options, needs: .log)
        guard let log = try workspace.existingLog(for: .reading) else {
            if options.json { return try Output.json(StatusReport([])) }
            return Output.result(
                "Nothing has been done yet: there is no log in \(workspace.stateDirectory).")
        }
        let wanted = try options.instance.map { _ in try workspace.instanceName(in: log) }
        let told = try streams(of: wanted, in: log).compactMap { stream in
            try Timeline(try log.entries(of: stream.stream)).map {
                ($0, try workspace.surroundings(of: stream.instance, in: log))
            }
        }
        if options.json {
            return try Output.json(StatusReport(told.map { UpgradeReport($0, in: $1) }))
        }
        guard !told.isEmpty else { return Output.result("Nothing has been done yet.") }
        let texts = told.map { all ? Self.line(for: $0) : StatusText($0, in: $1).text }
        Output.result(texts.joined(separator: all ? "\n" : "\n\n"))
    }

    private func streams(of instance: String?, in log: EventLog) throws -> [StreamSummary] {
        let streams = try log.streams(of: instance)
        if all { return streams }
        var newest: [String: StreamSummary] = [:]
        for stream in streams { newest[stream.instance] = stream }
        return newest.values.sorted { $0.instance < $1.instance }
    }

    private static func line(for timeline: Timeline) -> String {
        let began = Output.date(timeline.began.wallMilliseconds)
        let plan = timeline.plan
        return "\(timeline.upgrade)  \(began)  \(plan.instance)  "
            + "\(plan.current.version) → \(plan.candidate.version)  "
            + timeline.run.upgrade.name.rawValue
    }
}
