import ArgumentParser
import EventLog

/// `pawl replay`
struct ReplayCommand: ParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Fold the log again, and confirm its chain and every recorded decision.")

    @OptionGroup var options: WorkspaceOptions

    /// What was confirmed.
    struct Report: Encodable {
        var format = "pawl.replay/1"
        let events: Int
        let upgrades: Int
        let head: String
    }

    func run() throws {
        let workspace = try Workspace(options, needs: .log)
        let report: Report
        do {
            let log = try workspace.log()
            let all = try Replay.all(of: log)
            report = Report(events: all.events, upgrades: all.upgrades, head: all.head)
        } catch let error as EventLogError {
            guard case .damaged = error else { throw error }
            throw Refusal(status: .foundWrong, message: error.description)
        }
        if options.json { return try Output.json(report) }
        Output.result(
            "\(report.events) events are as they were written, and every decision of "
                + "\(report.upgrades) upgrades follows from the events before it.\n"
                + "Head of the chain: \(report.head)")
    }
}
