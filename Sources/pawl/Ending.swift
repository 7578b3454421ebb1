import ArgumentParser
import EventLog
import Foundation
import Glibc
import Settings
import UpgradeMachine

/// Why a command ends without having done what it was asked for.
struct Refusal: Error {
    let status: ExitStatus
    let message: String
    var advice = ""
}

/// The last words of a command that did not do what it was asked for.
struct Ending: Encodable {
    var format = "pawl.error/1"
    let exitStatus: Int32
    let message: String
    let advice: String

    private init(_ status: ExitStatus, _ message: String, _ advice: String = "") {
        exitStatus = status.rawValue
        self.message = message
        self.advice = advice
    }

    /// Says on stderr what went wrong and what to do, and ends the process with its code.
    ///
    /// - Parameter json: Whether stdout is to have a document as well.
    static func end(
        with error: any Error, of root: any ParsableArguments.Type, json: Bool
    ) -> Never {
        if let code = error as? ExitCode { exit(code.rawValue) }
        guard let ending = Ending(error) else { root.exit(withError: error) }
        // Findings about a file begin with its name, as compilers write them.
        Output.error((error is SettingsError ? "" : "pawl: ") + ending.message)
        if let excerpt = (error as? Failure)?.excerpt { Output.error(excerpt) }
        if !ending.advice.isEmpty { Output.error("      \(ending.advice)") }
        // Text alone, which always encodes.
        if json { try? Output.json(ending) }
        exit(ending.exitStatus)
    }

    /// None for what ArgumentParser says itself: help, and wrong usage.
    init?(_ error: any Error) {
        switch error {
        case let refusal as Refusal:
            self.init(refusal.status, refusal.message, refusal.advice)
        case let failure as Failure:
            self.init(.refused, failure.message, failure.advice)
        case let refusal as AdoptionRefusal:
            self.init(.usage, refusal.message, refusal.advice)
        case let error as SettingsError:
            self.init(.configuration, error.description)
        case let error as EventLogError:
            self.init(Self.status(of: error), error.description, Self.advice(for: error))
        case let refusal as Replay.Refusal:
            self.init(.foundWrong, refusal.description, "keep the log as evidence")
        case let illegal as IllegalEvent:
            self.init(
                .failed,
                "the log cannot go on with '\(illegal.event.brief)' "
                    + "where the upgrade is \(illegal.state.rawValue)",
                "pawl replay says whether the log is as it was written")
        case is CleanExit, is ValidationError:
            return nil
        default:
            // Whatever else the parser throws has no public type.
            guard "\(type(of: error))" != "CommandError" else { return nil }
            self.init(.failed, "\(error)")
        }
    }

    private static func status(of error: EventLogError) -> ExitStatus {
        switch error {
        case .held: .held
        case .unknownStream: .usage
        // Nothing was changed, and a later try of the right Pawl will go on.
        case .newer: .refused
        default: .failed
        }
    }

    private static func advice(for error: EventLogError) -> String {
        switch error {
        case .unreadable(_, let reason) where reason.contains("denied"):
            "run Pawl as the user whose state it is: root, where sudo pawl upgraded"
        case .held: "pawl status shows where it stands; wait for it, or stop it with Ctrl-C there"
        default: ""
        }
    }
}
