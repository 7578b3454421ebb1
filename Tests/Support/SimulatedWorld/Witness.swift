import Runner
import UpgradeMachine

/// What was seen of one process, for the invariants that are about calls.
final class Testimony: @unchecked Sendable {
    /// The last look at an effect; none once it was acted on.
    var looked: [Effect: Observation] = [:]
    /// Receipts that the world bore out when they were given.
    var borneOut: Set<Receipt> = []
    /// What a process before has begun, and this one has not ended yet.
    var leftovers: Set<Effect>

    init(takingOver run: Run?) { leftovers = Set(run?.inDoubt ?? []) }
}

/// Stands between the runner and the drivers, and holds every call against the world.
struct Witness: Driver {
    let base: any Driver
    let process: Process
    let records: Records
    let testimony: Testimony
    private var world: World { process.world }

    func endLeftovers(of effect: Effect, in context: Context) async throws(Failure) {
        if records.run?.inDoubt.contains(effect) != true {
            world.violate(
                .intentFirst, "leftovers of \(effect.brief) are ended, which is not in doubt")
        }
        try await base.endLeftovers(of: effect, in: context)
        testimony.leftovers.remove(effect)
    }

    func observe(_ effect: Effect, in context: Context) async throws(Failure) -> Observation {
        let observation = try await base.observe(effect, in: context)
        guard !process.isDead else { throw .dead }
        testimony.looked[effect] = observation
        if case .present(let receipt) = observation { check(receipt, of: effect) }
        return observation
    }

    func perform(_ effect: Effect, in context: Context) async throws(Failure) -> Receipt {
        if !process.isDead {
            if records.run?.open != effect {
                world.violate(.intentFirst, "\(effect.brief) is performed without a durable intent")
            }
            if let leftover = testimony.leftovers.first {
                world.violate(.notRepeated, "what began \(leftover.brief) may be at work still")
            }
            if world.isDone(effect) {
                world.violate(.notRepeated, "\(effect.brief) has been done, and is done again")
            }
            switch testimony.looked.removeValue(forKey: effect) {
            case .absent: break
            case .present:
                world.violate(.notRepeated, "\(effect.brief) is there, and is done again")
            case .torn:
                world.violate(.notRepeated, "\(effect.brief) is torn, and done without clearing")
            case .unknown, nil:
                world.violate(.notRepeated, "\(effect.brief) is performed without a look")
            }
        }
        let receipt = try await base.perform(effect, in: context)
        guard !process.isDead else { throw .dead }
        check(receipt, of: effect)
        return receipt
    }

    func clear(_ effect: Effect, in context: Context) async throws(Failure) {
        let isInDoubt = records.run?.inDoubt.contains(effect) == true
        if effect != .raiseFence, !process.isDead, !isInDoubt {
            world.violate(.intentFirst, "\(effect.brief) is cleared, and is not in doubt")
        }
        let whole = world.disk.durableBackups(of: world.plan.upgrade)
        try await base.clear(effect, in: context)
        for name in whole.keys where world.disk.content(of: Disk.manifest(name)) == nil {
            world.violate(.backedUp, "\(name) was whole, and is removed")
        }
        if case .torn? = testimony.looked[effect] { testimony.looked[effect] = .absent }
    }

    private func check(_ receipt: Receipt, of effect: Effect) {
        if let lie = world.lie(in: receipt, of: effect) {
            world.violate(.observed, "\(effect.brief) answers as done: \(lie)")
        }
        testimony.borneOut.insert(receipt)
        if case .dataRestored = receipt { world.noteRestored() }
    }
}

/// Stands between the runner and the log.
struct WitnessLog: Journal {
    let base: any Journal
    let process: Process
    let records: Records
    let testimony: Testimony

    func append(_ entries: [Records.Entry]) throws {
        try base.append(entries)
        guard !process.isDead else { throw ProcessDied() }
        records.acknowledge(entries.count)
        for case .done(let receipt, _) in entries.map(\.event)
        where !testimony.borneOut.contains(receipt) {
            process.world.violate(.observed, "an outcome of \(receipt.step) that nobody observed")
        }
    }
}

extension World {
    /// Whether this upgrade has done all of an effect before.
    func isDone(_ effect: Effect) -> Bool {
        switch effect {
        case .backUp(let name), .saveData(let name):
            return disk.durableBackup(name, of: plan.upgrade) != nil
        case .stop:
            return runtime.containers.allSatisfy { planned in
                guard let container = container(planned.id) else { return false }
                let isAside = planned.role == .paused || container.name != planned.name
                return isAside && !container.isRunning && container.policy == "no"
            }
        case .start:
            let isStarted = candidates.contains(where: \.isRunning)
            return isStarted && !scenario.hasWorker
        case .restoreData(let backup):
            return backup.fingerprint.isExact && content.digest == backup.fingerprint.digest
        default: return false
        }
    }

    /// What of a receipt is not so; none where the world bears it out.
    func lie(in receipt: Receipt, of effect: Effect) -> String? {
        switch receipt {
        case .pulled(_, let image): images.contains(image) ? nil : "there is no such image"
        case .fenceRaised(let found):
            lock != nil && found != position ? "the position is another" : nil
        case .backedUp(let backup), .dataSaved(let backup?): lie(in: backup, of: effect)
        case .dataSaved(nil): "nothing is saved"
        case .stopped: lieOfStop
        case .fenceLifted: isReadOnly || lock != nil ? "the server refuses writes" : nil
        case .started: candidates.contains(where: \.wasStarted) ? nil : "nothing was started"
        case .verified:
            isServing(Self.candidateImage) && scenario.behaviour != .sick
                ? nil : "the candidate does not serve well"
        case .tidied: nil
        case .candidateRemoved: candidates.isEmpty ? nil : "the candidate is there"
        case .dataRestored(let fingerprint):
            fingerprint.digest == content.digest ? nil : "the data is not the backup's"
        case .previousStarted:
            container(named: "web")?.imageID == "image-7.0.0" ? nil : "it has not its name"
        case .dumpLoaded: "no upgrade loads a dump"
        case .previousVerified: isServing("image-7.0.0") ? nil : "the old release does not serve"
        }
    }

    private var lieOfStop: String? {
        guard !hasPersonStarted else { return nil }
        let isAtWork = runtime.containers.contains { container($0.id)?.isRunning == true }
        return isAtWork ? "a container runs" : nil
    }

    private func lie(in backup: Backup, of effect: Effect) -> String? {
        let name =
            switch effect {
            case .backUp(let name), .saveData(let name): name
            default: ""
            }
        guard let found = disk.durableBackup(name, of: plan.upgrade) else {
            return "a power cut would take it"
        }
        guard found.digest == backup.sha256 else { return "the file is another" }
        if backup.fingerprint.isExact, backup.fingerprint.digest != found.digest {
            return "the file is not the data"
        }
        return nil
    }

    func isServing(_ image: String) -> Bool {
        container(named: "web").map { $0.imageID == image && $0.isAtWork && $0.isReady } ?? false
    }
}
