import ArgumentParser
import Drivers
import EventLog
import Glibc
import Reports
import UpgradeMachine

/// `pawl rollback`
struct RollbackCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Put the old version back, with the data of before the upgrade.")

    @OptionGroup var options: WorkspaceOptions

    @Argument(
        help: ArgumentHelp(
            "Its id, as 'pawl status --all' lists it; otherwise the newest.", valueName: "upgrade"))
    var upgrade: String?

    @Option(help: ArgumentHelp("Why; goes into the record.", valueName: "words"))
    var reason: String

    @Flag(help: "Do not ask.")
    var yes = false

    func validate() throws { try reason.validateForRecord("--reason") }

    func run() async throws {
        let workspace = try Workspace(options, needs: .log)
        guard let session = try Session.existing(workspace),
            let newest = try upgrade.map({ try named($0, session) })
                ?? session.newestToGoBackFrom()
        else { throw workspace.nothingDone() }
        let run = newest.run
        if case .rolledBack = run.upgrade {
            Output.error(
                "It has been rolled back already: nothing to do. (One before it: pawl rollback "
                    + "UPGRADE, as 'pawl status --all' lists them.)")
            return try Conclusion(session: session, run: run, json: options.json).show()
        }
        guard run.mayGoBack else {
            let kind = run.plan.kind
            throw Refusal(
                status: .refused,
                message: run.upgrade.nextEffect == nil
                    ? "the \(kind) \(run.plan.upgrade) has ended: there is nothing to go back from"
                    : "what the \(kind) has replaced was not saved: there is nothing to go back to",
                advice: "pawl status shows where it stands; other data: pawl restore")
        }
        try refuseWhatCannotBe(run.upgrade)
        try await refuseWhatIsNoLongerThere(run)
        try await confirm(newest, session.log)
        let order = Event.rollbackOrdered(
            cause: Failure(
                code: "ordered", message: "\(Origin.actor) ordered it: \(reason)",
                advice: "nothing to do"))
        let ended = try await session.resume(run, after: order)
        try Conclusion(session: session, run: ended, json: options.json).show()
    }

    /// An older one, beside which nothing may be under way.
    private func named(_ upgrade: String, _ session: Session) throws -> Replay {
        guard
            let summary = try session.log.streams(of: session.instance).first(where: {
                $0.stream == upgrade
            })
        else {
            throw Refusal(
                status: .usage,
                message: "there is no upgrade '\(upgrade)' of \(session.instance)",
                advice: "pawl status --all lists them")
        }
        let newest = try session.newest()
        if newest?.stream != upgrade { try session.requireRest(newest) }
        return try Replay(try session.log.entries(of: summary.stream))
    }

    private func refuseWhatCannotBe(_ upgrade: Upgrade) throws {
        if upgrade.isGoingBack {
            throw Refusal(
                status: .refused, message: "it is on the way back already",
                advice: upgrade.name == .halted
                    ? "it is halted there; pawl status shows what can be decided"
                    : "go on with: pawl resume")
        }
        // Found out later it would leave the service stopped.
        if let backup = upgrade.backup, access(backup.path, R_OK) != 0 {
            throw Refusal(
                status: .refused,
                message: "the backup \(backup.path) cannot be read: "
                    + String(cString: strerror(errno)),
                advice: "put it back from a copy; nothing was changed")
        }
    }

    /// What somebody else has put in the candidate's place has written data that would be replaced.
    private func refuseWhatIsNoLongerThere(_ run: Run) async throws {
        guard run.upgrade.name == .verified else { return }
        let driver = try await Composition.driver(for: run.plan)
        let context = Context(plan: run.plan) { _ in }
        let missing = try await Composition.service(for: run.plan).missingOfPrevious(in: context)
        guard missing.isEmpty else {
            throw Refusal(
                status: .refused,
                message: "there is nothing to go back to: \(missing.joined(separator: ", ")) is "
                    + "gone (docker container prune?); nothing was changed",
                advice: "upgrade to \(run.plan.current.version) instead, then pawl restore "
                    + run.plan.upgrade)
        }
        guard case .present = try await driver.observe(.removeCandidate, in: context) else {
            return
        }
        throw Refusal(
            status: .refused,
            message: "the \(run.plan.candidate.version) that this upgrade has started is not there "
                + "any more: somebody else has put something in its place; nothing was changed",
            advice: "pawl verify says what serves; from there, upgrade to the version you want")
    }

    private func confirm(_ newest: Replay, _ log: EventLog) async throws {
        let plan = newest.run.plan
        if let operation = plan.operation {
            var words = "The \(operation.name) of \(plan.instance) is given up, and put back."
            if case .restore = operation, let saved = newest.run.upgrade.backup {
                words += " Its data becomes that of before (\(saved.path)). What the service has "
                words += "written since is saved first, and is not in the database afterwards."
            }
            Output.error(words)
            return try Confirmation.ask("Go back?", unless: yes, otherwise: "not put back")
        }
        var words =
            "\(plan.instance) goes back from \(plan.candidate.version) to "
            + "\(plan.current.version)."
        if newest.run.upgrade.name == .verified, let backup = newest.run.upgrade.backup,
            let taken = try log.entries(of: newest.stream).last(where: { $0.event.isBackup })
        {
            words +=
                "\nIts data becomes that of \(Output.date(taken.moment.wallMilliseconds)), "
                + "with \(backup.fingerprint.tables) tables and \(backup.fingerprint.rows) rows "
                + "(\(backup.path)).\n\(try await DataSince(backup, in: plan).words)"
        }
        Output.error(words)
        try Confirmation.ask("Go back?", unless: yes, otherwise: "not rolled back")
    }
}

extension Event {
    fileprivate var isBackup: Bool {
        if case .done(.backedUp, _) = self { true } else { false }
    }
}
