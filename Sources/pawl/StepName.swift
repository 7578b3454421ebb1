import ArgumentParser
import UpgradeMachine

/// The states that `--stop-before` knows, by the step that leads to each.
enum StepName: String, CaseIterable, ExpressibleByArgument {
    case pulled, backedUp = "backed-up", stopped, started, verified

    var step: Step {
        switch self {
        case .pulled: .pull
        case .backedUp: .backUp
        case .stopped: .stop
        case .started: .start
        case .verified: .verify
        }
    }
}

extension Step {
    /// A step as 'pawl status' and `pawl settle` name it.
    static func named(_ text: String) throws -> Step {
        guard let step = Step(rawValue: text) else {
            let known = Step.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("'\(text)' is not a step; there are \(known)")
        }
        return step
    }
}
