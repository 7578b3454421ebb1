internal import UpgradeMachine

/// A command of the user's that has to end with 0.
struct CommandQuestion: Sendable {
    static let limit = Duration.seconds(60)

    private let command: Command

    init(
        _ arguments: [String], version: String, tag: StepTag, outputLimitInBytes: Int,
        limit: Duration = limit
    ) {
        let arguments = arguments.map { $0.replacing("{version}", with: version) }
        var command = Command(arguments, limit: limit)
        // The task may be ended at any moment, and then this has to be over within a second.
        command.grace = .milliseconds(200)
        command.outputLimitInBytes = outputLimitInBytes
        command.tag = tag
        self.command = command
    }

    /// - Returns: None where the task was asked to stop before there was an answer.
    func ask() async -> Answer? {
        do throws(Failure) {
            let result = try await command.run()
            let lines = (result.excerpt ?? "").split(whereSeparator: \.isNewline)
            // Its last words are what it found; how it found them is in the excerpt.
            let words = lines.last.map { ": \($0)" } ?? ""
            let saw = Plain.line("\(result.ending)\(words)")
            guard !result.isSuccess else { return .good(saw: saw) }
            return .notYet(saw: saw, excerpt: excerpt(result.excerpt))
        } catch {
            if Task.isCancelled { return nil }
            let excerpt = excerpt(error.excerpt)
            return error.isPermanent
                ? .hopeless(saw: Plain.line(error.message), excerpt: excerpt)
                : .notYet(saw: Plain.line(error.message), excerpt: excerpt)
        }
    }

    private func excerpt(_ text: String?) -> String? {
        guard let text else { return nil }
        let lines = text.split(whereSeparator: \.isNewline).map(String.init)
        return Plain.newest(of: lines, limitInBytes: command.outputLimitInBytes)
    }
}
