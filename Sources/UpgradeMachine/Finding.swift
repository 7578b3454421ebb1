/// What pre-flight found about the world before anything is done.
public struct PlanFinding: Hashable, Sendable, Codable {
    public enum Severity: String, Hashable, Sendable, Codable, Comparable {
        /// Worth knowing.
        case note
        /// The upgrade may start; somebody should have decided that it is good so.
        case warning
        /// The upgrade does not start.
        case refusal

        public static func < (left: Severity, right: Severity) -> Bool {
            left.rank < right.rank
        }

        private var rank: Int {
            switch self {
            case .note: 0
            case .warning: 1
            case .refusal: 2
            }
        }
    }

    public let severity: Severity
    public let message: String
    /// What a person can do about it; empty where there is nothing to do.
    public let advice: String

    public init(_ severity: Severity, _ message: String, advice: String = "") {
        self.severity = severity
        self.message = message
        self.advice = advice
    }
}

/// What planning found in the world: all that a plan needs beside the settings.
public struct Survey: Hashable, Sendable {
    public let current: Release
    public let candidate: Release
    public let runtime: Runtime
    public let findings: [PlanFinding]
    /// Whether the candidate's exact bytes serve already.
    public let isServing: Bool

    public init(
        current: Release, candidate: Release, runtime: Runtime, findings: [PlanFinding],
        isServing: Bool
    ) {
        self.current = current
        self.candidate = candidate
        self.runtime = runtime
        self.findings = findings
        self.isServing = isServing
    }
}
