/// An upgrade and what is going on in it; what a log replays to.
public struct Run: Hashable, Sendable {
    public private(set) var upgrade: Upgrade
    /// The effect whose intent is recorded and whose outcome is not; after a crash it is in doubt.
    public private(set) var open: Effect?
    /// Failed tries under the open intent.
    public private(set) var failedAttempts = 0
    /// Take-overs since something last got done, those after a requested stop not counted.
    public private(set) var fruitlessResumes = 0
    /// When the service was first touched, while it is away.
    public private(set) var outageBegan: Moment?
    private var wasPaused = false
    /// A person has just said how things stand; the take-over that follows believes them.
    private var isVouchedFor = false
    /// Effects whose intent was closed without their outcome being known: by a halt that a person
    /// had retried, or by a rollback that was ordered meanwhile. The way back undoes them as well.
    private var undetermined: [Effect] = []

    public init(_ plan: Plan) { upgrade = Upgrade(plan) }

    public var plan: Plan { upgrade.plan }

    /// What was begun and may be going on still, though the process that began it has died; it is
    /// ended before anything else is done.
    public var inDoubt: [Effect] {
        var doubted = open
        if case .halted(let halted) = upgrade { doubted = halted.undetermined }
        guard let doubted else { return undetermined }
        return undetermined.filter { $0 != doubted } + [doubted]
    }

    /// Whether a person may order it back: an operation that has ended is none to go back from, nor
    /// is a restore that has replaced what could not be saved.
    public var mayGoBack: Bool {
        let standing = if case .halted(let halted) = upgrade { halted.resting } else { upgrade }
        return switch standing {
        case .operated, .failed: false
        case .operating(let state): state.canTurnAround(begun: Set(inDoubt.map(\.step)))
        default: true
        }
    }

    /// The run after `event`, which happened at `moment`.
    ///
    /// Decisions are computed again and compared: an intent that differs from what the state
    /// demands is refused, so that a replay confirms every one of them.
    ///
    /// - Throws: ``IllegalEvent`` if `event` cannot follow: an outcome without its intent, say.
    public func evolved(by event: Event, at moment: Moment) throws(IllegalEvent) -> Run {
        var next = self
        do {
            try next.apply(event, at: moment)
        } catch {
            throw IllegalEvent(
                event: event, state: upgrade.name, open: open?.step,
                expected: nextAction(at: moment), refusal: error)
        }
        return next
    }

    private mutating func apply(_ event: Event, at moment: Moment) throws(Refusal) {
        switch event {
        case .began, .withdrawn, .backupInvalidated:
            guard nextAction(at: moment) == .record(event) else { throw .outOfTurn }
            decide(event, at: moment)
        case .attemptFailed(let step, let failure), .failed(let step, let failure):
            guard step == open?.step, decision(after: failure) == event else { throw .outOfTurn }
            fail(event, failure)
        case .halted(let cause):
            guard nextAction(at: moment) != .rest else { throw .outOfTurn }
            halt(cause)
        case .done(let receipt, let adopted):
            guard let open, open.step == receipt.step else { throw .outOfTurn }
            try close(with: receipt)
            // One that was found, not taken, may be as old as the crash that it survived; under a
            // fence its position tells.
            if adopted, open.step == .backUp, !plan.isFenced { leaveUnwatched() }
        case .rollbackOrdered(let cause):
            try turnAround(cause)
        case .resumed:
            guard nextAction(at: moment) != .rest else { throw .outOfTurn }
            takeOver()
            if !isVouchedFor { leaveUnwatched() }
            isVouchedFor = false
        case .paused:
            guard nextAction(at: moment) != .rest else { throw .outOfTurn }
            wasPaused = true
            upgrade = upgrade.withFenceLost()
        case .retried, .settled:
            try goOn(after: event)
        case .planned:
            throw .outOfTurn
        }
    }
}

// What each kind of event does to a run whose guards it has passed.
extension Run {
    private mutating func decide(_ event: Event, at moment: Moment) {
        switch (event, upgrade) {
        case (.began(let effect), _):
            open = effect
            failedAttempts = 0
            // A stop that is begun again may have taken the service away the first time.
            if effect.step.endsService, outageBegan == nil { outageBegan = moment }
        case (.withdrawn(.stop, _), _):
            // Though it is begun anew, it may have taken the service away.
            doubt(open)
            open = nil
        case (.withdrawn, .operating(let state)):
            doubt(.stop)
            open = nil
            upgrade = .operating(state.begunAnew)
        case (.withdrawn, _):
            open = nil
        case (.backupInvalidated, .backedUp(let state)):
            upgrade = .pulled(state.invalidated())
        default:
            preconditionFailure("guarded by nextAction")
        }
    }

    private mutating func fail(_ event: Event, _ failure: Failure) {
        guard case .failed(let step, _) = event else {
            failedAttempts += 1
            return
        }
        if case .verified(let state) = upgrade {
            upgrade = .verified(state.tidied(.failed(failure)))
        } else {
            upgrade = upgrade.turnedAround(by: failure, begun: Set(inDoubt.map(\.step)))
        }
        open = nil
        undetermined.removeAll { $0.step == step }
        fruitlessResumes = 0
        endOutageIfServing()
    }

    private mutating func close(with receipt: Receipt) throws(Refusal) {
        do { upgrade = try upgrade.advanced(by: receipt) } catch { throw .evidence(error) }
        open = nil
        undetermined.removeAll { $0.step == receipt.step }
        // A fence is raised again after every crash under it, which gets the upgrade no further.
        if receipt.step != .raiseFence { fruitlessResumes = 0 }
        endOutageIfServing()
    }

    private mutating func endOutageIfServing() {
        switch upgrade {
        case .verified, .rolledBack: outageBegan = nil
        // A stop is away for as long as it was asked for.
        case .operated(let state) where state.operation != .stop: outageBegan = nil
        default: break
        }
    }

    private mutating func halt(_ cause: Failure) {
        upgrade = .halted(Halted(cause: cause, undetermined: open, resting: upgrade))
        open = nil
    }

    private mutating func turnAround(_ cause: Failure) throws(Refusal) {
        let (state, effect) =
            if case .halted(let halted) = upgrade {
                (halted.resting, halted.undetermined)
            } else {
                (upgrade, open)
            }
        switch state {
        case .rollingBack, .rolledBack, .halted, .operated, .failed: throw .outOfTurn
        case .operating(let state):
            let begun = Set((inDoubt + [effect].compactMap { $0 }).map(\.step))
            guard state.canTurnAround(begun: begun) else { throw .outOfTurn }
        default: break
        }
        open = nil
        doubt(effect)
        upgrade = state.turnedAround(by: cause, begun: Set(undetermined.map(\.step)))
        fruitlessResumes = 0
        endOutageIfServing()
    }

    private mutating func doubt(_ effect: Effect?) {
        guard let effect, !undetermined.contains(effect) else { return }
        undetermined.append(effect)
    }

    private mutating func takeOver() {
        fruitlessResumes += wasPaused ? 0 : 1
        wasPaused = false
        upgrade = upgrade.withFenceLost()
    }

    /// Nobody was there: what was stopped may have been started again, and may have written.
    ///
    /// So a service that had been stopped is stopped again, which finds it so or makes it so, and
    /// before that its backup is shown to be of this moment, or is taken anew. Where a start was
    /// begun, or the proof before it, their drivers look for themselves; and a person who vouches
    /// for a step vouches for what it stands on.
    private mutating func leaveUnwatched() {
        switch upgrade {
        case .backedUp(let state):
            upgrade = .backedUp(state.unwatched)
        case .stopped(let state) where state.backedUp.backup != nil && !mayHaveStarted:
            upgrade = .backedUp(state.backedUp.unwatched)
            doubt(.stop)
        case .operating(let state) where state.standsOnStop(open: open?.step):
            if open == nil { doubt(.stop) }
            upgrade = .operating(open == nil ? state.begunAnew : state.unwatched)
        default: break
        }
    }

    /// Whether an intent beyond the stop was recorded, so that there is no going back before it.
    private var mayHaveStarted: Bool {
        open != nil || undetermined.contains { $0.step == .start }
    }

    private mutating func goOn(after decision: Event) throws(Refusal) {
        guard case .halted(let halted) = upgrade else { throw .outOfTurn }
        switch decision {
        case .settled(let step, .done(let receipt), _):
            guard step == halted.undetermined?.step, receipt.step == step else { throw .outOfTurn }
            do {
                upgrade = try halted.resting.vouched(by: receipt)
            } catch {
                throw .evidence(error)
            }
            undetermined.removeAll { $0.step == step }
        case .settled(let step, .undone, _):
            guard step == halted.undetermined?.step else { throw .outOfTurn }
            upgrade = halted.resting
            undetermined.removeAll { $0.step == step }
            if step == .stop { outageBegan = nil }
        default:
            upgrade = halted.resting
            doubt(halted.undetermined)
        }
        fruitlessResumes = 0
        // A person took their time: what a session held has gone.
        wasPaused = true
        takeOver()
        if case .settled(_, .done, _) = decision { isVouchedFor = true } else { leaveUnwatched() }
        endOutageIfServing()
    }
}

/// An event that cannot follow the state it met: the log is damaged or the code is wrong.
public struct IllegalEvent: Error, Hashable {
    public let event: Event
    public let state: StateName
    public let open: Step?
    /// What the state demanded instead.
    public let expected: Action
    public let refusal: Refusal
}

/// Why an event cannot follow.
public enum Refusal: Error, Hashable {
    /// The state does not call for it.
    case outOfTurn
    /// Its evidence does not fit: another image than the plan's, data that is not the backup's.
    case evidence(IllegalReceipt)
}
