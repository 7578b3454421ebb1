import Digests
import Foundation
public import UpgradeMachine

/// A stream folded again, with every recorded decision computed anew and compared.
public struct Replay: Sendable {
    public private(set) var run: Run
    public let stream: String
    private let planDigest: String

    /// Why a stream cannot be replayed, and at which of its events.
    public struct Refusal: Error, Sendable, CustomStringConvertible {
        public let stream: String
        public let sequence: Int
        public let found: String

        public var description: String {
            "event \(sequence) of the log (upgrade \(stream)) cannot have happened: \(found)"
        }
    }

    /// Folds `entries`, which are one stream's from its first event on.
    public init(_ entries: [LogEntry]) throws(Refusal) {
        guard let first = entries.first else {
            throw Refusal(stream: "", sequence: 0, found: "a stream begins with its plan")
        }
        try self.init(first: first)
        for entry in entries.dropFirst() { try follow(entry) }
    }

    /// Begins with a stream's first event.
    init(first: LogEntry) throws(Refusal) {
        guard case .planned(let plan) = first.event else {
            throw Refusal(
                stream: first.stream, sequence: first.sequence,
                found: "a stream begins with its plan")
        }
        run = Run(plan)
        stream = first.stream
        // Whoever read the entry has compared it with the plan's stored bytes, which are not those
        // that this Pawl would write where the plan's shape has changed since.
        planDigest = first.planDigest
    }

    mutating func follow(_ entry: LogEntry) throws(Refusal) {
        try checkPlan(of: entry)
        do {
            run = try run.evolved(by: entry.event, at: entry.moment)
        } catch {
            throw Refusal(
                stream: stream, sequence: entry.sequence, found: Self.explanation(of: error))
        }
    }

    private func checkPlan(of entry: LogEntry) throws(Refusal) {
        guard entry.planDigest != planDigest else { return }
        throw Refusal(
            stream: stream, sequence: entry.sequence,
            found: "it belongs to a plan with digest \(entry.planDigest), and this stream's plan "
                + "has \(planDigest)")
    }

    /// SHA-256 of a plan's bytes, in hexadecimal.
    public static func digest(of plan: Plan) -> String {
        guard let bytes = try? RecordCoder().bytes(of: plan) else {
            // A plan holds strings and whole numbers, which always encode.
            preconditionFailure("a plan that cannot be encoded")
        }
        return SHA256.hash(bytes).hex
    }

    private static func explanation(of illegal: IllegalEvent) -> String {
        let happened = "it says \(illegal.event.brief)"
        switch illegal.refusal {
        case .evidence:
            return "\(happened), whose evidence does not fit the state \(illegal.state.rawValue)"
        case .outOfTurn:
            switch illegal.expected {
            case .record(let event):
                return "\(happened), where \(illegal.state.rawValue) demands \(event.brief)"
            case .perform(let effect):
                return "\(happened), where the outcome of \(effect.step.rawValue) is awaited"
            case .rest:
                return "\(happened), where \(illegal.state.rawValue) is an end or a rest"
            }
        }
    }
}

extension Replay {
    /// What a whole log comes to.
    public struct Summary: Sendable {
        public let events: Int
        public let upgrades: Int
        /// The leaf of the last event, in hexadecimal; it stands for all of them.
        public let head: String
    }

    /// Verifies the chain of a whole log and folds every one of its streams, in one pass.
    ///
    /// - Throws: ``EventLogError`` for bytes that are not as they were written, ``Refusal`` for a
    ///   history that cannot have been.
    public static func all(of log: EventLog) throws -> Summary {
        var replays: [String: Replay] = [:]
        var refusal: Refusal?
        let chain = try log.verifyChain { entry in
            do throws(Refusal) {
                if refusal != nil { return }
                if replays[entry.stream] == nil {
                    replays[entry.stream] = try Replay(first: entry)
                } else {
                    try replays[entry.stream]?.follow(entry)
                }
            } catch {
                refusal = error
            }
        }
        if let refusal { throw refusal }
        return Summary(events: chain.events, upgrades: replays.count, head: chain.head)
    }
}
