public import UpgradeMachine

/// Keeps events; the log on disk is one.
public protocol Journal: Sendable {
    /// Returns only when all of `entries` are durable, as one transaction.
    func append(_ entries: [(event: Event, moment: Moment)]) throws
    /// Whether `error` says that a newer run has the instance: the world is that one's to change.
    func isTakenOver(_ error: any Error) -> Bool
}

extension Journal {
    /// A journal that nobody else writes is never taken over.
    public func isTakenOver(_ error: any Error) -> Bool { false }
}

/// Time, as a port: a simulated world brings its own.
public protocol Timekeeper: Sendable {
    func now() -> Moment
    /// - Throws: `CancellationError` when the task ends first.
    func sleep(for duration: Duration) async throws
}

/// What a runner tells whoever watches.
public enum Notice: Sendable {
    /// It is on disk.
    case recorded(Event, at: Moment)
    case progress(Step, Progress)
}
