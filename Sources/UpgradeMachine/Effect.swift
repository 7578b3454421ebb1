/// Work for the outside world, as data: what an intent records and a driver makes real.
///
/// It holds all that the driver needs beside the plan, so that an intent in the log says exactly
/// what was about to be done, and replay can compute it again and compare.
public enum Effect: Hashable, Sendable, Codable {
    case pull(release: Release)
    case raiseFence
    /// Writes a new backup under `name`.
    case backUp(name: String)
    case stop
    /// Lifts the fence; with `position`, only after proof that nothing was written since then.
    case liftFence(proving: Position?)
    case start(release: Release)
    case verify(release: Release)
    /// Removes what earlier upgrades kept, which this one's success makes obsolete.
    case tidy

    case removeCandidate
    /// Saves the migrated data under `name` before it is replaced.
    case saveData(name: String)
    case restoreData(from: Backup)
    /// Starts what is kept; with none the stop did not get as far as an outcome.
    case startPrevious(kept: Kept?)
    case verifyPrevious(release: Release)

    /// Puts a dump that Pawl did not make in place of the data.
    case loadDump(dump: Dump)

    public var step: Step {
        switch self {
        case .pull: .pull
        case .raiseFence: .raiseFence
        case .backUp: .backUp
        case .stop: .stop
        case .liftFence: .liftFence
        case .start: .start
        case .verify: .verify
        case .tidy: .tidy
        case .removeCandidate: .removeCandidate
        case .saveData: .saveData
        case .restoreData: .restoreData
        case .startPrevious: .startPrevious
        case .verifyPrevious: .verifyPrevious
        case .loadDump: .loadDump
        }
    }
}

/// The part of an upgrade or operation that one intent and one outcome enclose.
public enum Step: String, Hashable, Sendable, Codable, CaseIterable {
    case pull, raiseFence, backUp, stop, liftFence, start, verify, tidy
    case removeCandidate, saveData, restoreData, startPrevious, verifyPrevious, loadDump

    /// Whether it may be tried again after a failure or a crash.
    ///
    /// A start may have touched the data, so it is adopted or rolled back; a verification asks
    /// again and again within its own deadline.
    var mayBeRepeated: Bool {
        switch self {
        case .start, .verify: false
        default: true
        }
    }

    /// Whether it takes away what serves: the old release, or on the way back the new one.
    var endsService: Bool { self == .stop || self == .removeCandidate }

    /// Whether a request to stop may end it at once, because it can be begun anew.
    public var mayBeInterrupted: Bool {
        switch self {
        case .pull, .raiseFence, .backUp, .verify, .tidy, .verifyPrevious: true
        case .stop, .liftFence, .start, .removeCandidate, .saveData, .restoreData, .startPrevious,
            .loadDump:
            false
        }
    }
}

/// What an effect left behind, as it was observed in the world.
public enum Receipt: Hashable, Sendable, Codable {
    /// - Parameter imageID: Id under which the host knows the release.
    case pulled(release: Release, imageID: String)
    case fenceRaised(position: Position)
    case backedUp(backup: Backup)
    /// - Parameter position: Where the database stood once no writer was left.
    case stopped(kept: Kept, position: Position?)
    case fenceLifted
    case started(candidate: Served)
    /// - Parameter goodForMilliseconds: How long all checks had been good by then.
    case verified(results: [CheckResult], goodForMilliseconds: Int64)
    case tidied(removed: [String])

    case candidateRemoved
    case dataSaved(backup: Backup?)
    case dataRestored(fingerprint: Fingerprint)
    case previousStarted(serving: Served)
    case previousVerified(results: [CheckResult], goodForMilliseconds: Int64)

    /// - Parameter fingerprint: What was there afterwards; a dump has none of its own.
    case dumpLoaded(fingerprint: Fingerprint)

    /// The step whose outcome it is.
    public var step: Step {
        switch self {
        case .pulled: .pull
        case .fenceRaised: .raiseFence
        case .backedUp: .backUp
        case .stopped: .stop
        case .fenceLifted: .liftFence
        case .started: .start
        case .verified: .verify
        case .tidied: .tidy
        case .candidateRemoved: .removeCandidate
        case .dataSaved: .saveData
        case .dataRestored: .restoreData
        case .previousStarted: .startPrevious
        case .previousVerified: .verifyPrevious
        case .dumpLoaded: .loadDump
        }
    }
}
