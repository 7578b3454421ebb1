import Digests
import Foundation
public import UpgradeMachine

/// A stream folded again, with every recorded decision computed anew and compared.
public struct Replay: Sendable {
    public let run: Run
    public let records: [LogEntry]

    /// Why a stream cannot be replayed, and at which of its events.
    public struct Refusal: Error, Sendable, CustomStringConvertible {
        public let stream: String
        public let sequence: Int
        public let found: String

        public var description: String {
            "event \(sequence) of the log (upgrade \(stream)) cannot have happened: \(found)"
        }
    }

    /// Folds `records`, which are one stream's from its first event on.
    public init(_ records: [LogEntry]) throws(Refusal) {
        guard let first = records.first, case .planned(let plan) = first.event else {
            throw Refusal(
                stream: records.first?.stream ?? "", sequence: records.first?.sequence ?? 0,
                found: "a stream begins with its plan")
        }
        let digest = Self.digest(of: plan)
        var run = Run(plan)
        for record in records {
            guard record.planDigest == digest else {
                throw Refusal(
                    stream: record.stream, sequence: record.sequence,
                    found: "it belongs to a plan with digest \(record.planDigest), and this "
                        + "stream's plan has \(digest)")
            }
            if record.sequence == first.sequence { continue }
            do {
                run = try run.evolved(by: record.event, at: record.moment)
            } catch {
                throw Refusal(
                    stream: record.stream, sequence: record.sequence,
                    found: Self.explanation(of: error))
            }
        }
        self.run = run
        self.records = records
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
