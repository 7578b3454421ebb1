import UpgradeMachine

/// An upgrade as a log would tell it, made by hand: a second passes with every event.
struct Story {
    private(set) var entries: [LogEntry] = []
    private(set) var run: Run
    /// Where the clocks stand before the next event.
    var seconds: Int64 = 0
    var bootID = "boot-1"
    var actor = "ada"
    var tool = Tool(version: "0.1.0", digest: "d1")
    var fenceNumber = 1

    init(_ plan: Plan = Story.plan) {
        run = Run(plan)
        append(.planned(plan: plan))
    }

    /// Anything that can happen, in order.
    mutating func happen(_ events: Event...) throws {
        for event in events {
            let moment = moment
            run = try run.evolved(by: event, at: moment)
            append(event)
        }
    }

    /// Goes on, all well, until the intent of `step` is recorded, or to the end.
    mutating func go(to step: Step? = nil) throws {
        while true {
            switch run.nextAction(at: moment) {
            case .record(let event): try happen(event)
            case .perform(let effect):
                if effect.step == step { return }
                try happen(.done(receipt: Self.receipt(of: effect), adopted: false))
            case .rest: return
            }
        }
    }

    /// The open effect fails, and the machine says what that means.
    mutating func fail(_ failure: Failure) throws {
        guard let event = run.decision(after: failure) else { return }
        try happen(event)
    }

    /// The open effect is found done.
    mutating func adopt() throws {
        guard let open = run.open else { return }
        try happen(.done(receipt: Self.receipt(of: open), adopted: true))
    }

    private var moment: Moment {
        Moment(
            wallMilliseconds: 1_790_000_000_000 + seconds * 1000,
            monotonicNanoseconds: seconds * 1_000_000_000, bootID: bootID)
    }

    private mutating func append(_ event: Event) {
        let count = entries.count
        entries.append(
            LogEntry(
                sequence: 101 + count, previousLeaf: "", instance: "studio", stream: "u1",
                streamSequence: count + 1, moment: moment, fenceNumber: fenceNumber,
                actor: actor, host: "server", tool: tool,
                planDigest: "0123456789abcdef0123", causation: nil, event: event))
        seconds += 1
    }
}

extension Story {
    static let plan = Plan(
        upgrade: "u1", instance: "studio",
        current: Release(version: "7.0.0", reference: "/srv/7.0.0.tgz", digest: "sha256:70"),
        candidate: Release(version: "7.1.0", reference: "/srv/7.1.0.tgz", digest: "sha256:71"),
        runtime: .host(
            settings: HostRuntime(
                directory: "/srv", start: ["start"], stop: ["stop"], status: ["status"],
                logFile: nil)),
        database: .sqlite(settings: SQLiteDatabase(path: "/srv/data.db")), fence: .hold,
        backups: "/srv/backups", checks: [Check(name: "runs", question: .running)], steadyFor: 0,
        limits: Limits())

    private static func backup(_ name: String) -> Backup {
        Backup(
            instance: "studio", path: "/srv/backups/\(name).zst", sha256: "b0", sizeInBytes: 4096,
            fingerprint: Fingerprint(digest: "f0", tables: 3, rows: 7, isExact: true),
            position: Position("content:42"))
    }

    private static let kept = Kept(parts: [.init(name: "current", id: "7.0.0", keptAs: "7.0.0")])
    private static let served = Served(parts: [.init(name: "current", id: "7.1.0")])
    private static let seen = [
        CheckResult(check: "running", saw: "current runs"),
        CheckResult(check: "http", saw: "200"),
    ]

    private static func receipt(of effect: Effect) -> Receipt {
        switch effect {
        case .pull(let release): .pulled(release: release, imageID: "sha256:71")
        case .raiseFence: .fenceRaised(position: Position("content:42"))
        case .backUp(let name): .backedUp(backup: backup(name))
        case .stop: .stopped(kept: kept, position: Position("content:42"))
        case .liftFence: .fenceLifted
        case .start: .started(candidate: served)
        case .verify: .verified(results: seen, goodForMilliseconds: 0)
        case .tidy: .tidied(removed: [])
        case .removeCandidate: .candidateRemoved
        case .saveData(let name): .dataSaved(backup: backup(name))
        case .restoreData(let backup): .dataRestored(fingerprint: backup.fingerprint)
        case .startPrevious: .previousStarted(serving: served)
        case .verifyPrevious: .previousVerified(results: seen, goodForMilliseconds: 0)
        case .loadDump:
            .dumpLoaded(
                fingerprint: Fingerprint(digest: "d0", tables: 2, rows: 9, isExact: true))
        }
    }
}

extension Failure {
    static let busy = Failure(code: "busy", message: "it is busy", advice: "wait")
    static let shutDown = Failure(
        code: Failure.shutDownCode, message: "stopped by SIGTERM, as when the host is shut down",
        advice: "go on with: pawl resume")
    static let sick = Failure(
        code: "check-failed", message: "7.1.0 does not pass: http: 500, not 200",
        advice: "mend the release", excerpt: "starting\nTraceback: no such column",
        isPermanent: true)
}
