import ArgumentParser
import EventLog
import UpgradeMachine

/// `pawl resume`
struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Go on with an upgrade from its log.")

    @OptionGroup var options: WorkspaceOptions

    @Flag(help: "Have a halted upgrade try again, because its cause is gone.")
    var retry = false

    @Option(help: "Why; goes into the record. Needed with --retry.")
    var reason: String?

    @Option(help: "Stop before this state is entered.")
    var stopBefore: StepName?

    func validate() throws {
        if retry, reason == nil {
            throw ValidationError("--retry is a decision: say why with --reason")
        }
    }

    func run() async throws {
        let session = try Session(try Workspace(options))
        guard let newest = try session.newest() else {
            return Output.error("Nothing to resume: there is no upgrade of \(session.instance).")
        }
        if case .halted = newest.run.upgrade, !retry {
            return try Conclusion(session: session, run: newest.run, json: options.json).show()
        }
        let decision = retry ? Event.retried(reason: reason ?? "") : nil
        if decision != nil, newest.run.upgrade.name != .halted {
            throw Refusal(
                status: .refused, message: "the upgrade is not halted",
                advice: "leave --retry away: pawl resume")
        }
        let run = try await session.resume(newest.run, after: decision, pausing: stopBefore)
        try Conclusion(session: session, run: run, json: options.json).show()
    }
}
