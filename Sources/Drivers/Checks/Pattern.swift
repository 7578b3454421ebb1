internal import HTTPClient
internal import Synchronization

/// A regular expression of the plan, read once and searched for within a limit of time.
///
/// It is matched by Unicode scalars: `\r\n` is two of them, and an answer's combining marks cannot
/// hide what stands before them.
struct Pattern: Sendable {
    /// A search that takes longer is taken for one that never ends.
    static let searchLimit = Duration.seconds(10)

    enum Found: Hashable, Sendable {
        case nothing
        /// It matches, and what its first group held; none where the group took no part.
        case match(group: String?)
        /// It matches, and has no group to say what is meant.
        case matchWithoutGroup
    }

    let expression: String
    // A `Regex` is not `Sendable` because it may hold closures; one read from text has none.
    private nonisolated(unsafe) let regex: Regex<AnyRegexOutput>

    /// - Returns: None where `expression` is no regular expression.
    init?(_ expression: String) {
        // The reason is a parser's, for developers; whoever asks shows the expression.
        guard let regex = try? Regex(expression) else { return nil }
        self.expression = expression
        self.regex = regex.matchingSemantics(.unicodeScalar)
    }

    func search(_ text: String) -> Found {
        // It throws only what closures within an expression throw, and there are none.
        guard let match = try? regex.firstMatch(in: text) else { return .nothing }
        guard match.output.count > 1 else { return .matchWithoutGroup }
        return .match(group: match.output[1].substring.map(String.init))
    }
}

/// Work that perhaps never ends, such as a search with an expression that backtracks without end.
enum Boundless {
    private enum State<Value: Sendable>: Sendable {
        case idle
        case waiting(CheckedContinuation<Value?, Never>)
        case over
    }

    private final class Outcome<Value: Sendable>: Sendable {
        private let state = Mutex(State<Value>.idle)

        func wait(_ continuation: CheckedContinuation<Value?, Never>) {
            let isOver = state.withLock { state in
                if case .over = state { return true }
                state = .waiting(continuation)
                return false
            }
            if isOver { continuation.resume(returning: nil) }
        }

        /// The first to tell wins.
        func tell(_ value: Value?) {
            let waiting: CheckedContinuation<Value?, Never>? = state.withLock { state in
                defer { state = .over }
                if case .waiting(let continuation) = state { return continuation }
                return nil
            }
            waiting?.resume(returning: value)
        }
    }

    /// Does `work` on a thread of its own, and leaves it behind where it takes longer than `limit`
    /// or the task is asked to stop.
    ///
    /// Not on a queue of Dispatch's: it shares its threads with the tasks of Swift, which all stood
    /// still while such work ran (the tests of this type, on two cores).
    ///
    /// - Returns: None where it was left behind. Nothing can end such a thread, so whoever gets
    ///   none in time must not start the same work again.
    static func run<Value: Sendable>(
        within limit: Duration, _ work: @escaping @Sendable () -> Value
    ) async -> Value? {
        let outcome = Outcome<Value>()
        let timer = Task {
            // Woken early, it tells nobody: the outcome is there already.
            try? await Task.sleep(for: limit)
            outcome.tell(nil)
        }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                outcome.wait(continuation)
                Task {
                    // Without a thread there is no answer either.
                    outcome.tell(try? await onOwnThread { _ in work() })
                }
            }
        } onCancel: {
            outcome.tell(nil)
        }
    }
}
