import Reports
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
            case .verified, .operated: .done
            case .failed(let end): end.operation.isOfService ? .foundWrong : .refused
            case .rolledBack: .rolledBack
            case .halted: .halted
            default: .stopped
            }
    }
}

extension ExitStatus {
    /// The one that tells most of several: first what needs a person, then what may mend itself,
    /// then what a person wished, then what came to a good end.
    static func gravest(_ statuses: [ExitStatus]) -> ExitStatus {
        let order: [ExitStatus] = [
            .halted, .failed, .foundWrong, .configuration, .usage, .refused, .held, .stopped,
            .rolledBack,
        ]
        return order.first(where: statuses.contains) ?? .done
    }
}
