public import PropertyTesting
public import UpgradeMachine

extension Choices {
    public mutating func step() -> Step { element(of: Step.allCases) }

    public mutating func position() -> Position { Position(text()) }

    public mutating func fingerprint() -> Fingerprint {
        Fingerprint(digest: text(), tables: whole(), rows: whole(), isExact: !chance())
    }

    public mutating func backup() -> Backup {
        Backup(
            instance: text(), path: text(), sha256: text(), sizeInBytes: whole(),
            fingerprint: fingerprint(), position: optional { $0.position() })
    }

    public mutating func dump() -> Dump {
        Dump(path: text(), sha256: text(), sizeInBytes: whole())
    }

    public mutating func kept() -> Kept {
        Kept(parts: array(limit: 3) { .init(name: $0.text(), id: $0.text(), keptAs: $0.text()) })
    }

    public mutating func served() -> Served {
        Served(parts: array(limit: 3) { .init(name: $0.text(), id: $0.text()) })
    }

    private mutating func results() -> [CheckResult] {
        array(limit: 3) { CheckResult(check: $0.text(), saw: $0.text()) }
    }

    public mutating func failure() -> Failure {
        Failure(
            code: text(), message: text(), advice: text(), excerpt: optional { $0.text() },
            isPermanent: chance())
    }

    /// An effect of `step`, of which there is one case each.
    public mutating func effect(of step: Step) -> Effect {
        switch step {
        case .pull: .pull(release: release())
        case .raiseFence: .raiseFence
        case .backUp: .backUp(name: text())
        case .stop: .stop
        case .liftFence: .liftFence(proving: optional { $0.position() })
        case .start: .start(release: release())
        case .verify: .verify(release: release())
        case .tidy: .tidy
        case .removeCandidate: .removeCandidate
        case .saveData: .saveData(name: text())
        case .restoreData: .restoreData(from: backup())
        case .startPrevious: .startPrevious(kept: optional { $0.kept() })
        case .verifyPrevious: .verifyPrevious(release: release())
        case .loadDump: .loadDump(dump: dump())
        }
    }

    public mutating func receipt(of step: Step) -> Receipt {
        switch step {
        case .pull: .pulled(release: release(), imageID: text())
        case .raiseFence: .fenceRaised(position: position())
        case .backUp: .backedUp(backup: backup())
        case .stop: .stopped(kept: kept(), position: optional { $0.position() })
        case .liftFence: .fenceLifted
        case .start: .started(candidate: served())
        case .verify: .verified(results: results(), goodForMilliseconds: integer())
        case .tidy: .tidied(removed: words())
        case .removeCandidate: .candidateRemoved
        case .saveData: .dataSaved(backup: optional { $0.backup() })
        case .restoreData: .dataRestored(fingerprint: fingerprint())
        case .startPrevious: .previousStarted(serving: served())
        case .verifyPrevious:
            .previousVerified(results: results(), goodForMilliseconds: integer())
        case .loadDump: .dumpLoaded(fingerprint: fingerprint())
        }
    }

    public mutating func settlement() -> Settlement {
        chance() ? .done(receipt: receipt(of: step())) : .undone
    }

    /// Any event; most of them fit no state.
    public mutating func event() -> Event { event(of: element(of: EventType.allCases)) }

    public mutating func event(of type: EventType) -> Event {
        switch type {
        case .planned: .planned(plan: plan())
        case .began: .began(effect: effect(of: step()))
        case .attemptFailed: .attemptFailed(step: step(), failure: failure())
        case .done: .done(receipt: receipt(of: step()), adopted: chance())
        case .failed: .failed(step: step(), failure: failure())
        case .withdrawn: .withdrawn(step: step(), cause: failure())
        case .halted: .halted(cause: failure())
        case .backupInvalidated: .backupInvalidated(backup: backup(), position: position())
        case .rollbackOrdered: .rollbackOrdered(cause: failure())
        case .resumed: .resumed
        case .paused: .paused(cause: failure())
        case .retried: .retried(reason: text())
        case .settled: .settled(step: step(), settlement: settlement(), reason: text())
        }
    }

    /// Any time that a clock may show, and any that it may not.
    public mutating func moment() -> Moment {
        Moment(
            wallMilliseconds: integer(), monotonicNanoseconds: integer(),
            bootID: element(of: ["boot-1", "boot-2", ""]))
    }

    /// A time of the years that a log can write down, 0000 to 9999.
    public mutating func writtenMoment() -> Moment {
        let first: Int64 = -62_167_219_200_000
        let span: UInt64 = 315_569_520_000_000
        return Moment(
            wallMilliseconds: chance() ? first + Int64(number(to: span - 1)) : Int64(number(to: 9)),
            monotonicNanoseconds: integer(), bootID: text())
    }
}
