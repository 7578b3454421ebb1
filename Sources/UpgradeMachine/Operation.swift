/// A journaled action outside an upgrade; its plan says so.
public enum Operation: Hashable, Sendable, Codable {
    /// Gets the plan's candidate onto the host; what serves goes on.
    case pull
    /// Backs the database up; what serves goes on, and writes.
    case backUp
    /// Puts other data in the place of what is there.
    case restore(source: RestoreSource)
    case stop
    case start
    case restart

    /// What it does, in order.
    public var steps: [Step] {
        switch self {
        case .pull: [.pull]
        case .backUp: [.backUp]
        case .restore(let source): [.stop, .saveData, source.step, .startPrevious, .verifyPrevious]
        case .stop: [.stop]
        case .start: [.startPrevious, .verifyPrevious]
        case .restart: [.stop, .startPrevious, .verifyPrevious]
        }
    }

    public var usesDatabase: Bool {
        switch self {
        case .backUp, .restore: true
        case .pull, .stop, .start, .restart: false
        }
    }

    /// Whether it goes on to start what it stops; otherwise the stop is what was asked for.
    public var startsAgain: Bool { steps.contains(.startPrevious) }
}

/// What a restore puts in place.
public enum RestoreSource: Hashable, Sendable, Codable {
    /// Compared with its fingerprint afterwards.
    case backup(backup: Backup)
    /// Has nothing to be compared with.
    case dump(dump: Dump)

    var step: Step { if case .backup = self { .restoreData } else { .loadDump } }

    public var path: String {
        switch self {
        case .backup(let backup): backup.path
        case .dump(let dump): dump.path
        }
    }
}

/// A dump of a database that Pawl did not make, such as a vendor's `.sql` file.
public struct Dump: Hashable, Sendable, Codable {
    public let path: String
    /// SHA-256 of the file, in hexadecimal.
    public let sha256: String
    public let sizeInBytes: Int

    public init(path: String, sha256: String, sizeInBytes: Int) {
        self.path = path
        self.sha256 = sha256
        self.sizeInBytes = sizeInBytes
    }
}

/// An operation under way, with the evidence of each step that is done.
public struct Operating: Hashable, Sendable {
    public let plan: Plan
    public let operation: Operation
    /// Of the operation's steps, in their order.
    public let receipts: [Receipt]
    /// Counts the saves of what a restore replaces, so that each has a name of its own.
    var saveNumber = 1
    /// Whether what was stopped may have been started again, and may have written.
    var isUnwatched = false

    /// The service as it was stopped, once it was.
    var kept: Kept? {
        receipts.firstValue { if case .stopped(let kept, _) = $0 { kept } else { nil } }
    }

    /// The data that was there before a restore, once it is saved.
    public var saved: Backup? {
        receipts.firstValue { if case .dataSaved(let saved?) = $0 { saved } else { nil } }
    }

    var nextEffect: Effect {
        switch (operation.steps[receipts.count], operation) {
        case (.pull, _): .pull(release: plan.candidate)
        case (.backUp, _): .backUp(name: plan.artefactName("backup"))
        case (.saveData, _): .saveData(name: plan.artefactName("replaced-\(saveNumber)"))
        case (.restoreData, .restore(.backup(let backup))): .restoreData(from: backup)
        case (.loadDump, .restore(.dump(let dump))): .loadDump(dump: dump)
        case (.startPrevious, _): .startPrevious(kept: kept)
        case (.verifyPrevious, _): .verifyPrevious(release: plan.current)
        // The steps of operations are those above, and this one.
        default: .stop
        }
    }

    /// - Parameter isVouchedFor: A person says that the step is done.
    func advanced(by receipt: Receipt, isVouchedFor: Bool = false) throws(IllegalReceipt) -> Upgrade
    {
        let isFit =
            switch (nextEffect, receipt) {
            case (.pull(let wanted), .pulled(let release, _)): release == wanted
            case (.backUp, .backedUp(let backup)): backup.instance == plan.instance
            case (.saveData, .dataSaved(let saved)):
                saved != nil || plan.mayLoseMigratedData || isVouchedFor
            case (.restoreData(let backup), .dataRestored(let fingerprint)):
                fingerprint.matches(backup.fingerprint)
            case (.loadDump, .dumpLoaded), (.stop, .stopped), (.startPrevious, .previousStarted),
                (.verifyPrevious, .previousVerified):
                true
            default: false
            }
        guard isFit else { throw IllegalReceipt(receipt: receipt, state: .operating) }
        let receipts = receipts + [receipt]
        guard receipts.count < operation.steps.count else {
            return .operated(Operated(plan: plan, operation: operation, receipts: receipts))
        }
        return .operating(
            Operating(
                plan: plan, operation: operation, receipts: receipts, saveNumber: saveNumber,
                isUnwatched: isUnwatched))
    }
}

// After time in which no process worked on it.
extension Operating {
    /// Whether it stands on a service that has been stopped, and on what was saved of its data,
    /// and has not begun to replace them.
    func standsOnStop(open: Step?) -> Bool {
        guard case .restore = operation, receipts.count == 1 || receipts.count == 2 else {
            return false
        }
        return open == nil || open == .saveData
    }

    /// To be stopped again, which finds it so or makes it so, and saved again.
    var begunAnew: Operating {
        Operating(
            plan: plan, operation: operation, receipts: [], saveNumber: saveNumber + 1)
    }

    /// With a save under way, which is withdrawn first.
    var unwatched: Operating {
        Operating(
            plan: plan, operation: operation, receipts: receipts, saveNumber: saveNumber,
            isUnwatched: true)
    }
}

/// An operation that has done all that it was asked for.
public struct Operated: Hashable, Sendable {
    public let plan: Plan
    public let operation: Operation
    public let receipts: [Receipt]

    /// The backup that it has made, or the data that a restore has replaced.
    public var backup: Backup? {
        receipts.firstValue {
            switch $0 {
            case .backedUp(let backup), .dataSaved(let backup?): backup
            default: nil
            }
        }
    }
}

/// An operation that could not be done; there was nothing to put back.
public struct FailedOperation: Hashable, Sendable {
    public let plan: Plan
    public let operation: Operation
    public let cause: Failure
}

extension Operating {
    /// Puts things back as they were, where the operation has changed them.
    ///
    /// - Parameter begun: The steps whose outcome is not known; they count as done.
    func turnedAround(by cause: Failure, begun: Set<Step>) -> Upgrade {
        let remaining = wayBack(touched: begun.union(receipts.map(\.step)))
        guard !remaining.isEmpty else {
            return .failed(FailedOperation(plan: plan, operation: operation, cause: cause))
        }
        return .rollingBack(
            RollingBack(
                plan: plan, reached: .operating, cause: cause, backup: saved, saved: nil,
                restored: false, remaining: remaining[...]))
    }

    private func wayBack(touched: Set<Step>) -> [Effect] {
        let start: [Effect] = [.startPrevious(kept: kept), .verifyPrevious(release: plan.current)]
        switch operation {
        case .restart where touched.isDisjoint(with: [.startPrevious, .verifyPrevious]):
            return touched.contains(.stop) ? start : []
        case .restore(let source) where touched.contains(.stop):
            guard touched.contains(source.step) else { return start }
            // Whoever comes here without saved data was refused before. (`needsPerson`)
            let data = saved.map { [Effect.restoreData(from: $0)] } ?? []
            guard touched.contains(.startPrevious) else { return data + start }
            // It may have served, and written.
            return [.stop, .saveData(name: plan.artefactName("restored"))] + data + start
        case .pull, .backUp, .stop, .start, .restart, .restore: return []
        }
    }

    /// Whether nothing is decided by itself once `step` has failed.
    ///
    /// Data that was asked for is in its place then, and whether it is the service's fault that it
    /// does not serve is not for Pawl to say; or what was there could not be saved.
    func needsPerson(after step: Step) -> Bool {
        guard case .restore(let source) = operation else { return false }
        switch step {
        case .startPrevious, .verifyPrevious: return true
        case source.step: return saved == nil
        default: return false
        }
    }

    /// Whether what it has changed can be put back.
    func canTurnAround(begun: Set<Step>) -> Bool {
        guard case .restore(let source) = operation else { return true }
        return saved != nil || !begun.union(receipts.map(\.step)).contains(source.step)
    }
}

extension Sequence {
    /// The first value that `transform` finds.
    fileprivate func firstValue<Value>(_ transform: (Element) -> Value?) -> Value? {
        for element in self { if let value = transform(element) { return value } }
        return nil
    }
}
