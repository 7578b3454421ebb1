import ArgumentParser
import UpgradeMachine

/// The states that `--stop-before` knows.
enum StepName: String, CaseIterable, ExpressibleByArgument {
    case pulled
    case backedUp = "backed-up"
    case stopped, started, verified

    /// The steps that lead to the state, whichever of them comes first.
    ///
    /// An upgrade that waits before its backup has raised no fence; one without a database waits
    /// before the stop.
    private var steps: Set<Step> {
        switch self {
        case .pulled: [.pull]
        case .backedUp: [.raiseFence, .backUp, .stop]
        case .stopped: [.stop]
        case .started: [.start]
        case .verified: [.verify]
        }
    }

    func isEntered(by effect: Effect) -> Bool { steps.contains(effect.step) }

    /// Whether an upgrade that stands at `name` can still be stopped before this state.
    func isAhead(of name: StateName) -> Bool {
        switch self {
        case .pulled: name == .planned
        case .backedUp: [.planned, .pulled].contains(name)
        case .stopped: [.planned, .pulled, .backedUp].contains(name)
        case .started: [.planned, .pulled, .backedUp, .stopped].contains(name)
        case .verified: [.planned, .pulled, .backedUp, .stopped, .started].contains(name)
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
