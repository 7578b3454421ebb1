public import PropertyTesting
public import UpgradeMachine

/// What may follow in a run, as a world and people that behave would have it.
public struct LegalHistory: Sendable {
    public let plan: Plan
    public private(set) var entries: [(event: Event, moment: Moment)] = []
    public private(set) var run: Run
    private var now = Moment(
        wallMilliseconds: 1_795_400_000_000, monotonicNanoseconds: 0, bootID: "boot-1")

    init(_ plan: Plan) {
        self.plan = plan
        run = Run(plan)
    }

    /// The events after the plan.
    public var events: [Event] { entries.map(\.event) }

    fileprivate mutating func pass(_ milliseconds: Int64, reboots: Bool) {
        now = Moment(
            wallMilliseconds: now.wallMilliseconds + milliseconds,
            monotonicNanoseconds: reboots ? 0 : now.monotonicNanoseconds + milliseconds * 1_000_000,
            bootID: reboots ? now.bootID + "'" : now.bootID)
    }

    /// - Returns: Whether the run took it.
    fileprivate mutating func take(_ event: Event) -> Bool {
        guard let next = try? run.evolved(by: event, at: now) else {
            // Chance chose what cannot be here, such as a halt at an end: it is left out.
            return false
        }
        run = next
        entries.append((event, now))
        return true
    }

    fileprivate var next: Action { run.nextAction(at: now) }
}

extension Choices {
    /// An upgrade's events in an order that may have been, up to `limit`.
    public mutating func history(limit: Int = 60) -> LegalHistory {
        var history = LegalHistory(plan(isSane: true))
        while history.entries.count < limit, index(below: 30) != 29 {
            history.pass(Int64(number(to: 10_000)), reboots: chance(20))
            let event = following(history)
            if !history.take(event), case .rest = history.next {
                if case .halted = history.run.upgrade { continue }
                break
            }
        }
        return history
    }

    /// The course of things as a rule, and at times something that disturbs it.
    private mutating func following(_ history: LegalHistory) -> Event {
        switch index(below: 12) {
        case 9:
            return element(of: [.resumed, .paused(cause: failure())])
        case 10:
            return element(of: [
                .halted(cause: failure()), .rollbackOrdered(cause: failure()),
            ])
        default: break
        }
        switch history.next {
        case .record(let event): return event
        case .perform(let effect):
            if chance(5), let decision = history.run.decision(after: failure()) { return decision }
            return .done(receipt: fitting(effect, in: history.plan), adopted: chance())
        case .rest:
            guard case .halted(let halted) = history.run.upgrade else { return .resumed }
            return decision(on: halted)
        }
    }

    private mutating func decision(on halted: Halted) -> Event {
        switch element(of: halted.decisions) {
        case .retry: .retried(reason: text())
        case .rollBack: .rollbackOrdered(cause: failure())
        case .settleUndone(let step): .settled(step: step, settlement: .undone, reason: text())
        case .settleDone(let step):
            .settled(
                step: step,
                settlement: .done(
                    receipt: halted.undetermined?.receiptWhenDone ?? receipt(of: step)),
                reason: text())
        }
    }

    /// A receipt with what the plan demands of it; the rest is as it comes.
    private mutating func fitting(_ effect: Effect, in plan: Plan) -> Receipt {
        switch effect {
        case .pull: .pulled(release: plan.candidate, imageID: text())
        case .backUp:
            .backedUp(
                backup: Backup(
                    instance: plan.instance, path: text(), sha256: text(), sizeInBytes: whole(),
                    fingerprint: fingerprint(), position: optional { _ in Position("7") }))
        case .raiseFence: .fenceRaised(position: Position(chance(4) ? "8" : "7"))
        case .saveData: .dataSaved(backup: backup())
        case .restoreData(let backup): .dataRestored(fingerprint: backup.fingerprint)
        default: receipt(of: effect.step)
        }
    }
}
