import ArgumentParser
import EventLog
import Reports
import UpgradeMachine

/// `pawl resume`
struct ResumeCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Go on with an upgrade from its log.")

    @OptionGroup var options: WorkspaceOptions

    @Flag(help: "Have a halted upgrade try again, because its cause is gone.")
    var retry = false

    @Option(
        help: ArgumentHelp("Why; goes into the record. Needed with --retry.", valueName: "words"))
    var reason: String?

    @Option(help: ArgumentHelp("Stop before this state is entered.", valueName: "state"))
    var stopBefore: StepName?

    func validate() throws {
        try reason?.validateForRecord("--reason")
        if retry, reason == nil {
            throw ValidationError("--retry is a decision: say why with --reason")
        }
        if !retry, reason != nil {
            throw ValidationError("--reason is for --retry: going on needs none")
        }
    }

    func run() async throws {
        let workspace = try Workspace(options)
        guard let session = try Session.existing(workspace), let newest = try session.newest()
        else { return try sayNothingToResume(workspace) }
        let upgrade = newest.run.upgrade
        if upgrade.name != .halted, retry {
            throw Refusal(
                status: .refused, message: "the upgrade is not halted",
                advice: "leave --retry away: pawl resume")
        }
        let decision = reason.map { Event.retried(reason: $0) }
        if upgrade.nextEffect == nil, decision == nil {
            // An end, or a rest that waits for a decision: there is nothing to go on with.
            if upgrade.name != .halted { Output.error("It has ended: nothing to resume.") }
            return try Conclusion(session: session, run: newest.run, json: options.json).show()
        }
        try refuseWhatIsPast(upgrade)
        let run = try await session.resume(newest.run, after: decision, pausing: stopBefore)
        try Conclusion(session: session, run: run, json: options.json).show()
    }

    private func sayNothingToResume(_ workspace: Workspace) throws {
        if options.json { return try Output.json(NothingToResume()) }
        Output.result(
            "Nothing to resume: there is no upgrade in the log of \(workspace.stateDirectory).")
    }

    private struct NothingToResume: Encodable {
        var format = "pawl.nothing/1"
    }

    /// Else it would run to its end in spite of the request.
    private func refuseWhatIsPast(_ upgrade: Upgrade) throws {
        let standing = if case .halted(let halt) = upgrade { halt.resting } else { upgrade }
        guard let stopBefore, !stopBefore.isAhead(of: standing.name) else { return }
        throw Refusal(
            status: .refused,
            message: "it cannot stop before '\(stopBefore.rawValue)' any more: "
                + standing.name.wording,
            advice: "name a later state, or leave --stop-before away")
    }
}
