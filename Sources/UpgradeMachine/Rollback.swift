/// The way back, computed once from the evidence gathered on the way forward.
public struct RollingBack: Hashable, Sendable {
    public let plan: Plan
    /// The state in which the upgrade turned around.
    public let reached: StateName
    public let cause: Failure
    /// The backup of before, where there was one.
    public let backup: Backup?
    /// The migrated data, where the way back has saved it.
    public let saved: Backup?
    /// Whether the data had to be put back, and has been.
    public let restored: Bool
    /// Never empty: with nothing left to undo the upgrade has rolled back.
    public let remaining: ArraySlice<Effect>

    var nextEffect: Effect? { remaining.first }

    /// The state after the first of the remaining effects.
    func advanced(by receipt: Receipt) throws(IllegalReceipt) -> Upgrade {
        switch (remaining.first, receipt) {
        case (.removeCandidate, .candidateRemoved), (.liftFence, .fenceLifted),
            (.stop, .stopped), (.startPrevious, .previousStarted),
            (.verifyPrevious, .previousVerified):
            return stepped()
        case (.saveData, .dataSaved(let saved)) where saved != nil || plan.mayLoseMigratedData:
            return stepped(saved: saved)
        case (.restoreData(let backup), .dataRestored(let fingerprint))
        where fingerprint.matches(backup.fingerprint):
            return stepped(restored: true)
        default:
            throw IllegalReceipt(receipt: receipt, state: .rollingBack)
        }
    }

    /// The state after a person vouched for the step, who may also let the migrated data go.
    fileprivate func vouched(by receipt: Receipt) throws(IllegalReceipt) -> Upgrade {
        if case (.saveData, .dataSaved(nil)) = (remaining.first, receipt) { return stepped() }
        return try advanced(by: receipt)
    }

    private func stepped(saved: Backup? = nil, restored: Bool = false) -> Upgrade {
        RollingBack(
            plan: plan, reached: reached, cause: cause, backup: backup, saved: saved ?? self.saved,
            restored: restored || self.restored, remaining: remaining.dropFirst()
        ).settled
    }

    /// This way back, or its end where nothing remains.
    fileprivate var settled: Upgrade {
        remaining.isEmpty
            ? .rolledBack(
                RolledBack(
                    plan: plan, reached: reached, cause: cause,
                    backup: restored ? backup : nil, saved: saved))
            : .rollingBack(self)
    }
}

/// The old version serves, with the data it had.
public struct RolledBack: Hashable, Sendable {
    public let plan: Plan
    /// The state in which the upgrade turned around.
    public let reached: StateName
    public let cause: Failure
    /// What was put back; none where the data had not been touched.
    public let backup: Backup?
    /// The data as the candidate left it, for whoever needs to look.
    public let saved: Backup?
}

extension Fingerprint {
    /// Whether data with this fingerprint is the data of `original`.
    ///
    /// Where writes went on while the original was taken, its row counts and checksums are of no
    /// moment; the database's driver has then compared the definitions alone.
    public func matches(_ original: Fingerprint) -> Bool {
        original.isExact ? digest == original.digest : tables == original.tables
    }
}

extension Upgrade {
    func vouched(by receipt: Receipt) throws(IllegalReceipt) -> Upgrade {
        switch self {
        case .rollingBack(let state): try state.vouched(by: receipt)
        case .operating(let state): try state.advanced(by: receipt, isVouchedFor: true)
        default: try advanced(by: receipt)
        }
    }

    /// Turns around, with the step that was begun undone like the ones before it.
    ///
    /// - Parameter begun: The steps whose outcome is not known; their half-done work counts as done.
    func turnedAround(by cause: Failure, begun: Set<Step>) -> Upgrade {
        if case .rollingBack = self { return self }
        if case .operating(let state) = self { return state.turnedAround(by: cause, begun: begun) }
        return RollingBack(
            plan: plan, reached: name, cause: cause, backup: backup, saved: nil, restored: false,
            remaining: wayBack(begun: begun)[...]
        ).settled
    }

    private func wayBack(begun: Set<Step>) -> [Effect] {
        switch self {
        case .planned, .pulled, .backedUp:
            let lift = liftedFence(begun: begun)
            return begun.contains(.stop) ? lift + previous(kept: nil) : lift
        case .stopped(let state):
            // The candidate may have run before its start was reported as failed, and may have
            // migrated the data.
            return begun.contains(.start)
                ? undoneStart(kept: state.kept)
                : liftedFence(begun: begun) + previous(kept: state.kept)
        case .started(let state):
            return undoneStart(kept: state.stopped.kept)
        case .verified(let state):
            return undoneStart(kept: state.started.stopped.kept)
        case .rollingBack, .rolledBack, .halted, .operating, .operated, .failed:
            return []
        }
    }

    private func undoneStart(kept: Kept) -> [Effect] {
        guard let backup else { return [.removeCandidate] + previous(kept: kept) }
        return [
            .removeCandidate, .saveData(name: plan.artefactName("migrated")),
            .restoreData(from: backup),
        ] + previous(kept: kept)
    }

    private func previous(kept: Kept?) -> [Effect] {
        [.startPrevious(kept: kept), .verifyPrevious(release: plan.current)]
    }

    /// Before the old version starts: one that writes as it starts must not meet the fence.
    private func liftedFence(begun: Set<Step>) -> [Effect] {
        let stands: Bool =
            switch self {
            case .pulled(let state): state.fence.mayStand || begun.contains(.raiseFence)
            case .backedUp(let state): state.pulled.fence.mayStand
            case .stopped(let state): state.fence.mayStand
            default: false
            }
        return stands ? [.liftFence(proving: nil)] : []
    }

    /// The backup of before that a rollback from here would use.
    public var backup: Backup? {
        switch self {
        case .backedUp(let state): state.backup
        case .stopped(let state): state.backedUp.backup
        case .started(let state): state.stopped.backedUp.backup
        case .verified(let state): state.started.stopped.backedUp.backup
        case .rollingBack(let state): state.backup
        case .halted(let state): state.resting.backup
        case .operating(let state): state.saved
        case .operated(let state): state.backup
        case .planned, .pulled, .rolledBack, .failed: nil
        }
    }
}
