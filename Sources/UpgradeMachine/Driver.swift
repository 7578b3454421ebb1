/// Makes effects real.
///
/// A crash may fall between any two lines, so every method must be safe to repeat; the contract
/// suite calls each one twice. All of them honour task cancellation within a second.
public protocol Driver: Sendable {
    /// Ends what a process that has died left running for this effect, and proves it gone: its
    /// process group, the exec inside a container, the session on the database.
    func endLeftovers(of effect: Effect, in context: Context) async throws(Failure)
    /// Looks at the world and changes nothing.
    func observe(_ effect: Effect, in context: Context) async throws(Failure) -> Observation
    /// Makes it so, and says what it left behind as it was then observed.
    func perform(_ effect: Effect, in context: Context) async throws(Failure) -> Receipt
    /// Takes away what a half-done effect left.
    func clear(_ effect: Effect, in context: Context) async throws(Failure)
}

/// What a driver knows beside the effect.
public struct Context: Sendable {
    public let plan: Plan
    /// Tells whoever watches; may be lost, and is never recorded.
    public let report: @Sendable (Progress) -> Void

    public init(plan: Plan, report: @escaping @Sendable (Progress) -> Void) {
        self.plan = plan
        self.report = report
    }
}

/// A sign of life from a step.
public enum Progress: Hashable, Sendable {
    /// Bytes done, and of how many where that is known.
    case bytes(done: Int, total: Int?)
    /// What is going on now, for people.
    case note(String)
    /// The application is still working; extends a deadline that may be extended.
    case working(String)
    /// Whether all checks are good now; while they are, no outage budget is spent.
    case answering(Bool)
}

/// What a driver finds when it looks.
public enum Observation: Hashable, Sendable {
    case absent
    /// Done already, by this upgrade.
    case present(Receipt)
    /// Half done, as after a crash inside a dump.
    case torn(detail: String)
    /// The world does not say; a person has to.
    case unknown(detail: String)
}
