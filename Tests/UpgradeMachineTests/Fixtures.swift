import UpgradeMachine

/// Plans, moments and receipts that the cases share.
enum Fixture {
    static let current = Release(
        version: "7.0.0", reference: "registry.example/studio:7.0.0", digest: "sha256:70")
    static let candidate = Release(
        version: "7.1.0", reference: "registry.example/studio:7.1.0", digest: "sha256:71")
    static let position = Position("gtid:0-1-42")
    static let later = Position("gtid:0-1-43")
    static let kept = Kept(parts: [.init(name: "web", id: "old", keptAs: "web-kept-1")])
    static let served = Served(parts: [.init(name: "web", id: "new")])

    static let fenced = plan(database: mysql, fence: .hold)
    static let unfenced = plan(database: mysql, fence: .none)
    static let withoutDatabase = plan(database: .none, fence: .hold)

    private static let mysql = Database.mysql(
        settings: MySQLDatabase(
            container: "db", host: nil, port: nil, schema: "studio", user: "root",
            password: .credential(name: "database")))

    static func plan(
        database: Database = mysql, fence: FencePolicy = .hold,
        mayLoseMigratedData: Bool = false, limits: Limits = Limits(), operation: Operation? = nil
    ) -> Plan {
        Plan(
            upgrade: "u1", instance: "studio", current: current,
            candidate: operation.map { $0 != .pull } ?? false ? current : candidate,
            runtime: .host(
                settings: HostRuntime(
                    directory: "/srv/studio", start: ["start"], stop: ["stop"],
                    status: ["status"], logFile: nil)),
            database: database, fence: fence, backups: "/srv/backups",
            checks: [Check(name: "runs", question: .running)], steadyFor: 0,
            mayLoseMigratedData: mayLoseMigratedData, limits: limits, operation: operation)
    }

    static func operation(_ operation: Operation, mayLoseMigratedData: Bool = false) -> Plan {
        plan(fence: .none, mayLoseMigratedData: mayLoseMigratedData, operation: operation)
    }

    static func backup(
        _ name: String, of instance: String = "studio", at position: Position? = position,
        isExact: Bool = true
    ) -> Backup {
        Backup(
            instance: instance, path: "/srv/backups/\(name).sql.zst", sha256: "b0",
            sizeInBytes: 4096,
            fingerprint: Fingerprint(digest: "f0", tables: 3, rows: 7, isExact: isExact),
            position: position)
    }

    /// What `effect` leaves where all is well.
    ///
    /// - Parameter position: Where the database stands.
    static func receipt(of effect: Effect, at position: Position = position) -> Receipt {
        switch effect {
        case .pull(let release): .pulled(release: release, imageID: "image-71")
        case .raiseFence: .fenceRaised(position: position)
        case .backUp(let name): .backedUp(backup: backup(name, at: position))
        case .stop: .stopped(kept: kept, position: position)
        case .liftFence: .fenceLifted
        case .start: .started(candidate: served)
        case .verify:
            .verified(
                results: [CheckResult(check: "runs", saw: "running")], goodForMilliseconds: 0)
        case .tidy: .tidied(removed: [])
        case .removeCandidate: .candidateRemoved
        case .saveData(let name): .dataSaved(backup: backup(name))
        case .restoreData(let backup): .dataRestored(fingerprint: backup.fingerprint)
        case .startPrevious:
            .previousStarted(serving: Served(parts: [.init(name: "web", id: "old")]))
        case .verifyPrevious: .previousVerified(results: [], goodForMilliseconds: 0)
        case .loadDump: .dumpLoaded(fingerprint: backup("dump").fingerprint)
        }
    }
}

extension Failure {
    static let transient = Failure(code: "busy", message: "it is busy", advice: "wait")
    static let permanent = Failure(
        code: "wrong", message: "it is wrong", advice: "mend it", isPermanent: true)
}

extension Moment {
    /// A moment so many seconds after the tests' beginning.
    static func second(_ seconds: Int64, boot: String = "boot-1", wallShift: Int64 = 0) -> Moment {
        Moment(
            wallMilliseconds: 1_790_000_000_000 + (seconds + wallShift) * 1000,
            monotonicNanoseconds: seconds * 1_000_000_000, bootID: boot)
    }
}

/// A run that a test leads from event to event.
struct Course {
    private(set) var run: Run
    private(set) var events: [Event] = []
    /// When the next event happens.
    var now = Moment.second(0)
    /// Where the database stands.
    var position = Fixture.position

    init(_ plan: Plan) { run = Run(plan) }

    var next: Action { run.nextAction(at: now) }

    mutating func happen(_ events: Event...) throws(IllegalEvent) {
        for event in events {
            run = try run.evolved(by: event, at: now)
            self.events.append(event)
        }
    }

    /// Goes on, all well, until the intent of `step` is open, or to the end where it never is.
    mutating func go(to step: Step?) throws(IllegalEvent) {
        while true {
            switch next {
            case .record(let event): try happen(event)
            case .perform(let effect):
                if effect.step == step { return }
                try succeed()
            case .rest: return
            }
        }
    }

    /// Goes on, all well, until `step` is done.
    mutating func go(past step: Step) throws(IllegalEvent) {
        try go(to: step)
        try succeed()
    }

    /// The open effect is done.
    mutating func succeed(adopted: Bool = false) throws(IllegalEvent) {
        guard let open = run.open else { return }
        try happen(.done(receipt: Fixture.receipt(of: open, at: position), adopted: adopted))
    }

    /// The open effect fails, and the machine says what that means.
    mutating func fail(_ failure: Failure = .permanent) throws(IllegalEvent) {
        guard let event = run.decision(after: failure) else { return }
        try happen(event)
    }

    /// The steps that were begun, in order.
    var begun: [Step] {
        events.compactMap {
            if case .began(let effect) = $0 { effect.step } else { nil }
        }
    }

    /// What remains of the way back; none where there is none.
    var wayBack: [Effect]? {
        switch run.upgrade {
        case .rollingBack(let state): Array(state.remaining)
        case .rolledBack: []
        default: nil
        }
    }
}
