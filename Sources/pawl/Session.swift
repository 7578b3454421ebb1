import EventLog
import Foundation
import Reports
import Runner
import UpgradeMachine

/// One hold of an instance: its lock, its log open for writing, its time.
struct Session {
    let instance: String
    let workspace: Workspace
    let log: EventLog
    private let writer: Writer
    private let timekeeper: SystemTimekeeper

    /// Takes the instance, or says who has it.
    ///
    /// - Parameter instance: None to find it in the settings or the log.
    init(_ workspace: Workspace, instance: String? = nil) throws {
        let log = try workspace.openLog(for: .writing)
        self.instance = try instance ?? workspace.instanceName(in: log)
        self.workspace = workspace
        self.log = log
        let lock = try InstanceLock(
            instance: self.instance, directory: workspace.stateDirectory + "/locks",
            holder: Origin.holder())
        writer = try Writer(log: log, lock: lock, author: Origin.author())
        timekeeper = SystemTimekeeper(bootID: try Origin.bootID())
    }

    /// The instance's newest upgrade.
    func newest() throws -> Replay? {
        guard let last = try log.streams(of: instance).last else { return nil }
        return try Replay(try log.entries(of: last.stream))
    }

    /// Refuses to begin beside an upgrade that has not ended.
    func requireRest(_ newest: Replay?) throws {
        guard let newest else { return }
        let stream = newest.stream
        switch newest.run.nextAction(at: timekeeper.now()) {
        case .rest:
            guard case .halted(let halt) = newest.run.upgrade else { return }
            throw Refusal(
                status: .refused,
                message: "upgrade \(stream) of \(instance) is halted: \(halt.cause.message)",
                advice: "decide it first; pawl status shows how")
        default:
            throw Refusal(
                status: .refused,
                message: "upgrade \(stream) of \(instance) has not ended: "
                    + newest.run.upgrade.name.wording,
                advice: "go on with: pawl resume; or go back with: pawl rollback")
        }
    }

    /// Begins an upgrade: its plan is the first event, and with it on disk the run starts.
    func begin(_ plan: Plan, pausing before: StepName?) async throws -> Run {
        let journal = journal(for: plan)
        try journal.append([(.planned(plan: plan), timekeeper.now())])
        return try await operate(Run(plan), before, Display(Run(plan))) { runner, run in
            try await runner.finish(run)
        }
    }

    /// Goes on where the log ends; `decision` is a person's, recorded before.
    func resume(
        _ run: Run, after decision: Event? = nil, pausing before: StepName? = nil
    ) async throws -> Run {
        try await operate(run, before, Display(run)) { runner, run in
            let decided = try decision.map { try runner.decide($0, for: run) } ?? run
            return try await runner.resume(decided)
        }
    }

    private func operate(
        _ run: Run, _ before: StepName?, _ display: Display,
        _ body: (Runner<RedactingDriver>, Run) async throws -> Run
    ) async throws -> Run {
        let interrupts = Interrupts()
        let secrets = try await Composition.secrets(of: run.plan)
        let driver = RedactingDriver(
            base: try await Composition.driver(for: run.plan), redaction: Redaction(secrets))
        let runner = Runner<RedactingDriver>(
            driver: driver, journal: journal(for: run.plan), timekeeper: timekeeper,
            stopRequest: interrupts.request,
            pauseBefore: { effect in
                guard let before, before.step == effect.step else { return nil }
                return .asked(before: before)
            },
            notify: { display.show($0) })
        defer { display.end() }
        return try await body(runner, run)
    }

    private func journal(for plan: Plan) -> StreamJournal {
        StreamJournal(
            writer: writer, stream: plan.upgrade, planDigest: Replay.digest(of: plan))
    }

    /// The newest upgrade as a timeline, read again from the log.
    func timeline(of stream: String) throws -> Timeline? {
        try Timeline(try log.entries(of: stream))
    }
}

/// A stream of the log as the runner's journal.
private struct StreamJournal: Journal {
    let writer: Writer
    let stream: String
    let planDigest: String

    func append(_ entries: [(event: Event, moment: Moment)]) throws {
        try writer.append(entries, to: stream, planDigest: planDigest)
    }
}

extension Failure {
    static func asked(before state: StepName) -> Failure {
        Failure(
            code: "stop-before", message: "stopped before \(state.rawValue), as asked",
            advice: "go on with: pawl resume")
    }
}
