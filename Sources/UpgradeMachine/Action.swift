/// The runner's next move.
public enum Action: Hashable, Sendable {
    /// Put a decision on record; an intent is one.
    case record(Event)
    /// Look, act where needed, record the outcome.
    case perform(Effect)
    /// The upgrade has ended, or rests until a person decides.
    case rest
}

extension Run {
    /// What has to happen now.
    ///
    /// A function of state and time alone: resuming is replaying, and needs no code of its own.
    public func nextAction(at moment: Moment) -> Action {
        guard let effect = open ?? upgrade.nextEffect else { return .rest }
        if fruitlessResumes > plan.limits.resumesWithoutProgress {
            return .record(.halted(cause: .tooManyResumes(fruitlessResumes - 1)))
        }
        if open != nil { return whileOpen(effect) }
        if let invalidated { return .record(invalidated) }
        if let spent = spentBudget(at: moment) {
            return .record(.rollbackOrdered(cause: spent))
        }
        return .record(.began(effect: effect))
    }

    /// What an effect stands on may have gone with the process that began it.
    private func whileOpen(_ effect: Effect) -> Action {
        switch (effect.step, upgrade) {
        // A dump under a fence that has gone proves nothing, so it is begun anew under a new one.
        case (.backUp, .pulled(let state)) where state.fence == .lost:
            .record(.withdrawn(step: .backUp, cause: .fenceLost))
        case (.stop, .backedUp(let state)) where state.isUnwatched:
            .record(.withdrawn(step: .stop, cause: .unwatched))
        case (.saveData, .operating(let state)) where state.isUnwatched:
            .record(.withdrawn(step: .saveData, cause: .unwatched))
        default: .perform(effect)
        }
    }

    private var invalidated: Event? {
        guard case .backedUp(let state) = upgrade, let backup = state.backup else { return nil }
        let position: Position?
        if case .up(let found) = state.pulled.fence, found != backup.position {
            position = found
        } else if state.isUnwatched {
            position = nil
        } else {
            return nil
        }
        guard state.pulled.backupNumber < plan.limits.attemptsPerStep else {
            return .rollbackOrdered(cause: .noBackupStayedGood(state.pulled.backupNumber))
        }
        return .backupInvalidated(backup: backup, position: position)
    }

    /// Time left of the outage budget; none where there is no budget or no outage.
    public func remainingOutage(at moment: Moment) -> Duration? {
        guard let budget = plan.limits.outageBudget, let outageBegan else { return nil }
        switch upgrade {
        case .backedUp, .pulled, .stopped, .started:
            return budget.duration - moment.duration(since: outageBegan)
        default:
            return nil
        }
    }

    private func spentBudget(at moment: Moment) -> Failure? {
        // What has been started may serve already: its verification looks before it judges.
        guard case .stopped = upgrade, let budget = plan.limits.outageBudget,
            let remaining = remainingOutage(at: moment), remaining <= .zero
        else { return nil }
        return .outageBudgetSpent(budget)
    }

    /// What follows a try that failed: another try, the way back, or a person.
    public func decision(after failure: Failure) -> Event? {
        guard let step = open?.step else { return nil }
        if step.mayBeRepeated, !failure.isPermanent,
            failedAttempts + 1 < plan.limits.attemptsPerStep
        {
            return .attemptFailed(step: step, failure: failure)
        }
        // Never roll back a rollback.
        if case .rollingBack = upgrade { return .halted(cause: failure) }
        if case .operating(let state) = upgrade, state.needsPerson(after: step) {
            return .halted(cause: failure)
        }
        return .failed(step: step, failure: failure)
    }
}

extension Failure {
    /// The time that the service may be away is over.
    public static func outageBudgetSpent(_ budget: Seconds) -> Failure {
        Failure(
            code: "outage-budget",
            message: "the outage budget of \(budget.count) s is spent",
            advice: "find out what took so long in the timeline, or plan a larger outage budget",
            isPermanent: true)
    }

    static func tooManyResumes(_ count: Int) -> Failure {
        Failure(
            code: "no-progress",
            message: "\(count) runs in a row were taken over without getting anything done",
            advice: "find out what ends Pawl (memory, a watchdog, a reboot loop), then go on")
    }

    static func noBackupStayedGood(_ count: Int) -> Failure {
        Failure(
            code: "written-after-backup",
            message: "\(count) backups were taken, and something was or may have been written "
                + "after each of them",
            advice: "find out what writes the database beside the service, or what ends Pawl "
                + "between the backup and the stop")
    }

    static let unwatched = Failure(
        code: "unwatched",
        message: "the service may have written since the backup, while no process was there",
        advice: "nothing to do: the backup is taken anew")

    static let fenceLost = Failure(
        code: "fence-lost",
        message: "the process that kept the database from writing has gone",
        advice: "nothing to do: the fence is raised again and the backup taken anew")
}
