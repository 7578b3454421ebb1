extension Event {
    /// A few words for one line: what kind of event, about which step.
    public var brief: String {
        switch self {
        case .planned(let plan) where plan.operation != nil:
            "planned \(plan.operation?.name ?? "")"
        case .planned(let plan): "planned \(plan.current.version) → \(plan.candidate.version)"
        case .began(let effect): "began \(effect.brief)"
        case .attemptFailed(let step, let failure):
            "a try of \(step.rawValue) failed: \(failure.message)"
        case .done(let receipt, let adopted):
            "\(receipt.step.rawValue) done\(adopted ? ", found so" : "")"
        case .failed(let step, let failure): "\(step.rawValue) failed: \(failure.message)"
        case .withdrawn(let step, let cause): "\(step.rawValue) withdrawn: \(cause.message)"
        case .halted(let cause): "halted: \(cause.message)"
        case .backupInvalidated(_, _?): "backup invalidated: something was written after it"
        case .backupInvalidated(_, nil):
            "backup invalidated: something may have been written after it"
        case .rollbackOrdered(let cause): "rollback ordered: \(cause.message)"
        case .resumed: "resumed"
        case .paused(let cause): "paused: \(cause.message)"
        case .retried(let reason): "retried: \(reason)"
        case .settled(let step, .done, let reason): "\(step.rawValue) settled as done: \(reason)"
        case .settled(let step, .undone, let reason):
            "\(step.rawValue) settled as undone: \(reason)"
        }
    }
}

extension Effect {
    /// The step, with what tells this effect from another of the same step.
    public var brief: String {
        switch self {
        case .pull(let release), .start(let release), .verify(let release),
            .verifyPrevious(let release):
            "\(step.rawValue) \(release.version)"
        case .backUp(let name), .saveData(let name): "\(step.rawValue) as \(name)"
        case .liftFence(let position?): "\(step.rawValue), proving \(position.text)"
        case .restoreData(let backup): "\(step.rawValue) from \(backup.path)"
        case .loadDump(let dump): "\(step.rawValue) from \(dump.path)"
        case .raiseFence, .stop, .liftFence(nil), .tidy, .removeCandidate, .startPrevious:
            step.rawValue
        }
    }
}

extension Operation {
    /// As a command names it.
    public var name: String {
        switch self {
        case .pull: "pull"
        case .backUp: "backup"
        case .restore: "restore"
        case .stop: "stop"
        case .start: "start"
        case .restart: "restart"
        }
    }
}
