import EventLog
import UpgradeMachine

/// A log as it might have come about, made up: some seconds pass with every event.
struct GoldenTale {
    /// One writer's turn.
    typealias Part = (stream: String, planDigest: String, entries: [(event: Event, moment: Moment)])

    private(set) var parts: [Part] = []
    private(set) var run: Run
    /// Where the database stands.
    var position = Position("gtid:0-1-42")
    private var seconds: Int64 = 0
    private var bootID = "5f2c1b0e-8f43-4d4c-9a55-0d6c3c1a7e01"

    init(_ plan: Plan) {
        run = Run(plan)
        begin(plan)
    }

    /// Another upgrade in the same log.
    mutating func begin(_ plan: Plan) {
        run = Run(plan)
        parts.append((plan.upgrade, Replay.digest(of: plan), [(.planned(plan: plan), moment)]))
        seconds += 7
    }

    /// Anything that can happen, in order.
    mutating func happen(_ events: Event...) throws {
        for event in events {
            run = try run.evolved(by: event, at: moment)
            parts[parts.count - 1].entries.append((event, moment))
            seconds += 7
        }
    }

    /// Goes on, all well, until the intent of `step` is recorded, or to the end.
    mutating func go(to step: Step? = nil) throws {
        while true {
            switch run.nextAction(at: moment) {
            case .record(let event): try happen(event)
            case .perform(let effect):
                if effect.step == step { return }
                try succeed()
            case .rest: return
            }
        }
    }

    /// The open effect is done.
    mutating func succeed(adopted: Bool = false) throws {
        guard let open = run.open else { return }
        try happen(.done(receipt: Self.receipt(of: open, at: position), adopted: adopted))
    }

    /// The open effect fails, and the machine says what that means.
    mutating func fail(_ failure: Failure) throws {
        guard let event = run.decision(after: failure) else { return }
        try happen(event)
    }

    /// Another process, of another boot, goes on.
    mutating func reboot() throws {
        seconds += 180
        bootID = "0b8a37b2-50a5-49b0-8a3e-7a1d2f6c9e02"
        try happen(.resumed)
    }

    private var moment: Moment {
        Moment(
            wallMilliseconds: 1_795_400_047_042 + seconds * 1003,
            monotonicNanoseconds: 91_000_000_017 + seconds * 1_003_000_001, bootID: bootID)
    }

    static let served = Served(parts: [
        .init(name: "web", id: "c0ffee"), .init(name: "worker", id: ""),
    ])
    static let kept = Kept(parts: [.init(name: "web", id: "0ld", keptAs: "web-kept-u1")])

    static func backup(_ name: String, at position: Position?) -> Backup {
        Backup(
            instance: "studio", path: "/srv/backups/\(name).sql.zst",
            sha256: String(repeating: "b0", count: 32), sizeInBytes: 4_294_967_296,
            fingerprint: Fingerprint(
                digest: String(repeating: "f0", count: 32), tables: 3, rows: 70_000,
                isExact: position != nil),
            position: position)
    }

    private static func receipt(of effect: Effect, at position: Position) -> Receipt {
        let seen = [CheckResult(check: "runs", saw: "web runs, \"good\"")]
        return switch effect {
        case .pull(let release): .pulled(release: release, imageID: "sha256:1d")
        case .raiseFence: .fenceRaised(position: position)
        case .backUp(let name): .backedUp(backup: backup(name, at: position))
        case .stop: .stopped(kept: kept, position: position)
        case .liftFence: .fenceLifted
        case .start: .started(candidate: served)
        case .verify: .verified(results: seen, goodForMilliseconds: 30_000)
        case .tidy: .tidied(removed: ["web-kept-u0", "studio:6.9.0"])
        case .removeCandidate: .candidateRemoved
        case .saveData(let name): .dataSaved(backup: backup(name, at: nil))
        case .restoreData(let backup): .dataRestored(fingerprint: backup.fingerprint)
        case .startPrevious: .previousStarted(serving: served)
        case .verifyPrevious: .previousVerified(results: seen, goodForMilliseconds: 0)
        case .loadDump:
            .dumpLoaded(
                fingerprint: Fingerprint(
                    digest: String(repeating: "d0", count: 32), tables: 2, rows: 9, isExact: true))
        }
    }
}
