import UpgradeMachine

/// A plan and the receipts of a world in which all goes well.
enum Sample {
    static let current = Release(version: "7.0.0", reference: "studio:7.0.0", digest: "sha256:70")
    static let candidate = Release(version: "7.1.0", reference: "studio:7.1.0", digest: "sha256:71")
    static let position = Position("gtid:0-1-42")
    static let kept = Kept(parts: [.init(name: "web", id: "old", keptAs: "web-kept")])
    static let served = Served(parts: [.init(name: "web", id: "new")])
    static let backUp = Effect.backUp(name: "studio-u1-before-1")

    static func plan(
        hasDatabase: Bool = true, fence: FencePolicy = .hold, limits: Limits = Limits()
    ) -> Plan {
        Plan(
            upgrade: "u1", instance: "studio", current: current, candidate: candidate,
            runtime: .host(
                settings: HostRuntime(
                    directory: "/srv/studio", start: [], stop: [], status: [], logFile: nil)),
            database: hasDatabase ? .sqlite(settings: SQLiteDatabase(path: "/srv/data")) : .none,
            fence: fence, backups: "/srv/backups", checks: [], steadyFor: 0, limits: limits)
    }

    static func backup(_ name: String) -> Backup {
        Backup(
            instance: "studio", path: "/srv/backups/\(name)", sha256: "b0", sizeInBytes: 1,
            fingerprint: Fingerprint(digest: "f0", tables: 1, rows: 1, isExact: true),
            position: position)
    }

    static func receipt(of effect: Effect) -> Receipt {
        switch effect {
        case .pull(let release): .pulled(release: release, imageID: "image")
        case .raiseFence: .fenceRaised(position: position)
        case .backUp(let name): .backedUp(backup: backup(name))
        case .stop: .stopped(kept: kept, position: position)
        case .liftFence: .fenceLifted
        case .start: .started(candidate: served)
        case .verify: .verified(results: [], goodForMilliseconds: 0)
        case .tidy: .tidied(removed: [])
        case .removeCandidate: .candidateRemoved
        case .saveData(let name): .dataSaved(backup: backup(name))
        case .restoreData(let backup): .dataRestored(fingerprint: backup.fingerprint)
        case .startPrevious: .previousStarted(serving: served)
        case .verifyPrevious: .previousVerified(results: [], goodForMilliseconds: 0)
        case .loadDump: .dumpLoaded(fingerprint: backup("dump").fingerprint)
        }
    }

    /// A run that went well until the intent of `step` was recorded, at the time's present moment.
    static func run(openAt step: Step, of plan: Plan = plan(), _ time: FakeTime) throws -> Run {
        var run = Run(plan)
        while run.open?.step != step {
            switch run.nextAction(at: time.now()) {
            case .record(let event):
                run = try run.evolved(by: event, at: time.now())
            case .perform(let effect):
                let done = Event.done(receipt: receipt(of: effect), adopted: false)
                run = try run.evolved(by: done, at: time.now())
            case .rest:
                return run
            }
        }
        return run
    }
}

extension Failure {
    static let busy = Failure(code: "busy", message: "it is busy", advice: "wait")
    static let wrong = Failure(
        code: "wrong", message: "it is wrong", advice: "mend it", isPermanent: true)
}
