import Synchronization
import UpgradeMachine

/// A step's time: its deadline, which progress may extend up to a hard one, and the outage budget.
final class Deadline: Sendable {
    private let step: Step
    private let soft: Seconds
    private let timekeeper: any Timekeeper
    private let begun: Moment
    private let hard: Duration
    private let budget: (limit: Seconds, remaining: Duration)?
    private let end: Mutex<Duration>
    /// Whether the service answers well; none while a verification has not found out yet.
    private let answers: Mutex<Bool?>
    /// How long a verification may take to find out, beyond the outage budget.
    private static let firstLook = Duration.seconds(10)

    init(for step: Step, of run: Run, timekeeper: any Timekeeper) {
        let (soft, hard) = run.plan.limits.deadline(of: step)
        self.step = step
        self.soft = soft
        self.hard = hard.duration
        self.timekeeper = timekeeper
        begun = timekeeper.now()
        end = Mutex(soft.duration)
        answers = Mutex(step == .verify ? nil : false)
        if let limit = run.plan.limits.outageBudget,
            let remaining = run.remainingOutage(at: begun), step != .stop
        {
            budget = (limit, max(remaining, .zero))
        } else {
            budget = nil
        }
    }

    /// Gives the step its whole time again, up to the hard limit.
    func extend() {
        let elapsed = timekeeper.now().duration(since: begun)
        end.withLock { $0 = min(max($0, elapsed + soft.duration), hard) }
    }

    /// While the service answers well, it is not away.
    func noteAnswering(_ isGood: Bool) { answers.withLock { $0 = isGood } }

    enum Ending: Sendable {
        case finished(Attempt)
        case expired(Failure)
        case stopped
    }

    /// Runs `work` until it is done, out of time, or to be interrupted; then waits for it to end.
    func enforce(
        _ stopRequest: StopRequest, on step: Step,
        work: @escaping @Sendable () async -> Attempt
    ) async -> Ending {
        await withTaskGroup(of: Ending.self) { group in
            group.addTask { .finished(await work()) }
            group.addTask { await self.watch(stopRequest) }
            guard let first = await group.next() else { return .stopped }
            group.cancelAll()
            switch first {
            case .finished:
                return first
            case .expired(let failure):
                return await self.settle(group.next(), expired: failure)
            case .stopped:
                // What had been done by then is done.
                if case .finished(.done(let receipt, let adopted))? = await group.next() {
                    return .finished(.done(receipt, adopted: adopted))
                }
                return .stopped
            }
        }
    }

    /// An answer that came with the deadline is an answer; a failure says more than the clock.
    private func settle(_ last: Ending?, expired: Failure) -> Ending {
        switch last {
        case .finished(.done(let receipt, let adopted)):
            return .finished(.done(receipt, adopted: adopted))
        case .finished(.failed(let failure)):
            return .expired(
                Failure(
                    code: expired.code, message: "\(expired.message): \(failure.message)",
                    advice: expired.advice, excerpt: failure.excerpt, isPermanent: true))
        default:
            return .expired(expired)
        }
    }

    private func spentBudget(after elapsed: Duration) -> Failure? {
        guard let budget else { return nil }
        let isSpent =
            switch answers.withLock({ $0 }) {
            case true?: false
            case false?: elapsed >= budget.remaining
            case nil: elapsed >= budget.remaining + Self.firstLook
            }
        return isSpent ? .outageBudgetSpent(budget.limit) : nil
    }

    private func watch(_ stopRequest: StopRequest) async -> Ending {
        while true {
            if stopRequest.ends(step) { return .stopped }
            let elapsed = timekeeper.now().duration(since: begun)
            if let spent = spentBudget(after: elapsed) { return .expired(spent) }
            if elapsed >= end.withLock({ $0 }) { return .expired(.tooLate(step, elapsed)) }
            do { try await timekeeper.sleep(for: .milliseconds(100)) } catch { return .stopped }
        }
    }
}

extension Failure {
    fileprivate static func tooLate(_ step: Step, _ elapsed: Duration) -> Failure {
        Failure(
            code: "deadline",
            message: "\(step.rawValue) was not done after \(elapsed.components.seconds) s",
            advice: "find out what it waits for, or plan more time under limits in pawl.yaml",
            isPermanent: true)
    }
}
