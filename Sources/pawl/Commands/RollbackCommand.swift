import ArgumentParser
import EventLog
import Glibc
import Reports
import UpgradeMachine

/// `pawl rollback`
struct RollbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Put the old version back, with the data of before the upgrade.")

    @OptionGroup var options: WorkspaceOptions

    @Option(help: "Why; goes into the record.")
    var reason: String

    @Flag(help: "Do not ask.")
    var yes = false

    func run() async throws {
        let session = try Session(try Workspace(options))
        guard let newest = try session.newest() else {
            throw Refusal(
                status: .refused, message: "there is no upgrade of \(session.instance)")
        }
        let run = newest.run
        switch run.upgrade {
        case .rolledBack:
            Output.error("It has been rolled back already: nothing to do.")
            return try Conclusion(session: session, run: run, json: options.json).show()
        case .rollingBack:
            throw Refusal(
                status: .refused, message: "it is being rolled back already",
                advice: "go on with: pawl resume")
        default:
            break
        }
        try confirm(newest, session.log)
        let order = Event.rollbackOrdered(
            cause: Failure(
                code: "ordered", message: "\(Origin.actor) ordered it: \(reason)",
                advice: "nothing to do"))
        let ended = try await session.resume(run, after: order)
        try Conclusion(session: session, run: ended, json: options.json).show()
    }

    private func confirm(_ newest: Replay, _ log: EventLog) throws {
        let plan = newest.run.plan
        var words = "\(plan.instance) goes back from \(plan.candidate.version) to "
            + "\(plan.current.version)."
        if newest.run.upgrade.name == .verified, let backup = newest.run.upgrade.backup,
            let taken = try log.entries(of: newest.stream).last(where: { $0.event.isBackup })
        {
            words += "\nIts data becomes that of \(Output.date(taken.moment.wallMilliseconds)) "
                + "(\(backup.path)).\nWhat has been written since is saved first, and is not in "
                + "the database afterwards."
        }
        Output.error(words)
        guard !yes else { return }
        guard isatty(STDIN_FILENO) == 1 else {
            throw Refusal(
                status: .refused, message: "nobody is here to be asked", advice: "add --yes")
        }
        Output.raw("Go back? [y/N] ")
        guard readLine()?.lowercased() == "y" else {
            throw Refusal(status: .refused, message: "not rolled back; nothing was changed")
        }
    }
}

extension Event {
    fileprivate var isBackup: Bool {
        if case .done(.backedUp, _) = self { true } else { false }
    }
}
