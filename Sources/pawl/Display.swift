import Foundation
import Reports
import Runner
import Synchronization
import UpgradeMachine

/// An upgrade as it happens, on stderr: a live line on a terminal, plain lines elsewhere.
final class Display: Sendable {
    private let plan: Plan
    private let open: Effect?
    private let isLive = Output.isTerminal
    private let state = Mutex(State())

    private struct State {
        var step: Effect?
        var began: Moment?
        var isAffected = false
        var isGoingBack = false
        var lastNote = ""
        var hasLiveLine = false
        var lastDrawn: ContinuousClock.Instant?
    }

    /// - Parameter run: As it is taken over; its open effect is the one that goes on first.
    init(_ run: Run) {
        plan = run.plan
        open = run.open
    }

    func show(_ notice: Notice) {
        state.withLock { state in
            switch notice {
            case .recorded(let event, let moment): record(event, moment, &state)
            case .progress(let step, let progress): advance(step, progress, &state)
            }
        }
    }

    /// Leaves the cursor on a line of its own.
    func end() { state.withLock { clearLive(&$0) } }

    private func record(_ event: Event, _ moment: Moment, _ state: inout State) {
        clearLive(&state)
        switch event {
        case .began(let effect):
            announcePhase(of: effect, &state)
            (state.step, state.began, state.lastNote) = (effect, moment, "")
            if isLive {
                drawLive("", &state)
            } else {
                line(moment, "\(effect.step.doing) …")
            }
        case .done(let receipt, let adopted):
            let took = state.began.map { moment.duration(since: $0).brief } ?? ""
            let found = adopted ? "found done" : took
            let detail = receipt.detail.isEmpty ? "" : "  \(receipt.detail)"
            line(moment, "\(Self.tick) \(receipt.step.doing) (\(found))\(detail)")
            for check in receipt.checkLines { Output.error("            \(Self.clean(check, 160))") }
        case .failed(let step, let failure):
            line(moment, "\(Self.cross) \(step.doing): \(failure.message)")
            quote(failure.excerpt)
        case .attemptFailed(let step, let failure):
            line(moment, "\(Self.cross) \(step.doing): \(failure.message); trying again")
        case .resumed:
            guard let open else { break }
            (state.step, state.began, state.lastNote) = (open, moment, "")
            line(moment, "going on with \(open.step.doing) …")
        case .planned:
            break
        default:
            line(moment, "· \(event.brief)")
        }
    }

    private func announcePhase(of effect: Effect, _ state: inout State) {
        switch effect.step {
        case .stop where !state.isAffected:
            state.isAffected = true
            Output.error("From here on the service is affected.")
        case .removeCandidate, .startPrevious:
            if !state.isGoingBack { Output.error("Rolling back to \(plan.current.version).") }
            state.isGoingBack = true
        default:
            break
        }
    }

    private func advance(_ step: Step, _ progress: UpgradeMachine.Progress, _ state: inout State) {
        let text =
            switch progress {
            case .bytes(let done, let total): Self.bar(done, total)
            case .note(let note), .working(let note): note
            case .answering(let isGood): isGood ? "all checks are good" : ""
            }
        if isLive {
            let now = ContinuousClock.now
            if let last = state.lastDrawn, last.duration(to: now) < .milliseconds(80) { return }
            state.lastDrawn = now
            drawLive(text, &state)
        } else if case .working = progress, text != state.lastNote {
            // What the application itself says; bars and passing notes are for a terminal.
            Output.error("            | \(Self.clean(text, 160))")
        }
        state.lastNote = text
    }

    private func drawLive(_ text: String, _ state: inout State) {
        guard let step = state.step?.step else { return }
        let words = "  \(step.doing) … \(Self.clean(text, 400))"
        Output.raw("\r\u{1B}[2K" + words.prefix(Output.width - 1))
        state.hasLiveLine = true
    }

    private func clearLive(_ state: inout State) {
        if state.hasLiveLine { Output.raw("\r\u{1B}[2K") }
        state.hasLiveLine = false
    }

    private func line(_ moment: Moment, _ text: String) {
        Output.error("\(Output.clock(moment.wallMilliseconds))  \(text)")
    }

    private func quote(_ excerpt: String?) {
        for line in excerpt?.split(separator: "\n").suffix(8) ?? [] {
            Output.error("          | \(Self.clean(String(line), 160))")
        }
    }

    private static let tick = "✓"
    private static let cross = "✗"

    private static func bar(_ done: Int, _ total: Int?) -> String {
        guard let total, total > 0 else { return brief(bytes: done) }
        let part = min(1, Double(done) / Double(total))
        let full = Int(part * 24)
        let bar = String(repeating: "█", count: full) + String(repeating: "░", count: 24 - full)
        return "\(bar) \(Int(part * 100)) %  \(brief(bytes: done)) of \(brief(bytes: total))"
    }

    /// Text from outside cannot steer the terminal.
    private static func clean(_ text: String, _ limit: Int) -> String {
        String(text.prefix(limit).map { $0.isNewline || $0.asciiValue.map { $0 < 32 } == true ? " " : $0 })
    }
}
