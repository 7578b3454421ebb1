/// All that is decided before the first effect; execution makes no choice of its own.
///
/// It is the first event of its upgrade. A configuration that is changed later does not change it.
public struct Plan: Hashable, Sendable, Codable {
    /// Names the upgrade, its stream in the log, its artefacts and its leftovers.
    public let upgrade: String
    public let instance: String
    public let current: Release
    public let candidate: Release
    public let runtime: Runtime
    public let database: Database
    public let fence: FencePolicy
    /// The directory that backups are written to.
    public let backups: String
    public let checks: [Check]
    /// Checks must stay good for this long; zero asks once.
    public let steadyFor: Seconds
    /// Whether a rollback may go on where the migrated data cannot be saved first.
    public let mayLoseMigratedData: Bool
    public let limits: Limits
    /// Why, and the change's number elsewhere.
    public let reason: String?
    public let ticket: String?
    /// What is done instead of an upgrade; none for an upgrade. Its candidate is its current
    /// release, save for a pull.
    public let operation: Operation?

    public init(
        upgrade: String, instance: String, current: Release, candidate: Release, runtime: Runtime,
        database: Database, fence: FencePolicy, backups: String, checks: [Check],
        steadyFor: Seconds, mayLoseMigratedData: Bool = false, limits: Limits,
        reason: String? = nil, ticket: String? = nil, operation: Operation? = nil
    ) {
        self.upgrade = upgrade
        self.instance = instance
        self.current = current
        self.candidate = candidate
        self.runtime = runtime
        self.database = database
        self.fence = fence
        self.backups = backups
        self.checks = checks
        self.steadyFor = steadyFor
        self.mayLoseMigratedData = mayLoseMigratedData
        self.limits = limits
        self.reason = reason
        self.ticket = ticket
        self.operation = operation
    }

    /// Whether the database is to refuse writes from the backup to the stop.
    var isFenced: Bool { database.isPresent && fence == .hold && operation == nil }
}

/// How long and how often anything may be tried.
public struct Limits: Hashable, Sendable, Codable {
    /// Tries of one step, the first included.
    public var attemptsPerStep: Int
    /// Resumes in a row that got nothing done, after which a person is asked.
    public var resumesWithoutProgress: Int
    public var pull: Seconds
    public var backUp: Seconds
    public var restore: Seconds
    public var stop: Seconds
    public var start: Seconds
    /// Without a sign of progress; a migration that works extends it up to ``verifyAtMost``.
    public var verify: Seconds
    public var verifyAtMost: Seconds
    /// Service may be away for this long; then the upgrade turns around. None: no budget.
    public var outageBudget: Seconds?
    /// Most that is kept of any command's output or log, in bytes.
    public var capturedOutputInBytes: Int

    public init(
        attemptsPerStep: Int = 3, resumesWithoutProgress: Int = 5, pull: Seconds = 1800,
        backUp: Seconds = 3600, restore: Seconds = 7200, stop: Seconds = 120,
        start: Seconds = 120, verify: Seconds = 300, verifyAtMost: Seconds = 3600,
        outageBudget: Seconds? = nil, capturedOutputInBytes: Int = 16_384
    ) {
        self.attemptsPerStep = attemptsPerStep
        self.resumesWithoutProgress = resumesWithoutProgress
        self.pull = pull
        self.backUp = backUp
        self.restore = restore
        self.stop = stop
        self.start = start
        self.verify = verify
        self.verifyAtMost = verifyAtMost
        self.outageBudget = outageBudget
        self.capturedOutputInBytes = capturedOutputInBytes
    }

    /// A step's deadline, and the hard one that its progress may extend it to.
    public func deadline(of step: Step) -> (soft: Seconds, hard: Seconds) {
        switch step {
        case .pull: (pull, pull)
        // Where the database has no log of its writing, its position is a read of all its rows.
        case .backUp, .saveData, .raiseFence, .liftFence: (backUp, backUp)
        case .restoreData, .loadDump: (restore, restore)
        case .stop, .removeCandidate, .tidy: (stop, stop)
        case .start, .startPrevious: (start, start)
        case .verify, .verifyPrevious: (verify, max(verify, verifyAtMost))
        }
    }
}
