/// Nothing goes on by itself: a person is needed.
public struct Halted: Hashable, Sendable {
    public let cause: Failure
    /// The effect whose outcome nobody knows; none where no intent was open.
    public let undetermined: Effect?
    /// The state that a decision goes on from.
    public let resting: Upgrade

    /// What a person can decide, the safest first.
    public var decisions: [Decision] {
        var all: [Decision] = [.retry]
        if mayGoBack { all.append(.rollBack) }
        if let undetermined {
            if undetermined.receiptWhenDone != nil { all.append(.settleDone(undetermined.step)) }
            all.append(.settleUndone(undetermined.step))
        }
        return all
    }

    private var mayGoBack: Bool {
        switch resting {
        case .rollingBack: false
        case .operating(let state):
            state.canTurnAround(begun: Set([undetermined].compactMap { $0?.step }))
        default: true
        }
    }

    /// When to choose a decision.
    public func meaning(of decision: Decision) -> String {
        if decision == .settleDone(.saveData), resting.plan.operation != nil {
            return "replace the data that is there without a copy of it"
        }
        return decision.meaning
    }

    /// A way on from a halt, which is a command to type.
    public enum Decision: Hashable, Sendable {
        case retry, rollBack
        case settleDone(Step)
        case settleUndone(Step)

        /// The arguments of `pawl` that take this decision.
        public var arguments: [String] {
            switch self {
            case .retry: ["resume", "--retry", "--reason", "WHY"]
            case .rollBack: ["rollback", "--reason", "WHY"]
            case .settleDone(let step):
                ["settle", step.rawValue, "--as", "done", "--reason", "WHY"]
            case .settleUndone(let step):
                ["settle", step.rawValue, "--as", "undone", "--reason", "WHY"]
            }
        }

        /// When to choose it, in an upgrade; see ``Halted/meaning(of:)``.
        public var meaning: String {
            switch self {
            case .retry: "the cause is gone: look again and go on"
            case .rollBack: "give up, and put back what was before"
            case .settleDone(.saveData): "go on without what the candidate has made of the data"
            case .settleDone(let step): "you have seen that \(step.rawValue) is done"
            case .settleUndone(let step): "you have seen that \(step.rawValue) has not happened"
            }
        }
    }
}

extension Effect {
    /// What the effect leaves where a person vouches for it; none where only the world can say.
    public var receiptWhenDone: Receipt? {
        switch self {
        case .liftFence: .fenceLifted
        case .removeCandidate: .candidateRemoved
        case .restoreData(let backup): .dataRestored(fingerprint: backup.fingerprint)
        case .verify: .verified(results: [.byHand], goodForMilliseconds: 0)
        case .verifyPrevious: .previousVerified(results: [.byHand], goodForMilliseconds: 0)
        case .startPrevious(let kept?):
            .previousStarted(
                serving: Served(parts: kept.parts.map { .init(name: $0.name, id: $0.id) }))
        case .tidy: .tidied(removed: [])
        // Nothing was saved; a person may let it go, where a candidate has broken its database.
        case .saveData: .dataSaved(backup: nil)
        case .pull, .raiseFence, .backUp, .stop, .start, .startPrevious(nil), .loadDump: nil
        }
    }
}

extension CheckResult {
    fileprivate static let byHand = CheckResult(check: "settled", saw: "a person vouched for it")
}
