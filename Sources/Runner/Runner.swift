public import UpgradeMachine

/// The only loop: asks the run what is next, does it, records it.
///
/// Resuming is the same call on a replayed run. Decisions that follow one another without an
/// effect between them, such as an outcome and the next intent, are appended as one transaction.
public struct Runner<World: Driver>: Sendable {
    private let driver: World
    private let journal: any Journal
    private let timekeeper: any Timekeeper
    private let stopRequest: StopRequest
    private let pauseBefore: @Sendable (Effect) -> Failure?
    private let notify: @Sendable (Notice) -> Void

    /// - Parameters:
    ///   - driver: Makes the effects real.
    ///   - journal: Keeps the events; an append that fails stops the run before the next effect.
    ///   - stopRequest: Set when a person or the system asks the run to stop.
    ///   - pauseBefore: Says why the run is to stop before an effect is begun, or none.
    ///   - notify: Is told what happens, for whoever watches.
    public init(
        driver: World, journal: any Journal, timekeeper: any Timekeeper,
        stopRequest: StopRequest = StopRequest(),
        pauseBefore: @escaping @Sendable (Effect) -> Failure? = { _ in nil },
        notify: @escaping @Sendable (Notice) -> Void = { _ in }
    ) {
        self.driver = driver
        self.journal = journal
        self.timekeeper = timekeeper
        self.stopRequest = stopRequest
        self.pauseBefore = pauseBefore
        self.notify = notify
    }

    /// Takes over from a process that has died or was told to stop, then goes on to the end.
    ///
    /// - Returns: The run as it ended or rests; unchanged where it had ended before.
    /// - Throws: What the journal threw, or ``IllegalEvent``.
    public func resume(_ replayed: Run) async throws -> Run {
        var draft = Draft(run: replayed)
        guard replayed.nextAction(at: timekeeper.now()) != .rest else { return replayed }
        try record(.resumed, in: &draft)
        try flush(&draft)
        for effect in draft.run.inDoubt {
            guard let failure = await endLeftovers(of: effect, of: draft.run) else { continue }
            try record(.halted(cause: .leftovers(of: effect.step, failure)), in: &draft)
            return try await leave(&draft)
        }
        return try await finish(draft.run)
    }

    /// Tried again like a step: after a reboot the engine or the database may only be coming up.
    ///
    /// - Returns: Why they could not be ended; none where they are.
    private func endLeftovers(of effect: Effect, of run: Run) async -> Failure? {
        var failures = 0
        while true {
            do throws(Failure) {
                try await driver.endLeftovers(of: effect, in: context(effect, run, nil))
                return nil
            } catch {
                failures += 1
                guard failures < run.plan.limits.attemptsPerStep, !error.isPermanent,
                    stopRequest.level == 0
                else { return error }
                await backOff(after: failures, of: effect.step)
            }
        }
    }

    /// Runs until the upgrade has ended, rests, or was paused.
    ///
    /// - Throws: What the journal threw, or ``IllegalEvent``.
    public func finish(_ start: Run) async throws -> Run {
        var draft = Draft(run: start)
        do {
            return try await drive(&draft)
        } catch {
            // Whoever mends the log or its disk comes later; the service is to write meanwhile.
            if !journal.isTakenOver(error) { await letFenceGo(draft.run) }
            throw error
        }
    }

    private func drive(_ draft: inout Draft) async throws -> Run {
        while true {
            // One moment for the decision and its record: a budget may be spent between two.
            let now = timekeeper.now()
            switch draft.run.nextAction(at: now) {
            case .record(let event):
                if case .began(let effect) = event, let cause = reasonToPause(before: effect) {
                    try record(.paused(cause: cause), in: &draft)
                    return try await leave(&draft)
                }
                // Another save follows under another name; half of this one is nobody's.
                if case .withdrawn(.saveData, _) = event, let open = draft.run.open {
                    await discard(open, of: draft.run)
                }
                try record(event, at: now, in: &draft)
            case .perform(let effect):
                try flush(&draft)
                let event = await attempt(effect, of: draft.run)
                try record(event, in: &draft)
                if case .paused = event { return try await leave(&draft) }
            case .rest:
                return try await leave(&draft)
            }
        }
    }

    /// Nobody works on it from here on: the database must not be kept from writing meanwhile.
    ///
    /// Going on raises the fence again, which shows whether anything was written.
    private func leave(_ draft: inout Draft) async throws -> Run {
        try flush(&draft)
        await letFenceGo(draft.run)
        return draft.run
    }

    private func letFenceGo(_ run: Run) async {
        guard run.mayLeaveFence else { return }
        do throws(Failure) {
            try await driver.clear(.raiseFence, in: context(.raiseFence, run, nil))
        } catch {
            notify(.progress(.raiseFence, .note("the database may refuse writes: \(error)")))
        }
    }

    /// Puts a person's decision on record; what it asks for is done by ``resume(_:)``.
    public func decide(_ event: Event, for run: Run) async throws -> Run {
        var draft = Draft(run: run)
        try record(event, in: &draft)
        if case .rollbackOrdered = event {
            // The way back has no use for it, so nobody would look at it again.
            for effect in run.inDoubt { await discard(effect, of: run, endingLeftovers: true) }
        }
        try flush(&draft)
        return draft.run
    }

    /// Takes away what an effect left half done that will not be tried again.
    private func discard(_ effect: Effect, of run: Run, endingLeftovers: Bool = false) async {
        switch effect {
        case .pull, .backUp, .saveData: break
        // The way back undoes what the others did.
        default: return
        }
        let context = context(effect, run, nil)
        do throws(Failure) {
            if endingLeftovers { try await driver.endLeftovers(of: effect, in: context) }
            try await driver.clear(effect, in: context)
        } catch {
            notify(.progress(effect.step, .note("left something behind: \(error.message)")))
        }
    }
}

extension Run {
    /// Whether the database may be kept from writing after the process has gone.
    fileprivate var mayLeaveFence: Bool {
        let state = if case .halted(let halted) = upgrade { halted.resting } else { upgrade }
        if case .rollingBack(let state) = state {
            return state.remaining.contains { $0.step == .liftFence }
        }
        // A raising that a halt has closed may have got as far as a server that refuses writes.
        return upgrade.fence.mayStand || inDoubt.contains(.raiseFence)
    }
}

/// A run with the events that are not on disk yet.
private struct Draft {
    var run: Run
    var unsaved: [(event: Event, moment: Moment)] = []
}

extension Runner {
    private func record(_ event: Event, in draft: inout Draft) throws {
        try record(event, at: timekeeper.now(), in: &draft)
    }

    private func record(_ event: Event, at moment: Moment, in draft: inout Draft) throws {
        draft.run = try draft.run.evolved(by: event, at: moment)
        draft.unsaved.append((event, moment))
    }

    private func flush(_ draft: inout Draft) throws {
        guard !draft.unsaved.isEmpty else { return }
        try journal.append(draft.unsaved)
        for (event, moment) in draft.unsaved { notify(.recorded(event, at: moment)) }
        draft.unsaved = []
    }

    private func reasonToPause(before effect: Effect) -> Failure? {
        stopRequest.level > 0 ? stopRequest.cause : pauseBefore(effect)
    }

    private func context(_ effect: Effect, _ run: Run, _ deadline: Deadline?) -> Context {
        Context(plan: run.plan) { progress in
            switch progress {
            case .working: deadline?.extend()
            case .answering(let isGood): deadline?.noteAnswering(isGood)
            case .bytes, .note: break
            }
            notify(.progress(effect.step, progress))
        }
    }

    /// Does the effect, or fails at it; either way the world's answer becomes one event.
    private func attempt(_ effect: Effect, of run: Run) async -> Event {
        if run.failedAttempts > 0 {
            await backOff(after: run.failedAttempts, of: effect.step)
            if stopRequest.ends(effect.step) { return .paused(cause: stopRequest.cause) }
        }
        let deadline = Deadline(for: effect.step, of: run, timekeeper: timekeeper)
        let context = context(effect, run, deadline)
        let ending = await deadline.enforce(stopRequest, on: effect.step) {
            await ensure(effect, in: context)
        }
        switch ending {
        case .finished(.done(let receipt, let adopted)):
            return .done(receipt: receipt, adopted: adopted)
        case .finished(.undetermined(let failure)):
            return .halted(cause: failure)
        case .stopped:
            return .paused(cause: stopRequest.cause)
        case .finished(.failed(let failure)), .expired(let failure):
            return await outcome(of: effect, failing: failure, run)
        }
    }

    /// The machine decides what a failure means; what will not be tried again leaves no half.
    private func outcome(
        of effect: Effect, failing failure: Failure, _ run: Run
    ) async -> Event {
        guard let event = run.decision(after: failure) else {
            preconditionFailure("an effect is performed under its intent")
        }
        if case .failed = event { await discard(effect, of: run) }
        return event
    }

    /// Looks before it acts: what a crash left done is recorded, not repeated.
    private func ensure(_ effect: Effect, in context: Context) async -> Attempt {
        do throws(Failure) {
            switch try await driver.observe(effect, in: context) {
            case .present(let receipt):
                return .done(receipt, adopted: true)
            case .unknown(let detail):
                return .undetermined(.undetermined(effect.step, detail))
            case .torn(let detail):
                guard effect.mayBeginAnew else { return .failed(.torn(effect.step, detail)) }
                try await driver.clear(effect, in: context)
            case .absent:
                break
            }
            return .done(try await driver.perform(effect, in: context), adopted: false)
        } catch {
            return .failed(error)
        }
    }

    /// Rests before the next try, which a request to stop ends as soon as it begins.
    private func backOff(after failures: Int, of step: Step) async {
        for _ in 0..<min(1 << (failures - 1), 30) where !stopRequest.ends(step) {
            // Woken early by cancellation, the next attempt ends at once by itself.
            try? await timekeeper.sleep(for: .seconds(1))
        }
    }
}

/// How one try ended.
enum Attempt: Sendable {
    case done(Receipt, adopted: Bool)
    case failed(Failure)
    /// The world does not say.
    case undetermined(Failure)
}

extension Effect {
    /// A start that was begun may have touched the data: it is adopted or rolled back.
    fileprivate var mayBeginAnew: Bool { step != .start }
}

extension Failure {
    /// A person asked the run to stop.
    static let stopRequested = Failure(
        code: "stop-requested", message: "stopped on request",
        advice: "go on with: pawl resume")

    /// The host, or who else sends SIGTERM, asked the run to stop.
    static let shutDown = Failure(
        code: Failure.shutDownCode,
        message: "stopped by SIGTERM, as when the host is shut down",
        advice: "go on with: pawl resume; after a restart of the host, pawl resume --all does")

    static func undetermined(_ step: Step, _ detail: String) -> Failure {
        Failure(
            code: "undetermined",
            message: "whether \(step.rawValue) was done is unknown: \(detail)",
            advice: "look, then tell Pawl with: pawl settle \(step.rawValue) --as done|undone")
    }

    static func torn(_ step: Step, _ detail: String) -> Failure {
        Failure(
            code: "torn", message: "\(step.rawValue) was begun and is not complete: \(detail)",
            advice: "nothing to do: it is not repeated on data that it may have touched",
            isPermanent: true)
    }

    static func leftovers(of step: Step, _ failure: Failure) -> Failure {
        Failure(
            code: "leftovers",
            message: "what an earlier run left at work for \(step.rawValue) could not be ended: "
                + failure.message,
            advice: failure.advice, excerpt: failure.excerpt)
    }
}
