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
    /// What makes a line harmless that matches an error.
    private let except: [Pattern]
    private var isReady = false
    private var searched: Set<String> = []
    private var seenSizeInBytes = 0
    /// Whether more was written between two looks than one of them reads.
    private var hasMissedLines = false

    init(ready: Pattern?, errors: [Pattern], except: [Pattern] = []) {
        self.ready = ready
        self.errors = errors
        self.except = except
    }

    /// What comes next in the log is another start's.
    mutating func beginAnew() {
        isReady = false
        searched = []
        seenSizeInBytes = 0
        hasMissedLines = false
    }

    /// - Returns: None where the task was asked to stop before there was an answer.
    mutating func judge(
        _ log: ServiceLog, excerptLimitInBytes: Int, searchLimit: Duration = Pattern.searchLimit
    ) async -> Answer? {
        let new = log.lines.filter { !searched.contains($0) }
        if log.sizeInBytes - seenSizeInBytes > Self.readLimitInBytes { hasMissedLines = true }
        seenSizeInBytes = log.sizeInBytes
        let (ready, errors, except) = (isReady ? nil : ready, errors, except)
        let found = await Boundless.run(within: searchLimit) {
            Self.search(new, ready: ready, errors: errors, except: except)
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
        let words =
            errors.count == 1
            ? "none matches the error" : "none matches one of \(errors.count) errors"
        return hasMissedLines && !errors.isEmpty ? "\(words), as far as it was read" : words
    }

    private struct Found {
        var isReady = false
        var error: (line: String, expression: String)?
    }

    private static func search(
        _ lines: [String], ready: Pattern?, errors: [Pattern], except: [Pattern]
    ) -> Found {
        var found = Found()
        for line in lines {
            if let ready, !found.isReady { found.isReady = ready.search(line) != .nothing }
            guard let pattern = errors.first(where: { $0.search(line) != .nothing }),
                !except.contains(where: { $0.search(line) != .nothing })
            else { continue }
            found.error = (line, pattern.expression)
            break
        }
        return found
    }
}
