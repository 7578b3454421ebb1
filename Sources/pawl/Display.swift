import Dispatch
import Foundation
import Reports
import Runner
import Synchronization
import UpgradeMachine

/// An upgrade as it happens, on stderr: a live line on a terminal; elsewhere, where it is kept and
/// read later, a line for each step that is done, and few for those that take long.
final class Display: Sendable {
    private let plan: Plan
    private let open: Effect?
    private let isLive = Output.isTerminal
    private let state: Mutex<State>

    /// Elsewhere than on a terminal: a step that takes longer is announced, and the application's
    /// own words are shown this often.
    private static let patience: Duration = .seconds(5)
    private static let pause: Duration = .seconds(10)

    private struct State {
        var step: Step?
        var began: Moment?
        /// Counts the steps, so that a late announcement knows whether its step is over.
        var number = 0
        var isAffected: Bool
        var isGoingBack: Bool
        var lastNote = ""
        var quietUntil = ContinuousClock.now
        var hasLiveLine = false
        var lastDrawn: ContinuousClock.Instant?
    }

    /// - Parameter run: As it is taken over; its open effect is the one that goes on first.
    init(_ run: Run) {
        plan = run.plan
        open = run.open
        state = Mutex(
            State(isAffected: run.outageBegan != nil, isGoingBack: run.upgrade.isGoingBack))
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
            begin(effect.step, moment, &state)
            if isLive { drawLive("", &state) } else { announceLater(state.number) }
        case .done(let receipt, let adopted):
            let took = state.began.map { moment.duration(since: $0).brief } ?? ""
            let found = adopted ? "found done" : took
            let detail = receipt.detail.isEmpty ? "" : "  \(receipt.detail)"
            line(moment, "✓ \(receipt.step.doing(in: plan)) (\(found))\(detail)")
            finish(&state)
            guard isLive else { break }
            for check in receipt.checkLines {
                Output.progress("            \(Self.clean(check, 160))")
            }
        case .failed(let step, let failure):
            line(moment, "✗ \(step.doing(in: plan)): \(failure.message)")
            finish(&state)
            quote(failure.excerpt)
        case .attemptFailed(let step, let failure):
            line(moment, "✗ \(step.doing(in: plan)): \(failure.message); trying again")
        case .halted(let cause):
            line(moment, "✗ halted: \(cause.message)")
            finish(&state)
            quote(cause.excerpt)
        case .resumed:
            guard let open else { break }
            begin(open.step, moment, &state)
            line(moment, "going on with \(open.step.doing(in: plan)) …")
        case .planned:
            break
        default:
            line(moment, "· \(event.brief)")
            finish(&state)
        }
    }

    private func begin(_ step: Step, _ moment: Moment, _ state: inout State) {
        (state.step, state.began, state.lastNote) = (step, moment, "")
        state.number += 1
        state.quietUntil = .now + Self.patience
    }

    private func finish(_ state: inout State) { state.step = nil }

    private func announceLater(_ number: Int) {
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(5)) { [weak self] in
            guard let self else { return }
            state.withLock { state in
                guard state.number == number, let step = state.step, let began = state.began
                else { return }
                line(began, "\(step.doing(in: plan)) …")
            }
        }
    }

    private func announcePhase(of effect: Effect, _ state: inout State) {
        switch effect.step {
        case .stop where !state.isAffected:
            state.isAffected = true
            Output.progress("From here on the service is affected.")
        case .removeCandidate where plan.operation == nil,
            .startPrevious where plan.operation == nil:
            if !state.isGoingBack {
                Output.progress("Rolling back to \(plan.current.version).")
            }
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
            case .answering: ""
            }
        if case .answering = progress { return }
        let now = ContinuousClock.now
        if isLive {
            if let last = state.lastDrawn, last.duration(to: now) < .milliseconds(80) { return }
            state.lastDrawn = now
            drawLive(text, &state)
        } else if case .working = progress, text != state.lastNote, now >= state.quietUntil {
            // What the application itself says; bars and passing notes are for a terminal.
            Output.progress("          | \(Self.clean(text, 160))")
            state.quietUntil = now + Self.pause
        }
        state.lastNote = text
    }

    private func drawLive(_ text: String, _ state: inout State) {
        guard let step = state.step else { return }
        let note = Self.withoutTime(Self.clean(text, 400))
        let words = Output.harmless("  \(step.doing(in: plan)) … \(note)")
        Output.live("\r\u{1B}[2K" + Self.fitting(words, Output.width - 1))
        state.hasLiveLine = true
    }

    private func clearLive(_ state: inout State) {
        if state.hasLiveLine { Output.live("\r\u{1B}[2K") }
        state.hasLiveLine = false
    }

    private func line(_ moment: Moment, _ text: String) {
        Output.progress("\(Output.clock(moment.wallMilliseconds))  \(text)")
    }

    private func quote(_ excerpt: String?) {
        for line in excerpt?.split(separator: "\n").suffix(8) ?? [] {
            Output.progress("          | \(Self.clean(String(line), 160))")
        }
    }
}

extension Display {
    private static func bar(_ done: Int, _ total: Int?) -> String {
        guard let total, total > 0 else { return brief(bytes: done) }
        let part = min(1, Double(done) / Double(total))
        let full = Int(part * 24)
        let bar = String(repeating: "█", count: full) + String(repeating: "░", count: 24 - full)
        return "\(bar) \(Int(part * 100)) %  \(brief(bytes: done)) of \(brief(bytes: total))"
    }

    /// A log line without the time that it begins with: what it says is worth the room.
    private static func withoutTime(_ text: String) -> Substring {
        guard text.prefix(5).allSatisfy({ $0.isNumber || $0 == "-" }),
            let blank = text.firstIndex(of: " ")
        else { return text[...] }
        return text[blank...].drop { $0 == " " }
    }

    /// One line of what may have been several.
    private static func clean(_ text: String, _ limit: Int) -> String {
        String(text.prefix(limit).map { $0.isNewline || $0 == "\t" ? " " : $0 })
    }

    /// As much of it as `columns` hold; a live line that wraps could not be taken back.
    private static func fitting(_ text: String, _ columns: Int) -> String {
        var left = columns
        return String(
            text.prefix { character in
                let scalar = character.unicodeScalars.first?.value ?? 0
                // Scripts whose characters fill two columns begin there (Unicode, UAX #11).
                left -= scalar >= 0x1100 && !(0x2000..<0x2E80).contains(scalar) ? 2 : 1
                return left >= 0
            })
    }
}

extension Upgrade {
    /// Whether it is on the way back, perhaps halted there.
    var isGoingBack: Bool {
        switch self {
        case .rollingBack: true
        case .halted(let halt): halt.resting.isGoingBack
        default: false
        }
    }
}
