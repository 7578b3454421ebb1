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

    /// Takes the instance, or says who has it; makes a log where there is none.
    init(_ workspace: Workspace, instance: String) throws {
        try self.init(workspace, log: try workspace.makeLog(), instance: instance)
    }

    /// Takes an instance that something has been done with; none where nothing has, and then
    /// nothing is made either.
    static func existing(_ workspace: Workspace) throws -> Session? {
        guard let log = try workspace.existingLog(for: .writing) else { return nil }
        let instance = try workspace.instanceName(in: log)
        guard try !log.streams(of: instance).isEmpty else { return nil }
        return try Session(workspace, log: log, instance: instance)
    }

    /// Takes an instance of a log that is open already: no process may open it twice.
    init(_ workspace: Workspace, log: EventLog, instance: String) throws {
        self.instance = instance
        self.workspace = workspace
        self.log = log
        let lock = try InstanceLock(
            instance: self.instance, directory: workspace.stateDirectory + "/locks",
            holder: Origin.holder())
        writer = try Writer(log: log, lock: lock, author: Origin.author())
        timekeeper = SystemTimekeeper(bootID: try Origin.bootID())
    }

    /// The instance's upgrade or operation that was worked on last: the one that may go on.
    func newest() throws -> Replay? {
        guard let last = try log.streams(of: instance).lastWritten else { return nil }
        return try Replay(try log.entries(of: last.stream))
    }

    /// What a rollback is of: what has not ended, or else the instance's newest upgrade.
    func newestToGoBackFrom() throws -> Replay? {
        guard let newest = try newest() else { return nil }
        if newest.run.plan.operation == nil || newest.obstacle(at: timekeeper.now()) != nil {
            return newest
        }
        for summary in try log.streams(of: instance).reversed()
        where try log.plan(of: summary.stream)?.operation == nil {
            return try Replay(try log.entries(of: summary.stream))
        }
        return nil
    }

    /// Refuses to begin beside what has not ended.
    func requireRest(_ newest: Replay?) throws {
        guard let obstacle = newest?.obstacle(at: timekeeper.now()) else { return }
        throw Refusal(
            status: .refused, message: obstacle.message, advice: obstacle.advice)
    }

    /// Begins what is planned: its plan is the first event, and with it on disk the run starts.
    func begin(_ plan: Plan, pausing before: StepName? = nil) async throws -> Run {
        let journal = journal(for: plan)
        try journal.append([(.planned(plan: plan), timekeeper.now())])
        return try await operate(Run(plan), before, Display(Run(plan))) { runner, run in
            try await runner.finish(run)
        }
    }

    /// Goes on where the log ends, once what it needs answers.
    ///
    /// - Parameters:
    ///   - decision: A person's, which is recorded before.
    ///   - interrupts: Those of several runs that one request stops.
    func resume(
        _ run: Run, after decision: Event? = nil, pausing before: StepName? = nil,
        interrupts: Interrupts? = nil
    ) async throws -> Run {
        let options = try surroundings().options
        // Without them nobody could be asked whether it answers.
        _ = try await Composition.secrets(of: run.plan)
        try await Readiness(
            run: run, command: (["pawl", "resume"] + options).joined(separator: " "),
            request: interrupts?.request
        ).wait()
        return try await operate(run, before, Display(run), interrupts) { runner, run in
            guard let decision else { return try await runner.resume(run) }
            return try await runner.resume(try await runner.decide(decision, for: run))
        }
    }

    private func operate(
        _ run: Run, _ before: StepName?, _ display: Display, _ interrupts: Interrupts? = nil,
        _ body: (Runner<RedactingDriver>, Run) async throws -> Run
    ) async throws -> Run {
        let interrupts = interrupts ?? Interrupts()
        let secrets = try await Composition.secrets(of: run.plan)
        let driver = RedactingDriver(
            base: try await Composition.driver(for: run.plan), redaction: Redaction(secrets))
        let runner = Runner<RedactingDriver>(
            driver: driver, journal: journal(for: run.plan), timekeeper: timekeeper,
            stopRequest: interrupts.request,
            pauseBefore: { effect in
                guard let before, before.isEntered(by: effect) else { return nil }
                return .asked(before: before)
            },
            notify: { display.show($0) })
        defer { display.end() }
        return try await Composition.withholdingSecrets(of: run.plan) {
            try await body(runner, run)
        }
    }

    private func journal(for plan: Plan) -> StreamJournal {
        StreamJournal(
            writer: writer, stream: plan.upgrade, planDigest: Replay.digest(of: plan))
    }

    /// An upgrade as a timeline, read again from the log.
    func timeline(of stream: String) throws -> Timeline? {
        try Timeline(try log.entries(of: stream))
    }

    /// What a report needs beside the log; this run is over, so that nobody holds the instance.
    func surroundings() throws -> Surroundings {
        let place = try workspace.surroundings(of: instance, in: log)
        return Surroundings(options: place.options, bootID: place.bootID, clock: Output.date)
    }
}

extension Replay {
    /// Why no other upgrade of the instance can begin; none where this one has ended.
    func obstacle(at now: Moment) -> PlanFinding? {
        let what = "\(run.plan.kind) \(stream) of \(run.plan.instance)"
        if case .halted(let halt) = run.upgrade {
            return PlanFinding(
                .refusal, "\(what) is halted: \(halt.cause.message)",
                advice: "decide it first; pawl status shows how")
        }
        guard run.nextAction(at: now) != .rest else { return nil }
        return PlanFinding(
            .refusal, "\(what) has not ended: \(run.upgrade.name.wording)",
            advice: "go on with: pawl resume; or go back with: pawl rollback --reason WHY")
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

    func isTakenOver(_ error: any Error) -> Bool {
        if case EventLogError.outdated = error { true } else { false }
    }
}

extension Plan {
    /// What it is a plan of.
    var kind: String { operation?.name ?? "upgrade" }
}

extension Failure {
    static func asked(before state: StepName) -> Failure {
        Failure(
            code: "stop-before", message: "stopped before '\(state.rawValue)', as asked",
            advice: "go on with: pawl resume")
    }
}
