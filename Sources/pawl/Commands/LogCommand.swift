import ArgumentParser
import EventLog
import UpgradeMachine

/// `pawl log [UPGRADE]`
struct LogCommand: ParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Print the events of the log, a line each.",
        discussion: """
            With --json each line is one event's stored bytes (JSON Lines), to be read, or hashed, \
            by other programs.
            """)

    @OptionGroup var options: WorkspaceOptions

    @Argument(help: "One upgrade's events alone.")
    var upgrade: String?

    @Option(help: ArgumentHelp("Only events after this one.", valueName: "sequence"))
    var since: Int = 0

    func validate() throws {
        guard since >= 0 else { throw ValidationError("--since counts from 0") }
    }

    func run() throws {
        let workspace = try Workspace(options, needs: .log)
        let log = try workspace.log()
        // Names that are not there are refused, instead of printing nothing of them.
        if let upgrade { _ = try workspace.entries(of: upgrade, in: log) }
        let instance = try options.instance.map { _ in try workspace.instanceName(in: log) }
        let coder = RecordCoder()
        try log.forEachStoredEvent(of: upgrade, after: since) { stored throws(EventLogError) in
            if let instance, stored.instance != instance { return }
            if options.json { return Output.stored(String(decoding: stored.body, as: UTF8.self)) }
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
