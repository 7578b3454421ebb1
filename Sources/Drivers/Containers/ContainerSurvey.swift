public import UpgradeMachine

/// Which containers an instance has, as its configuration names them.
public struct ContainerSelection: Sendable {
    public struct Member: Hashable, Sendable {
        public let name: String
        public let role: PlannedContainer.Role

        public init(name: String, role: PlannedContainer.Role) {
            self.name = name
            self.role = role
        }
    }

    /// Without a tag.
    public var repository: String
    public var localTag: String?
    /// In the order in which they start.
    public var members: [Member]
    /// The container that the database runs in, where it does.
    public var database: String?
    /// Containers that are told of a start.
    public var reloaded: [String] = []
    /// Volumes, or folders of the host, that the backup holds.
    public var backedUp: Set<String>
    /// The longest that the whole stop may take, where there is such a limit.
    public var stopLimit: Duration?

    public init(
        repository: String, localTag: String?, members: [Member], database: String? = nil,
        backedUp: Set<String> = [], stopLimit: Duration? = nil
    ) {
        self.repository = repository
        self.localTag = localTag
        self.members = members
        self.database = database
        self.backedUp = backedUp
        self.stopLimit = stopLimit
    }
}

/// What planning found of an instance's containers.
public struct ContainerSurvey: Sendable {
    public let current: Release
    public let containers: [PlannedContainer]
    public let findings: [Finding]

    /// What an operator should know before an upgrade begins.
    public struct Finding: Hashable, Sendable, CustomStringConvertible {
        public enum Severity: String, Hashable, Sendable, Comparable {
            /// Worth knowing.
            case note
            /// May lose data or service, and is the operator's to decide.
            case warning
            /// The upgrade is not begun.
            case refusal

            private var rank: Int {
                switch self {
                case .note: 0
                case .warning: 1
                case .refusal: 2
                }
            }

            public static func < (left: Severity, right: Severity) -> Bool {
                left.rank < right.rank
            }
        }

        /// The code of what a rollback does not put back, which somebody may have accepted.
        public static let notBackedUp = "not-backed-up"
        /// The code of a container that ends as often as it is started.
        public static let restarting = "restarting"
        /// The codes of what forbids any stop, not an upgrade's alone.
        public static let ofEveryStop: Set<String> = [
            "auto-remove", "foreign-owner", "frozen", "stop-timeout",
        ]

        public let severity: Severity
        /// Stable across releases.
        public let code: String
        public let text: String

        public init(_ severity: Severity, _ code: String, _ text: String) {
            self.severity = severity
            self.code = code
            self.text = text
        }

        public var description: String { "\(severity.rawValue): \(text)" }
    }
}
