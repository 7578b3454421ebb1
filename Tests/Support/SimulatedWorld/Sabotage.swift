import Runner
import Synchronization
import UpgradeMachine

/// A bug that is put in, to see that the simulation finds it.
package enum Sabotage: String, Hashable, Sendable, CaseIterable {
    /// A half-done restore or backup is taken for a whole one.
    case tornIsPresent
    /// The log keeps no intents.
    case intentIsDropped
    /// The log answers before it has written.
    case logAnswersEarly
    /// A dump is loaded over what is there, and nobody compares.
    case restoreDoesNotClear
    /// The fence is raised once, and nobody looks again whether it stands.
    case fenceIsNotRechecked
    /// A backup gets its name before its blocks are on the disk.
    case renamedBeforeSync
    /// The driver never finds anything done.
    case nothingIsAdopted
    /// The checks are taken for good without being asked.
    case checksAreAssumed
    /// The migrated data is said to be saved, and is not.
    case nothingIsSaved
    /// A start that a crash cut is begun anew.
    case startIsRepeated
    /// The fence stays when the candidate is started.
    case fenceIsNotLifted
    /// A dead process's load goes on while the next one loads.
    case leftoversStay
}

/// A driver with a bug.
struct SabotagedDriver: Driver {
    private let base: SimulatedDriver
    private let sabotage: Sabotage
    private let process: Process
    private var world: World { process.world }

    init(_ base: SimulatedDriver, _ sabotage: Sabotage, _ process: Process) {
        (self.base, self.sabotage, self.process) = (base, sabotage, process)
    }

    func endLeftovers(of effect: Effect, in context: Context) async throws(Failure) {
        if sabotage == .leftoversStay { return }
        try await base.endLeftovers(of: effect, in: context)
    }

    func observe(_ effect: Effect, in context: Context) async throws(Failure) -> Observation {
        let observation = try await base.observe(effect, in: context)
        switch (sabotage, observation, effect) {
        case (.tornIsPresent, .torn, .restoreData(let backup)):
            return .present(.dataRestored(fingerprint: backup.fingerprint))
        case (.nothingIsAdopted, .present, .stop), (.nothingIsAdopted, .present, .backUp),
            (.nothingIsAdopted, .present, .start), (.startIsRepeated, .torn, .start):
            return .absent
        case (.fenceIsNotLifted, _, .liftFence): return .present(.fenceLifted)
        case (.checksAreAssumed, _, .verify):
            return .present(.verified(results: [], goodForMilliseconds: 0))
        default: return observation
        }
    }

    func perform(_ effect: Effect, in context: Context) async throws(Failure) -> Receipt {
        switch (sabotage, effect) {
        case (.nothingIsSaved, .saveData(let name)):
            let backup = Backup(
                instance: context.plan.instance, path: Disk.dump(name), sha256: "b0",
                sizeInBytes: 0, fingerprint: world.fingerprint(isExact: true), position: nil)
            return .dataSaved(backup: backup)
        case (.startIsRepeated, .start):
            for candidate in world.candidates where candidate.hasEnded {
                try await process.call(.start, try world.start(candidate.id))
            }
            return try await base.perform(effect, in: context)
        default: return try await base.perform(effect, in: context)
        }
    }

    func clear(_ effect: Effect, in context: Context) async throws(Failure) {
        try await base.clear(effect, in: context)
    }
}

/// A log with a bug.
final class SabotagedLog: Journal {
    private let base: SimulatedLog
    private let sabotage: Sabotage
    private let unwritten = Mutex<[Records.Entry]>([])

    init(_ base: SimulatedLog, _ sabotage: Sabotage) {
        (self.base, self.sabotage) = (base, sabotage)
    }

    func append(_ entries: [Records.Entry]) throws {
        switch sabotage {
        case .intentIsDropped:
            try base.append(entries.filter { $0.event.type != .began })
        case .logAnswersEarly:
            let due = unwritten.withLock { unwritten in
                defer { unwritten = entries }
                return unwritten
            }
            if !due.isEmpty { try base.append(due) }
        default: try base.append(entries)
        }
    }
}
