import ArgumentParser
import EventLog
import Reports
import UpgradeMachine

/// `pawl resume`
struct ResumeCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Go on with an upgrade from its log.",
        discussion: """
            With --all it goes on with every upgrade of the log that a kill, a shutdown or a \
            restart of the host has interrupted, one after the other. It is what the unit of \
            'pawl service install' runs after a boot. A pawl.yaml is not needed. What a person \
            has to decide (halted), has stopped (Ctrl-C, --stop-before), or is at work on, is \
            named and left alone. SIGTERM counts as a shutdown, not as a person.

            Its exit status is the gravest of: 11 (halted: a person is needed), 1 or 20 (an \
            upgrade's log cannot be used), 12 (something is missing, nothing was changed: try \
            again), 13 (held by another run), 15 (stopped on request), 10 (rolled back), 0.
            """)

    @OptionGroup var options: WorkspaceOptions

    @Flag(help: "Go on with every upgrade that was interrupted.")
    var all = false

    @Flag(help: "Have a halted upgrade try again, because its cause is gone.")
    var retry = false

    @Option(
        help: ArgumentHelp("Why; goes into the record. Needed with --retry.", valueName: "words"))
    var reason: String?

    @Option(help: ArgumentHelp("Stop before this state is entered.", valueName: "state"))
    var stopBefore: StepName?

    func validate() throws {
        if all, retry || reason != nil || stopBefore != nil || options.instance != nil {
            throw ValidationError(
                "--all goes on with whatever was interrupted: it decides nothing, and takes no "
                    + "--instance, --retry, --reason or --stop-before")
        }
        try reason?.validateForRecord("--reason")
        if retry, reason == nil {
            throw ValidationError("--retry is a decision: say why with --reason")
        }
        if !retry, reason != nil {
            throw ValidationError("--reason is for --retry: going on needs none")
        }
    }

    func run() async throws {
        let workspace = try Workspace(options, needs: .log)
        if all { return try await Resumption(workspace: workspace, json: options.json).run() }
        guard let session = try Session.existing(workspace), let newest = try session.newest()
        else { return try sayNothingToResume(workspace) }
        let upgrade = newest.run.upgrade
        if upgrade.name != .halted, retry {
            throw Refusal(
                status: .refused, message: "the \(newest.run.plan.kind) is not halted",
                advice: "leave --retry away: pawl resume")
        }
        let decision = reason.map { Event.retried(reason: $0) }
        if upgrade.nextEffect == nil, decision == nil {
            // An end, or a rest that waits for a decision: there is nothing to go on with.
            Output.error(
                upgrade.name == .halted
                    ? "It is halted, and was left as it is: it goes on when a person has decided."
                    : "It has ended: nothing to resume.")
            return try Conclusion(session: session, run: newest.run, json: options.json).show()
        }
        try refuseWhatIsPast(upgrade)
        let run = try await session.resume(newest.run, after: decision, pausing: stopBefore)
        try Conclusion(session: session, run: run, json: options.json).show()
    }

    private func sayNothingToResume(_ workspace: Workspace) throws {
        if options.json { return try Output.json(NothingToResume()) }
        Output.result(
            "Nothing to resume: there is no upgrade in the log of \(workspace.stateDirectory). "
                + "(Another log's directory: --state.)")
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
