import ArgumentParser
import EventLog
import Reports
import UpgradeMachine

/// `pawl status`
struct StatusCommand: ParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Say where every instance stands, why, and what is next.")

    @OptionGroup var options: WorkspaceOptions

    @Flag(help: "List every upgrade and operation that the log has, a line each, oldest first.")
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
        return try Set(streams.map(\.instance)).sorted().flatMap { instance in
            try Self.current(streams.filter { $0.instance == instance }, in: log)
        }
    }

    /// What was worked on last, after the upgrade that an operation came after.
    private static func current(
        _ streams: [StreamSummary], in log: EventLog
    ) throws -> [StreamSummary] {
        guard let last = streams.lastWritten else { return [] }
        guard try log.plan(of: last.stream)?.operation != nil,
            let upgrade = try streams.filter({
                try log.plan(of: $0.stream)?.operation == nil
            }).lastWritten
        else { return [last] }
        return [upgrade, last]
    }

    private static func line(for timeline: Timeline) -> String {
        let began = Output.date(timeline.began.wallMilliseconds)
        let plan = timeline.plan
        let what =
            plan.operation?.name ?? "\(plan.current.version) → \(plan.candidate.version)"
        return "\(timeline.upgrade)  \(began)  \(plan.instance)  \(what)  "
            + timeline.run.upgrade.name.rawValue
    }
}
