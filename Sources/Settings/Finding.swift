/// A line and a column of a file, both counted from 1; columns count Unicode code points.
public struct Place: Hashable, Sendable, Codable, Comparable {
    public let line: Int
    public let column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public static func < (left: Place, right: Place) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// What is wrong in a settings file, or doubtful, and what to do about it.
///
/// No finding repeats a value that stands where a secret is asked for.
public struct Finding: Hashable, Sendable, Codable {
    public enum Severity: String, Hashable, Sendable, Codable {
        /// The file is refused.
        case error
        /// The file is taken as it is.
        case warning
    }

    public let severity: Severity
    /// None where the file as a whole is meant.
    public let place: Place?
    public let message: String
    /// What a person can do about it.
    public let advice: String?

    public init(severity: Severity, place: Place?, message: String, advice: String?) {
        self.severity = severity
        self.place = place
        self.message = message
        self.advice = advice
    }

    /// One line as compilers write it, so that editors can jump to it.
    ///
    /// - Parameter file: The file's name as the user gave it.
    public func description(in file: String) -> String {
        let at = place.map { ":\($0.line):\($0.column)" } ?? ""
        return "\(file)\(at): \(severity): \(message)" + (advice.map { "; \($0)" } ?? "")
    }
}

extension Finding {
    /// In the order of the file; those about the whole file come first.
    static func isBefore(_ left: Finding, _ right: Finding) -> Bool {
        let start = Place(line: 0, column: 0)
        return (left.place ?? start, left.message) < (right.place ?? start, right.message)
    }
}

/// Why a settings file is refused: all that was found in it, in the order of its lines.
public struct SettingsError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file's name as the user gave it.
    public let file: String
    /// Errors, and the warnings that were found beside them; at most ``maximumFindings``.
    public let findings: [Finding]
    /// How many more there were.
    public let omitted: Int

    /// More than this many findings are not kept: the rest mostly follows from the first.
    public static let maximumFindings = 100

    /// - Parameter findings: In any order; those that say the same are kept once.
    init(file: String, findings: [Finding]) {
        let sorted = Set(findings).sorted(by: Finding.isBefore)
        self.file = file
        self.findings = Array(sorted.prefix(Self.maximumFindings))
        omitted = sorted.count - self.findings.count
    }

    /// One finding a line: `pawl.yaml:12:5: error: unknown key …`.
    public var description: String {
        let lines = findings.map { $0.description(in: file) }
        let rest = omitted == 0 ? [] : ["\(file): \(omitted) more findings are not shown"]
        return (lines + rest).joined(separator: "\n")
    }
}
