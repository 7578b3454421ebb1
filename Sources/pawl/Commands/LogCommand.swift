import ArgumentParser
import EventLog
import UpgradeMachine

/// `pawl log [UPGRADE]`
struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Print the events of the log: a line each, or their stored bytes with --json.")

    @OptionGroup var options: WorkspaceOptions

    @Argument(help: "One upgrade's events alone.")
    var upgrade: String?

    @Option(help: "Only events after this sequence number.")
    var since: Int = 0

    func run() throws {
        let workspace = try Workspace(options)
        let log = try workspace.openLog(for: .reading)
        let coder = RecordCoder()
        try log.forEachStoredEvent(of: upgrade, after: since) { stored throws(EventLogError) in
            if options.json { return Output.result(String(decoding: stored.body, as: UTF8.self)) }
            guard let entry = try? stored.record(by: coder) else {
                // What cannot be read is still shown; 'pawl replay' says what is wrong with it.
                return Output.result("#\(stored.sequence)  \(stored.type)  (unreadable)")
            }
            Output.result(
                "#\(entry.sequence)  \(Output.date(entry.moment.wallMilliseconds))  "
                    + "\(entry.instance)  \(entry.event.brief)")
        }
    }
}
