/// Where an upgrade, or an operation, stands: a fold over its events, never stored.
public enum Upgrade: Hashable, Sendable {
    case planned(Planned)
    case pulled(Pulled)
    case backedUp(BackedUp)
    case stopped(Stopped)
    case started(Started)
    case verified(Verified)
    case rollingBack(RollingBack)
    case rolledBack(RolledBack)
    indirect case halted(Halted)
    case operating(Operating)
    case operated(Operated)
    case failed(FailedOperation)

    /// The first state of what is planned.
    public init(_ plan: Plan) {
        if let operation = plan.operation {
            self = .operating(Operating(plan: plan, operation: operation, receipts: []))
        } else {
            self = .planned(Planned(plan: plan))
        }
    }

    public var name: StateName {
        switch self {
        case .planned: .planned
        case .pulled: .pulled
        case .backedUp: .backedUp
        case .stopped: .stopped
        case .started: .started
        case .verified: .verified
        case .rollingBack: .rollingBack
        case .rolledBack: .rolledBack
        case .halted: .halted
        case .operating: .operating
        case .operated: .operated
        case .failed: .failed
        }
    }

    public var plan: Plan {
        switch self {
        case .planned(let state): state.plan
        case .pulled(let state): state.planned.plan
        case .backedUp(let state): state.pulled.planned.plan
        case .stopped(let state): state.backedUp.pulled.planned.plan
        case .started(let state): state.stopped.backedUp.pulled.planned.plan
        case .verified(let state): state.started.stopped.backedUp.pulled.planned.plan
        case .rollingBack(let state): state.plan
        case .rolledBack(let state): state.plan
        case .halted(let state): state.resting.plan
        case .operating(let state): state.plan
        case .operated(let state): state.plan
        case .failed(let state): state.plan
        }
    }

    /// The one effect that may be worked on now; none where the upgrade has ended or rests.
    public var nextEffect: Effect? {
        switch self {
        case .planned(let state): .pull(release: state.plan.candidate)
        case .pulled(let state): state.nextEffect
        case .backedUp(let state): state.nextEffect
        case .stopped(let state): state.nextEffect
        case .started(let state):
            .verify(release: state.stopped.backedUp.pulled.planned.plan.candidate)
        case .verified(let state): state.tidying == .due ? .tidy : nil
        case .rollingBack(let state): state.nextEffect
        case .operating(let state): state.nextEffect
        case .rolledBack, .halted, .operated, .failed: nil
        }
    }

    /// The state after a step was done: no side effects, no choices.
    ///
    /// The runner asks before it appends and the log asks on replay, so one rule guards both ends.
    ///
    /// - Throws: ``IllegalReceipt`` if `receipt` cannot follow this state.
    func advanced(by receipt: Receipt) throws(IllegalReceipt) -> Upgrade {
        switch (self, receipt) {
        case (.planned(let state), .pulled(let release, let id)) where release == plan.candidate:
            return .pulled(state.pulled(id))
        case (.pulled(let state), .fenceRaised(let position)):
            return .pulled(state.with(fence: .up(at: position)))
        case (.pulled(let state), .backedUp(let backup)) where backup.instance == plan.instance:
            return .backedUp(state.backedUp(backup))
        case (.pulled(let state), .stopped(let kept, let position)) where !plan.database.isPresent:
            return .stopped(state.backedUp(nil).stopped(keeping: kept, at: position))
        case (.backedUp(let state), .fenceRaised(let position)):
            return .backedUp(state.with(fence: .up(at: position)))
        case (.backedUp(let state), .stopped(let kept, let position)):
            return .stopped(state.stopped(keeping: kept, at: position))
        case (.stopped(let state), .fenceLifted):
            return .stopped(state.with(fence: .down))
        case (.stopped(let state), .started(let candidate)):
            return .started(state.started(candidate))
        case (.started(let state), .verified(let results, _)):
            return .verified(state.verified(by: results))
        case (.verified(let state), .tidied(let removed)):
            return .verified(state.tidied(.done(removed: removed)))
        case (.rollingBack(let state), _):
            return try state.advanced(by: receipt)
        case (.operating(let state), _):
            return try state.advanced(by: receipt)
        default:
            throw IllegalReceipt(receipt: receipt, state: name)
        }
    }
}

extension Upgrade {
    /// Whether the database may refuse writes for this upgrade's sake.
    public var fence: Fence {
        switch self {
        case .pulled(let state): state.fence
        case .backedUp(let state): state.pulled.fence
        case .stopped(let state): state.fence
        case .halted(let state): state.resting.fence
        default: .down
        }
    }

    func withFenceLost() -> Upgrade {
        let lost = fence.afterItsProcess
        return switch self {
        case .pulled(let state): .pulled(state.with(fence: lost))
        case .backedUp(let state): .backedUp(state.with(fence: lost))
        case .stopped(let state): .stopped(state.with(fence: lost))
        default: self
        }
    }
}

/// A state without its evidence, as commands and reports name it.
public enum StateName: String, Hashable, Sendable, Codable, CaseIterable {
    case planned, pulled, backedUp, stopped, started, verified, rollingBack, rolledBack, halted
    case operating, operated, failed
}

/// A receipt that cannot follow the state it met.
public struct IllegalReceipt: Error, Hashable {
    public let receipt: Receipt
    public let state: StateName
}

extension Pulled {
    var nextEffect: Effect {
        let plan = planned.plan
        guard plan.database.isPresent else { return .stop }
        if plan.isFenced, case .up = fence { return backUpEffect }
        return plan.isFenced ? .raiseFence : backUpEffect
    }

    private var backUpEffect: Effect {
        .backUp(name: planned.plan.artefactName("before-\(backupNumber)"))
    }
}

extension BackedUp {
    /// A lost fence is raised again before the stop, which shows whether anything was written.
    var nextEffect: Effect { pulled.fence == .lost ? .raiseFence : .stop }
}

extension Stopped {
    var nextEffect: Effect {
        fence.mayStand
            ? .liftFence(proving: backedUp.backup?.position)
            : .start(release: backedUp.pulled.planned.plan.candidate)
    }
}

extension Plan {
    /// Names an artefact after its upgrade, so that an older run's is never taken for this one's.
    func artefactName(_ kind: String) -> String { "\(instance)-\(upgrade)-\(kind)" }
}
