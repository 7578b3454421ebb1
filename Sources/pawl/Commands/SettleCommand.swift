import ArgumentParser
import EventLog
import UpgradeMachine

/// `pawl settle STEP --as done|undone --reason WHY`
struct SettleCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "settle",
        abstract: "Tell a halted upgrade what you have seen of a step, and go on.")

    enum Answer: String, CaseIterable, ExpressibleByArgument {
        case done, undone
    }

    @OptionGroup var options: WorkspaceOptions

    @Argument(help: "The step, as 'pawl status' names it.", transform: Step.named)
    var step: Step

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp("What you have seen.", valueName: "answer"))
    var answer: Answer

    @Option(help: ArgumentHelp("How you know; goes into the record.", valueName: "words"))
    var reason: String

    func validate() throws { try reason.validateForRecord("--reason") }

    func run() async throws {
        let workspace = try Workspace(options, needs: .log)
        guard let session = try Session.existing(workspace), let newest = try session.newest()
        else { throw workspace.nothingDone() }
        guard case .halted(let halt) = newest.run.upgrade,
            let effect = halt.undetermined, effect.step == step
        else {
            throw Refusal(
                status: .refused,
                message: "no halted upgrade of \(session.instance) waits for "
                    + step.rawValue, advice: "pawl status shows what can be decided")
        }
        let settlement = try await settlement(of: effect, in: newest.run.plan)
        let decision = Event.settled(step: step, settlement: settlement, reason: reason)
        let run = try await session.resume(newest.run, after: decision)
        try Conclusion(session: session, run: run, json: options.json).show()
    }

    /// What the world shows is the better witness; what the step leaves by its nature comes next.
    private func settlement(of effect: Effect, in plan: Plan) async throws -> Settlement {
        guard answer == .done else { return .undone }
        let driver = try await Composition.driver(for: plan)
        let context = Context(plan: plan) { _ in }
        // A world that cannot be looked at is why a person is asked.
        if case .present(let receipt)? = try? await driver.observe(effect, in: context) {
            return .done(receipt: receipt)
        }
        guard let receipt = effect.receiptWhenDone else {
            throw Refusal(
                status: .refused,
                message: "nothing of \(step.rawValue) is to be seen, and what it leaves is needed "
                    + "as evidence", advice: "settle it as undone, or roll back")
        }
        return .done(receipt: receipt)
    }
}
