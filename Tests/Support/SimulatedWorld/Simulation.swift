import Runner
package import UpgradeMachine

/// One upgrade in a simulated world, from a seed: what is upgraded, what goes wrong, what comes of it.
package struct Simulation: Sendable {
    package let seed: UInt64
    package let scenario: Scenario
    package var schedule: Schedule
    package var sabotage: Sabotage?
    /// A directory for the real log; none to keep the events in memory.
    package var logDirectory: String?

    /// - Parameter schedule: The faults, where they are not to be the seed's.
    package init(seed: UInt64, schedule: Schedule? = nil, sabotage: Sabotage? = nil) {
        var randomness = Randomness(seed: seed)
        self.seed = seed
        scenario = Scenario(from: &randomness)
        let drawn = Schedule(from: &randomness)
        self.schedule = schedule ?? drawn
        self.sabotage = sabotage
    }

    /// What came of a simulation.
    package struct Result: Sendable {
        package var violations: [Violation]
        /// Where it ended; none where the plan itself never got on record.
        package let ending: StateName?
        package let entries: [(event: Event, moment: Moment)]
        package let processes: Int
        package let points: Int
        package let injected: [Schedule.Entry]
        /// How often something was found that had been done before.
        package let adoptions: Int

        package var events: [Event] { entries.map(\.event) }
    }

    /// Runs it; the same every time.
    ///
    /// - Throws: What the disk of a real log threw.
    package func run() throws -> Result {
        let disk = try logDirectory.map {
            try LogOnDisk(directory: $0, plan: scenario.plan)
        }
        let course = SimulatedUpgrade(self, disk)
        try course.run()
        var result = course.result
        if result.violations.isEmpty, schedule.isCrashesAlone, scenario.mayBeCompared {
            result.violations += try differences(from: result)
        }
        if let disk { result.violations += try disk.violations() }
        return result
    }

    /// I12: a crashed upgrade against one that did not crash.
    private func differences(from crashed: Result) throws -> [Violation] {
        var calm = self
        calm.schedule = Schedule()
        calm.logDirectory = nil
        let uncut = SimulatedUpgrade(calm, nil)
        try uncut.run()
        let expected = uncut.result
        // Clients may write between each backup and its loss; after three of these it goes back.
        let invalidated = crashed.events.filter { $0.type == .backupInvalidated }.count
        guard crashed.ending != nil, invalidated < scenario.plan.limits.attemptsPerStep,
            !crashed.gaveUp
        else { return [] }
        if crashed.ending != expected.ending {
            return [
                Violation(
                    invariant: .sameAsUncut, detail: "ends \(name(crashed)), not \(name(expected))")
            ]
        }
        guard scenario.behaviour == .good || scenario.behaviour == .slow else { return [] }
        let found = Essence.of(crashed.events)
        let wanted = Essence.of(expected.events)
        guard found != wanted else { return [] }
        return [Violation(invariant: .sameAsUncut, detail: "went \(found), not \(wanted)")]
    }

    private func name(_ result: Result) -> String { result.ending?.rawValue ?? "nowhere" }
}

extension Simulation.Result {
    /// Whether a person was asked because crash followed upon crash.
    fileprivate var gaveUp: Bool {
        events.contains {
            if case .halted(let cause) = $0 { cause.code == "no-progress" } else { false }
        }
    }
}

extension Scenario {
    /// A crash takes time, and so may spend a budget.
    fileprivate var mayBeCompared: Bool { outageBudget == nil }
}

/// What the log of a crashed upgrade has in common with that of one that did not crash.
private enum Essence {
    static func of(_ events: [Event]) -> [String] {
        var seen: Set<String> = []
        return events.compactMap(word).filter { seen.insert($0).inserted }
    }

    private static func word(_ event: Event) -> String? {
        switch event {
        case .resumed, .attemptFailed, .withdrawn, .backupInvalidated, .paused: nil
        // A fence that a crash has taken is raised again, and backups under it are taken anew.
        case .began(let effect): "began \(effect.step.rawValue)"
        case .done(let receipt, _): "done \(receipt.step.rawValue)"
        case .failed(let step, _): "failed \(step.rawValue)"
        default: event.type.rawValue
        }
    }
}

/// One simulation under way.
final class SimulatedUpgrade: @unchecked Sendable {
    private let simulation: Simulation
    private let clock = Clockwork()
    private let world: World
    private let course: Course
    private let records: Records
    private var randomness: Randomness
    private var decisions: ArraySlice<Scenario.Decision>
    private var mayGoBack: Bool
    private var processes = 0
    private var ending: StateName?
    /// More than the faults of a schedule, and what a person decides, can lead to.
    private static let processLimit = 60

    init(_ simulation: Simulation, _ disk: LogOnDisk?) {
        self.simulation = simulation
        world = World(simulation.scenario, clock: clock)
        world.sabotage = simulation.sabotage
        course = Course(simulation.schedule)
        records = Records(disk)
        randomness = Randomness(seed: simulation.seed ^ 0x5DEE_CE66)
        decisions = simulation.scenario.decisions[...]
        mayGoBack = simulation.scenario.goesBackAfterwards
    }

    var result: Simulation.Result {
        let adoptions = records.events.filter {
            if case .done(_, adopted: true) = $0 { true } else { false }
        }
        return Simulation.Result(
            violations: world.violations, ending: ending, entries: records.entries,
            processes: processes, points: course.points, injected: course.injected,
            adoptions: adoptions.count)
    }

    /// Process after process, until the upgrade has ended, or rests and nobody decides.
    func run() throws {
        while world.violations.isEmpty {
            guard processes < Self.processLimit, !course.isExhausted else {
                return world.violate(.ends, "no end after \(processes) processes")
            }
            let before = records.run
            guard let run = try process(deciding: nextDecision(about: before)) else {
                if before == nil, records.run == nil { continue }
                clock.skip(.milliseconds(50 + randomness.below(30_000)))
                continue
            }
            ending = run.upgrade.name
            checkRecords(against: run)
            checkLeft()
            guard run.nextAction(at: clock.now()) == .rest, !mayGoOn(run) else {
                clock.skip(.seconds(1 + randomness.below(20)))
                continue
            }
            try checkThatItRests(run)
            world.checkEnd(of: run, records.events)
            return
        }
    }

    private func mayGoOn(_ run: Run) -> Bool {
        switch run.upgrade {
        case .halted: !decisions.isEmpty
        case .verified: mayGoBack
        default: false
        }
    }

    private enum Order {
        case decision(Scenario.Decision)
        case goBack
    }

    private func nextDecision(about run: Run?) -> Order? {
        switch run?.upgrade {
        case .halted: decisions.first.map { .decision($0) }
        case .verified where run?.nextAction(at: clock.now()) == .rest: mayGoBack ? .goBack : nil
        default: nil
        }
    }

    /// - Returns: The run as the process left it; none where it died.
    private func process(deciding order: Order?) throws -> Run? {
        processes += 1
        let process = Process(world, course)
        let testimony = Testimony(takingOver: records.run)
        if records.acknowledged > records.entries.count {
            world.violate(.acknowledgedStays, "an event that was acknowledged is not in the log")
            return nil
        }
        try records.takeOver()
        let journal = WitnessLog(
            base: sabotaged(SimulatedLog(process: process, records: records), process),
            process: process, records: records, testimony: testimony)
        let simulated = SimulatedDriver(process)
        let driver = Witness(
            base: simulation.sabotage.map { SabotagedDriver(simulated, $0, process) } ?? simulated,
            process: process, records: records, testimony: testimony)
        let runner = Runner(
            driver: driver, journal: journal, timekeeper: clock, stopRequest: process.stopRequest)
        let end = Box<Swift.Result<Run, any Error>>()
        clock.run { [self] in
            do {
                end.value = .success(
                    try await work(runner, journal, order, simulated, testimony))
            } catch { end.value = .failure(error) }
        }
        let died = process.isDead
        process.die()
        if case .failure(let error)? = end.value, !(error is ProcessDied || error is LogRefused) {
            world.violate(.legal, "\(error)")
        }
        if let illegal = records.illegal { world.violate(.legal, "\(illegal)") }
        guard !died, case .success(let run)? = end.value else { return nil }
        return run
    }

    private func sabotaged(_ log: SimulatedLog, _ process: Process) -> any Journal {
        guard let sabotage = simulation.sabotage else { return log }
        return SabotagedLog(log, sabotage)
    }

    private func work(
        _ runner: Runner<Witness>, _ journal: WitnessLog, _ order: Order?,
        _ driver: SimulatedDriver, _ testimony: Testimony
    ) async throws -> Run {
        guard let replayed = try records.replayed() else {
            let plan = simulation.scenario.plan
            try journal.append([(.planned(plan: plan), clock.now())])
            return try await runner.finish(Run(plan))
        }
        if replayed != records.run { world.violate(.replays, "a replay comes to another state") }
        guard let order else { return try await runner.resume(replayed) }
        let event = await decision(order, replayed, driver)
        if case .settled = event, case .halted(let halt) = replayed.upgrade {
            // Who vouches for it has seen that nothing is at work.
            testimony.leftovers = testimony.leftovers.filter { $0 != halt.undetermined }
        }
        let decided = try await runner.decide(event, for: replayed)
        if case .decision = order { decisions.removeFirst() } else { mayGoBack = false }
        return try await runner.resume(decided)
    }
}

final class Box<Value>: @unchecked Sendable {
    var value: Value?
}

extension SimulatedUpgrade {
    private func decision(_ order: Order, _ run: Run, _ driver: SimulatedDriver) async -> Event {
        let backwards = Event.rollbackOrdered(
            cause: Failure(code: "ordered", message: "a person wants it back", advice: ""))
        guard case .decision(let decision) = order, case .halted(let halt) = run.upgrade else {
            return backwards
        }
        switch decision {
        case .rollBack where halt.decisions.contains(.rollBack): return backwards
        case .settle:
            guard let effect = halt.undetermined else { break }
            world.broken = []
            let context = Context(plan: run.plan) { _ in }
            // A person looks as the program does, and sees no more where it cannot.
            if case .present(let receipt)? = try? await driver.observe(effect, in: context) {
                if case .dataRestored = receipt { world.noteRestored() }
                return .settled(step: effect.step, settlement: .done(receipt: receipt), reason: "r")
            }
            return .settled(step: effect.step, settlement: .undone, reason: "looked")
        case .mendAndRetry: world.broken = []
        case .rollBack, .retry: break
        }
        return .retried(reason: "r")
    }

    /// I11, and that an intent has one outcome.
    private func checkRecords(against run: Run) {
        guard records.run == run else {
            return world.violate(
                .replays, "the log replays to \(records.run?.upgrade.name.rawValue ?? "")")
        }
        if let defect = records.events.unpairedIntent { world.violate(.oneOutcome, defect) }
    }

    /// Nobody works on it until it is resumed: the database must take writes meanwhile.
    private func checkLeft() {
        let last = course.injected.last?.point ?? -100
        guard world.isReadOnly, world.broken.isEmpty, course.points - last > 5 else { return }
        world.violate(.ends, "a run that ended leaves the database read-only")
    }

    /// I13.
    private func checkThatItRests(_ run: Run) throws {
        let (events, points) = (records.entries.count, course.points)
        _ = try process(deciding: nil)
        processes -= 1
        if records.entries.count != events { world.violate(.endRests, "resuming an end appends") }
        if course.points != points { world.violate(.endRests, "resuming an end acts") }
    }
}

extension [Event] {
    /// Why intents and outcomes do not pair; none where they do.
    fileprivate var unpairedIntent: String? {
        var open: Step?
        for event in self {
            switch event {
            case .began(let effect):
                if let open { return "\(effect.step) is begun while \(open) is open" }
                open = effect.step
            case .done(let receipt, _):
                guard open == receipt.step else { return "\(receipt.step) is done, not begun" }
                open = nil
            case .failed(let step, _), .withdrawn(let step, _):
                guard open == step else { return "\(step) is closed, and was not open" }
                open = nil
            case .halted, .rollbackOrdered: open = nil
            default: break
            }
        }
        return nil
    }
}
