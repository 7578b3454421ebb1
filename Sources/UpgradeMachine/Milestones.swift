// The states of an upgrade that goes well. Each holds the one before it and the evidence that
// earned it, and a transition is a method of its source alone: `Planned` has no `started`, so an
// upgrade that starts a release without a backup does not compile.

/// Nothing has been touched.
public struct Planned: Hashable, Sendable {
    public let plan: Plan

    func pulled(_ imageID: String) -> Pulled {
        Pulled(planned: self, imageID: imageID, fence: .down, backupNumber: 1)
    }
}

/// Whether the database refuses writes for this upgrade.
public enum Fence: Hashable, Sendable {
    case down
    /// It has refused them since it stood at this position.
    case up(at: Position)
    /// The process that held it has gone; the server may still refuse writes.
    case lost

    /// Whether the server may still need to have it lifted.
    public var mayStand: Bool { self != .down }

    /// Once its process has gone: a lock lives in a session, a session in its process.
    var afterItsProcess: Fence { self == .down ? .down : .lost }
}

/// The candidate is on the host; the service runs as before.
public struct Pulled: Hashable, Sendable {
    public let planned: Planned
    /// Id under which the host knows the candidate.
    public let imageID: String
    public let fence: Fence
    /// Counts this upgrade's backups, so that each has a name of its own.
    public let backupNumber: Int

    func with(fence: Fence) -> Pulled {
        Pulled(planned: planned, imageID: imageID, fence: fence, backupNumber: backupNumber)
    }

    func backedUp(_ backup: Backup?) -> BackedUp {
        BackedUp(pulled: self, backup: backup, isUnwatched: false)
    }
}

/// The data can be put back; the service runs as before.
public struct BackedUp: Hashable, Sendable {
    public let pulled: Pulled
    /// None where the application has no database.
    public let backup: Backup?
    /// Whether nobody has kept an eye on the data since, and no fence did either.
    let isUnwatched: Bool

    func with(fence: Fence) -> BackedUp {
        BackedUp(pulled: pulled.with(fence: fence), backup: backup, isUnwatched: isUnwatched)
    }

    /// After time in which no process worked on the upgrade, and the service may have written.
    var unwatched: BackedUp {
        guard backup != nil else { return self }
        // Raising a fence again shows whether anything was written.
        return BackedUp(
            pulled: pulled.with(fence: pulled.planned.plan.isFenced ? .lost : .down),
            backup: backup, isUnwatched: !pulled.planned.plan.isFenced)
    }

    /// Back before the backup, which something was written after.
    func invalidated() -> Pulled {
        Pulled(
            planned: pulled.planned, imageID: pulled.imageID, fence: pulled.fence,
            backupNumber: pulled.backupNumber + 1)
    }

    func stopped(keeping kept: Kept, at position: Position?) -> Stopped {
        Stopped(backedUp: self, kept: kept, position: position, fence: pulled.fence)
    }
}

/// The service is down, and what it was is kept.
public struct Stopped: Hashable, Sendable {
    public let backedUp: BackedUp
    public let kept: Kept
    /// Where the database stood once no writer was left.
    public let position: Position?
    public let fence: Fence

    func with(fence: Fence) -> Stopped {
        Stopped(backedUp: backedUp, kept: kept, position: position, fence: fence)
    }

    func started(_ candidate: Served) -> Started { Started(stopped: self, candidate: candidate) }
}

/// The candidate runs and may have migrated the data.
public struct Started: Hashable, Sendable {
    public let stopped: Stopped
    public let candidate: Served

    func verified(by results: [CheckResult]) -> Verified {
        Verified(started: self, results: results, tidying: .due)
    }
}

/// The candidate serves, and every check passed.
public struct Verified: Hashable, Sendable {
    /// Work after the commit; it never rolls back.
    public enum Tidying: Hashable, Sendable {
        case due
        case done(removed: [String])
        case failed(Failure)
    }

    public let started: Started
    public let results: [CheckResult]
    public let tidying: Tidying

    func tidied(_ tidying: Tidying) -> Verified {
        Verified(started: started, results: results, tidying: tidying)
    }
}
