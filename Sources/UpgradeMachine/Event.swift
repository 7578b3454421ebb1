/// A fact about one upgrade, in the past tense; the log holds events and nothing else.
///
/// Every payload is labelled, because the label becomes its key in the stored JSON.
public enum Event: Hashable, Sendable, Codable {
    /// Always the first event.
    case planned(plan: Plan)
    /// Intent: on disk before the effect may touch the world.
    case began(effect: Effect)
    /// A try failed, and another one follows under the same intent.
    case attemptFailed(step: Step, failure: Failure)

    // Outcomes: each closes the intent.
    /// - Parameter adopted: It was found done when a run looked before it acted.
    case done(receipt: Receipt, adopted: Bool)
    /// It cannot be done: the upgrade turns around.
    case failed(step: Step, failure: Failure)
    /// Not done, and to be begun anew, because what it stood on has gone.
    case withdrawn(step: Step, cause: Failure)
    /// Nothing goes on by itself; an open intent is closed, its outcome undetermined.
    case halted(cause: Failure)

    /// Something was written after the backup, while no fence stood.
    ///
    /// - Parameter position: Where the database stands; none where nobody can say whether something
    ///   was written, which counts as if it had been.
    case backupInvalidated(backup: Backup, position: Position?)
    /// The way forward ends here, by a spent budget or a person's decision.
    case rollbackOrdered(cause: Failure)
    /// A process took the upgrade over; all that lived in the one before has gone.
    case resumed
    /// A run ended on request, at a place where it can go on.
    case paused(cause: Failure)
    /// A person had a halted upgrade try again.
    case retried(reason: String)
    /// A person decided what Pawl could not find out.
    case settled(step: Step, settlement: Settlement, reason: String)

    /// The stored name of its case.
    public var type: EventType {
        switch self {
        case .planned: .planned
        case .began: .began
        case .attemptFailed: .attemptFailed
        case .done: .done
        case .failed: .failed
        case .withdrawn: .withdrawn
        case .halted: .halted
        case .backupInvalidated: .backupInvalidated
        case .rollbackOrdered: .rollbackOrdered
        case .resumed: .resumed
        case .paused: .paused
        case .retried: .retried
        case .settled: .settled
        }
    }
}

/// The kinds of events, as the log's `type` column names them.
public enum EventType: String, Hashable, Sendable, Codable, CaseIterable {
    case planned, began, attemptFailed, done, failed, withdrawn, halted, backupInvalidated
    case rollbackOrdered, resumed, paused, retried, settled
}

/// A person's answer for a step whose outcome nobody could determine.
public enum Settlement: Hashable, Sendable, Codable {
    /// It is done; the receipt was observed, or is what the step leaves when it is done.
    case done(receipt: Receipt)
    /// It has not happened, so that it may be begun.
    case undone
}

/// A point in time of one boot of one host.
public struct Moment: Hashable, Sendable {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    public let wallMilliseconds: Int64
    /// Nanoseconds of a clock that only goes forward, from an origin of its boot.
    public let monotonicNanoseconds: Int64
    /// The kernel's boot id; a new one is a reboot.
    public let bootID: String

    public init(wallMilliseconds: Int64, monotonicNanoseconds: Int64, bootID: String) {
        self.wallMilliseconds = wallMilliseconds
        self.monotonicNanoseconds = monotonicNanoseconds
        self.bootID = bootID
    }

    /// Time from `earlier` to here: by the monotonic clock in one boot, by the wall clock across
    /// a reboot, and never negative.
    ///
    /// A `Duration` has room for the difference of any two numbers that a log may hold.
    public func duration(since earlier: Moment) -> Duration {
        let elapsed: Duration =
            bootID == earlier.bootID
            ? .nanoseconds(monotonicNanoseconds) - .nanoseconds(earlier.monotonicNanoseconds)
            : .milliseconds(wallMilliseconds) - .milliseconds(earlier.wallMilliseconds)
        return max(.zero, elapsed)
    }
}
