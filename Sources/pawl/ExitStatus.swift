import ArgumentParser
import EventLog
import Glibc
import Settings
import UpgradeMachine

/// Exit codes are part of the interface: scripts depend on them.
enum ExitStatus: Int32 {
    case done = 0
    case failed = 1
    case rolledBack = 10
    case halted = 11
    case refused = 12
    case held = 13
    case stopped = 15
    case foundWrong = 20
    case usage = 64
    case configuration = 78

    init(of upgrade: Upgrade) {
        self =
            switch upgrade {
            case .verified: .done
            case .rolledBack: .rolledBack
            case .halted: .halted
            default: .stopped
            }
    }
}

/// Why a command ends without having done what it was asked for.
struct Refusal: Error {
    let status: ExitStatus
    let message: String
    var advice = ""
}

enum Ending {
    /// Says on stderr what went wrong and what to do, and ends the process with its code.
    static func end(with error: any Error, of root: any ParsableArguments.Type) -> Never {
        switch error {
        case let status as ExitCode:
            exit(status.rawValue)
        case let refusal as Refusal:
            say(refusal.message, refusal.advice, refusal.status)
        case let failure as Failure:
            say(failure.message, failure.advice, .refused, excerpt: failure.excerpt)
        case let error as SettingsError:
            say(error.description, "", .configuration, prefix: "")
        case let error as EventLogError:
            say(error.description, "", status(of: error))
        case let refusal as Replay.Refusal:
            say(refusal.description, "keep the log as evidence", .foundWrong)
        default:
            root.exit(withError: error)
        }
    }

    private static func status(of error: EventLogError) -> ExitStatus {
        switch error {
        case .held: .held
        case .unknownStream: .usage
        default: .failed
        }
    }

    private static func say(
        _ message: String, _ advice: String, _ status: ExitStatus, prefix: String = "pawl: ",
        excerpt: String? = nil
    ) -> Never {
        Output.error(prefix + message)
        if let excerpt { Output.error(excerpt) }
        if !advice.isEmpty { Output.error("      \(advice)") }
        exit(status.rawValue)
    }
}
