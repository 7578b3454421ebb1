internal import UpgradeMachine

/// What the start-up log has to say, and what it must not.
///
/// It remembers what it saw: a line that was read once is not searched again, and a ready line that
/// has since left the part of the log that is read still counts, until the service is started anew.
struct LogQuestion {
    /// What one look reads. More than is ever kept, so that a busy log hides no line between looks.
    static let readLimitInBytes = 1 << 20

    private let ready: Pattern?
    private let errors: [Pattern]
    private var isReady = false
    private var searched: Set<String> = []

    init(ready: Pattern?, errors: [Pattern]) {
        self.ready = ready
        self.errors = errors
    }

    /// What comes next in the log is another start's.
    mutating func beginAnew() {
        isReady = false
        searched = []
    }

    /// - Returns: None where the task was asked to stop before there was an answer.
    mutating func judge(
        _ log: ServiceLog, excerptLimitInBytes: Int, searchLimit: Duration = Pattern.searchLimit
    ) async -> Answer? {
        let new = log.lines.filter { !searched.contains($0) }
        let (ready, errors) = (isReady ? nil : ready, errors)
        let found = await Boundless.run(within: searchLimit) {
            Self.search(new, ready: ready, errors: errors)
        }
        guard let found else {
            if Task.isCancelled { return nil }
            return .hopeless(
                saw: "its expressions found no end on \(new.count) lines within \(searchLimit)")
        }
        searched = Set(log.lines)
        if found.isReady { isReady = true }
        if let error = found.error {
            let before = log.lines.prefix { $0 != error.line } + [error.line]
            return .hopeless(
                saw: Plain.line("a line matches \(error.expression): \(error.line)"),
                excerpt: Plain.newest(of: Array(before), limitInBytes: excerptLimitInBytes))
        }
        guard let pattern = self.ready else { return .good(saw: noErrors) }
        guard isReady else { return .notYet(saw: "no line matches \(pattern.expression)") }
        return .good(saw: "a line matches \(pattern.expression); \(noErrors)")
    }

    private var noErrors: String {
        errors.count == 1 ? "none matches the error" : "none matches one of \(errors.count) errors"
    }

    private struct Found {
        var isReady = false
        var error: (line: String, expression: String)?
    }

    private static func search(_ lines: [String], ready: Pattern?, errors: [Pattern]) -> Found {
        var found = Found()
        for line in lines {
            if let ready, !found.isReady { found.isReady = ready.search(line) != .nothing }
            guard let pattern = errors.first(where: { $0.search(line) != .nothing }) else {
                continue
            }
            found.error = (line, pattern.expression)
            break
        }
        return found
    }
}
