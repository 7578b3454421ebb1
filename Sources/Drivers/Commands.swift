internal import Glibc
public import UpgradeMachine

/// A program to run on this host: the user's own, or a tool that Pawl needs.
///
/// There is no shell: the arguments reach the program as they stand. It runs in a session of its
/// own, without a terminal, so that it asks nobody anything and can be ended with all its children.
/// What it leaves running when it ends by itself is left alone: a `start` starts an application.
///
/// swift-subprocess spawns it (no descriptor of Pawl's from 3 up reaches it, its signals are the
/// default ones), but the pipes are Pawl's: they end with the program, not with the last process
/// that inherited them, and what is kept of them has a limit.
public struct Command: Sendable {
    public var arguments: [String]
    public var workingDirectory: String?
    /// Variables of Pawl's own environment that no program inherits: they hold secrets.
    @TaskLocal public static var withheldVariables: Set<String> = []

    /// Variables of Pawl's own environment that this program does not inherit.
    public var withheld: Set<String> = []
    /// Added to Pawl's own environment. Never a secret: `/proc/PID/environ` shows it.
    public var environment: [String: String] = [:]
    /// Standard input; none is `/dev/null`.
    public var input: [UInt8]?
    /// After this it is ended, with its whole session.
    public var limit: Duration
    /// Between SIGTERM and SIGKILL when the limit is reached; half a second on a requested stop.
    public var grace: Duration = .seconds(5)
    /// Most that is kept of each of its two outputs, the newest.
    public var outputLimitInBytes = 16_384
    /// Applied to all that is kept or shown of its output.
    public var redaction = Redaction([])
    /// Lets a later Pawl find what this one left running.
    public var tag: StepTag?
    /// Takes both outputs in place of pipes: what stays in the background may go on writing there,
    /// where a pipe's end would kill it.
    public var outputFile: String?
    /// Called once it runs, with its process id.
    public var started: (@Sendable (Int32) -> Void)?

    public init(_ arguments: [String], in workingDirectory: String? = nil, limit: Duration) {
        self.arguments = arguments
        self.workingDirectory = workingDirectory
        self.limit = limit
    }

    /// For people: the arguments, quoted where they hold blanks.
    public var text: String {
        redaction(
            arguments.map { $0.isEmpty || $0.contains(" ") ? "'\($0)'" : $0 }
                .joined(separator: " "))
    }

    /// Takes a part of the standard output; throwing ends the command.
    public typealias Sink = @Sendable (UnsafeRawBufferPointer) throws -> Void
    /// Puts a part of the standard input into the buffer; answers its size, 0 at the end.
    public typealias PullClosure = @Sendable (UnsafeMutableRawBufferPointer) throws -> Int

    /// Runs it to its end, whatever its exit status.
    ///
    /// Without closures its output is kept in the result, and its input is ``input``. The closures
    /// are called on a thread of the command's own, never at the same time; while one blocks,
    /// neither the limit nor a requested stop is seen.
    ///
    /// - Throws: `command-not-started`, `command-timed-out`, `interrupted` (the task was asked to
    ///   stop) or `process-survives`; and what a closure threw (a ``Failure`` as it is).
    public func run(
        pull: PullClosure? = nil, sink: Sink? = nil
    ) async throws(Failure) -> CommandResult {
        try await CommandRun(self, pull: pull, sink: sink).run()
    }
}

/// How a command ended, and the newest part of what it said.
public struct CommandResult: Hashable, Sendable {
    public enum End: Hashable, Sendable {
        case exited(status: Int)
        case signalled(number: Int)
    }

    public let end: End
    /// Redacted; empty where it went to a sink or a file.
    public let output: String
    /// Redacted; with an output file both outputs' newest part.
    public let errors: String

    public init(end: End, output: String, errors: String) {
        self.end = end
        self.output = output
        self.errors = errors
    }

    public var isSuccess: Bool { end == .exited(status: 0) }

    /// For people, as in `exited with 3`.
    public var ending: String {
        switch end {
        case .exited(let status): "exited with \(status)"
        case .signalled(let number): "was ended by signal \(number)"
        }
    }

    /// What it said last: its errors, or where it made none, its output.
    public var excerpt: String? {
        let text = errors.isEmpty ? output : errors
        return text.isEmpty ? nil : text
    }

    /// This result, if the command exited with 0.
    ///
    /// - Throws: A ``Failure`` with `code`, the command's ending and its last words.
    @discardableResult
    public func successful(
        _ command: Command, code: String = "command-failed", advice: String
    ) throws(Failure) -> CommandResult {
        guard !isSuccess else { return self }
        throw Failure(
            code: code, message: "`\(command.text)` \(ending)", advice: advice, excerpt: excerpt)
    }
}

/// The newest part of a stream, in bounded memory.
struct OutputTail {
    /// Kept beyond the limit, so that a secret whose beginning was dropped is not half shown.
    private static let marginInBytes = 4096
    private let limit: Int
    private var bytes: [UInt8] = []
    private var hasDropped = false

    init(limitInBytes: Int) { limit = limitInBytes }

    mutating func append(_ part: UnsafeRawBufferPointer) {
        bytes += part
        let kept = limit + Self.marginInBytes
        // Dropped in large pieces, or each small write would move everything.
        if bytes.count > 2 * kept { drop(bytes.count - kept) }
    }

    private mutating func drop(_ count: Int) {
        bytes.removeFirst(count)
        hasDropped = true
    }

    func text(_ redaction: Redaction) -> String {
        var rest = self
        let kept = limit + Self.marginInBytes
        if rest.bytes.count > kept { rest.drop(rest.bytes.count - kept) }
        var text = Array(redaction(String(decoding: rest.bytes, as: UTF8.self)).utf8)[...]
        if rest.hasDropped { text = text.dropFirst(Self.marginInBytes) }
        text = text.suffix(limit)
        // A character that was cut in two is dropped.
        while let first = text.first, first & 0xC0 == 0x80 { text = text.dropFirst() }
        return String(decoding: text, as: UTF8.self)
    }
}
