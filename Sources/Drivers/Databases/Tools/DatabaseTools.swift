internal import UpgradeMachine

/// The database's own client programs, where they run: inside a container, or on this host.
protocol DatabaseTools: Sendable {
    /// For people: `container studio_db`, `this host`.
    var place: String { get }

    /// The first of the programs that there is.
    ///
    /// - Throws: `no-client-tools` where there is none.
    func locate(_ names: [String]) async throws(Failure) -> String

    /// Runs a program to its end, whatever its exit status.
    ///
    /// Where it throws, the program does not run any more, if the call has a tag.
    ///
    /// - Parameters:
    ///   - pull: Fills a buffer with standard input, answers 0 at the end; must not wait for long.
    ///   - sink: Takes standard output as it comes; while it works nothing more is read.
    func run(
        _ call: ToolCall, pull: Command.PullClosure?, sink: @escaping Command.Sink
    ) async throws(Failure) -> ToolEnding

    /// Starts a program that is talked to line by line.
    func converse(_ call: ToolCall) async throws(Failure) -> any ToolConversation

    /// Ends every program that carries the tag, and proves them gone.
    func endPrograms(of tag: StepTag) async throws(Failure)
}

/// One run of a client program.
struct ToolCall: Sendable {
    let family: ToolFamily
    var program: String
    /// Without a password, which each place passes in its own way.
    var options: [String]
    var password: Secret
    var tag: StepTag?
    var limit: Duration
    /// Whether the program reads the option files of where it runs, if its family has any.
    ///
    /// An `ignore-table` there would make a backup without the table, and a program that says that
    /// all went well.
    var readsOptionFiles = false

    /// For people and for errors.
    var text: String { ([program] + options).joined(separator: " ") }
}

/// How a client program ended, and the first part of what it complained of.
struct ToolEnding: Hashable, Sendable {
    static let standardErrorLimitInBytes = 16_384

    /// As in `exited with 2`.
    let text: String
    let isSuccess: Bool
    let standardError: String
}

/// A client program that is kept running and talked to.
protocol ToolConversation: Sendable {
    func send(_ text: String, within limit: Duration) async throws(Failure)
    /// The next line of its output without its end; `nil` once it has ended.
    func receiveLine(within limit: Duration) async throws(Failure) -> String?
    var standardErrorText: String { get }
    /// Ends its input, and with that the program; safe to repeat.
    func close()
}

/// How a client program's answers are read.
struct SessionLanguage: Sendable {
    /// The fields of one line.
    let fields: @Sendable (ArraySlice<UInt8>) -> [String]
    /// Of an action, by what the program wrote to its standard error, and how it ended.
    let failure: @Sendable (_ action: String, _ standardError: String, _ ending: String) -> Failure
}

/// A session that is kept open: statements go in, rows come out, one exchange after the other.
///
/// An error ends it, as the client ends with the first error that it meets.
actor DatabaseSession {
    private let conversation: any ToolConversation
    private let action: String
    private let language: SessionLanguage
    private var count = 0
    private var last: Task<Result<[[String]], Failure>, Never>?
    private(set) var hasEnded = false

    /// - Parameter action: What the session is for, for errors.
    init(_ conversation: any ToolConversation, action: String, language: SessionLanguage) {
        self.conversation = conversation
        self.action = action
        self.language = language
    }

    /// Executes statements and answers all of their rows.
    ///
    /// - Parameter limit: For all of them; where it is over the session is ended, since nobody
    ///   could tell which question a later answer belongs to.
    func ask(_ statements: String, within limit: Duration) async throws(Failure) -> [[String]] {
        let before = last
        let task = Task {
            _ = await before?.value
            return await exchange(statements, within: limit)
        }
        last = task
        let result = await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        return try result.get()
    }

    private func exchange(
        _ statements: String, within limit: Duration
    ) async -> Result<[[String]], Failure> {
        guard !hasEnded else { return .failure(ended()) }
        count += 1
        let mark = "pawl-mark-\(count)"
        let deadline = ContinuousClock.now + limit
        do throws(Failure) {
            try await conversation.send("\(statements)\nSELECT '\(mark)';\n", within: limit)
            var rows: [[String]] = []
            while true {
                let left = max(deadline - .now, .zero)
                guard let line = try await conversation.receiveLine(within: left) else {
                    throw ended()
                }
                if line == mark { return .success(rows) }
                rows.append(language.fields(Array(line.utf8)[...]))
            }
        } catch {
            close()
            return .failure(error)
        }
    }

    private func ended() -> Failure {
        language.failure(action, conversation.standardErrorText, "ended its session")
    }

    deinit { conversation.close() }

    func close() {
        hasEnded = true
        conversation.close()
    }
}
