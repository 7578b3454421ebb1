public import UpgradeMachine

/// The application as it runs: what starts and stops it, and what checks ask about it.
///
/// As a ``Driver`` it makes these effects real: pull, stop, start, tidy, removeCandidate,
/// startPrevious. It is never asked for another.
public protocol Service: Driver {
    /// What runs now under the instance's names.
    func status(in context: Context) async throws(Failure) -> ServiceStatus
    /// The start-up log of what runs now, from its start, newest lines kept.
    ///
    /// - Parameter limitInBytes: Older lines are dropped where the log is longer.
    func log(in context: Context, limitInBytes: Int) async throws(Failure) -> ServiceLog
    /// What of the release before the upgrade is not there any more, so that nothing could start
    /// it again; names for people.
    func missingOfPrevious(in context: Context) async throws(Failure) -> [String]
    /// Stops what has been started since the candidate was removed, by whatever may start it.
    func keepStopped(for step: Step, in context: Context) async throws(Failure)
}

extension Service {
    /// Where nothing starts the parts by itself, nothing has to be stopped again.
    public func keepStopped(for step: Step, in context: Context) async throws(Failure) {}
}

/// What a look at the service found.
public struct ServiceStatus: Hashable, Sendable {
    public let parts: [Part]
    public init(parts: [Part]) { self.parts = parts }

    /// One container, or the host's application.
    public struct Part: Hashable, Sendable {
        public enum Health: String, Hashable, Sendable {
            case healthy, unhealthy, starting
            /// It has no health check of its own.
            case none
        }

        public let name: String
        public let isRunning: Bool
        /// How often the engine has started it anew by itself.
        public let restarts: Int
        public let health: Health
        /// Digests by which the release that it runs is known: image id and repository digests,
        /// or the release archive's.
        public let releaseDigests: [String]
        /// For people: `exited with 3`, `running since …`.
        public let detail: String
        /// Tells this run from every other, also from one that somebody else began; none where
        /// nothing tells.
        public let run: String?
        /// Where it can be reached from this host; none where it has no address of its own.
        public let address: String?

        public init(
            name: String, isRunning: Bool, restarts: Int, health: Health,
            releaseDigests: [String], detail: String, run: String? = nil, address: String? = nil
        ) {
            self.name = name
            self.isRunning = isRunning
            self.restarts = restarts
            self.health = health
            self.releaseDigests = releaseDigests
            self.detail = detail
            self.run = run
            self.address = address
        }
    }
}

/// The newest part of the service's log.
public struct ServiceLog: Hashable, Sendable {
    public let lines: [String]
    /// Bytes that the whole log has by now; one that grows is a sign of work.
    public let sizeInBytes: Int

    public init(lines: [String], sizeInBytes: Int) {
        self.lines = lines
        self.sizeInBytes = sizeInBytes
    }
}

/// A database as an upgrade needs it.
///
/// As a ``Driver`` it makes these effects real: raiseFence, backUp, liftFence, saveData,
/// restoreData. It is never asked for another.
public protocol DatabaseDriver: Driver {
    /// How far writing has got.
    func position(in context: Context) async throws(Failure) -> Position
    /// What the schema holds now, with nothing else writing.
    func fingerprint(in context: Context) async throws(Failure) -> Fingerprint
    /// What pre-flight needs to know.
    func survey(in context: Context) async throws(Failure) -> DatabaseSurvey
}

/// A look at the database before anything is done.
public struct DatabaseSurvey: Hashable, Sendable {
    /// As in `MariaDB 10.11.6`.
    public let server: String
    /// Estimate of the data's size, which a backup will not exceed by much.
    public let sizeInBytes: Int
    /// What the backup, and the migrated data that a rollback saves beside it, may take together
    /// while they are made, were nothing of them to compress.
    public let backupsMayTakeInBytes: Int
    public let tables: Int
    /// What an operator should know first, such as tables that no transaction protects.
    public let findings: [PlanFinding]

    /// - Parameter scratchInBytes: What is beside a backup while it is made.
    init(
        server: String, sizeInBytes: Int, scratchInBytes: Int, tables: Int,
        findings: [PlanFinding]
    ) {
        self.server = server
        self.sizeInBytes = sizeInBytes
        backupsMayTakeInBytes = 2 * sizeInBytes + scratchInBytes
        self.tables = tables
        self.findings = findings
    }
}
