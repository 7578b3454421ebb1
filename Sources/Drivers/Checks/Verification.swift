public import UpgradeMachine

/// Asks the plan's checks until all are good at the same time, and stay so.
///
/// It makes `verify` and `verifyPrevious` real. What runs is asked of a ``Service``, what it serves
/// by HTTP, and the rest by the user's own commands. All are asked again and again, at first after
/// 50 ms and then ever less often, down to once a second, until they have been good for the plan's
/// `steadyFor`; whether a part has been restarted or has gone is always watched, asked for or not.
/// Commands are asked only when everything else is good.
///
/// It has no deadline of its own: the runner ends it, by asking its task to stop, and is then told
/// which checks were not good and what they saw (`check-failed`). What no waiting can make good
/// ends it at once, for good: a part that exited and that nothing starts again, or that crashes
/// again and again, a line of the log that is an error, another release than the plan's (by digest
/// at once, by version when it was said for three seconds).
public struct Verification: Driver {
    private let service: any Service
    private let pace: Pace
    private let resolve: SecretResolver

    /// - Parameter service: The application whose checks are asked.
    public init(service: any Service) {
        self.init(service: service, pace: Pace())
    }

    init(
        service: any Service, pace: Pace,
        resolve: @escaping SecretResolver = {
            (reference) async throws(Failure) in try await Secrets().resolve(reference)
        }
    ) {
        self.service = service
        self.pace = pace
        self.resolve = resolve
    }

    /// How long it rests between two rounds, and how long one question may take.
    struct Pace: Sendable {
        var firstRest = Duration.milliseconds(50)
        var longestRest = Duration.seconds(1)
        /// A rest after a look at the service is as long as the look was, up to this.
        var longestLookRest = Duration.seconds(10)
        var http = HTTPQuestion.deadline
        var login = HTTPQuestion.LoginPace()
        var command = CommandQuestion.limit
        var search = Pattern.searchLimit

        /// A sixteenth of the time so far: what became good is seen hardly later than it did.
        func rest(after elapsed: Duration) -> Duration {
            min(max(elapsed / 16, firstRest), longestRest)
        }
    }

    /// Ends the checks' commands that a dead Pawl left running, found by their tag.
    public func endLeftovers(of effect: Effect, in context: Context) async throws(Failure) {
        try await StepTag(upgrade: context.plan.upgrade, step: effect.step).endAll()
    }

    /// Answers absent, always.
    ///
    /// A check is a question and leaves nothing in the world that could be found. What was good
    /// before a crash need not be good after it, so the questions are asked again.
    public func observe(
        _ effect: Effect, in context: Context
    ) async throws(Failure) -> Observation { .absent }

    /// Asks until the verdict is known; ends when it is good.
    ///
    /// - Throws: `check-failed` (see the type), `check-invalid` where a check of the plan cannot be
    ///   asked at all.
    public func perform(_ effect: Effect, in context: Context) async throws(Failure) -> Receipt {
        switch effect {
        case .verify(let release):
            let result = try await result(for: release, effect.step, context)
            return .verified(
                results: result.checks, goodForMilliseconds: result.goodFor.wholeMilliseconds)
        case .verifyPrevious(let release):
            let result = try await result(for: release, effect.step, context)
            return .previousVerified(
                results: result.checks, goodForMilliseconds: result.goodFor.wholeMilliseconds)
        default:
            throw Failure(
                code: "not-a-verification", message: "\(effect.step.rawValue) asked of the checks",
                advice: "this is a defect of Pawl: please report it", isPermanent: true)
        }
    }

    /// Ends what ``endLeftovers(of:in:)`` ends; questions leave nothing else behind.
    public func clear(_ effect: Effect, in context: Context) async throws(Failure) {
        try await endLeftovers(of: effect, in: context)
    }

    private func result(
        for release: Release, _ step: Step, _ context: Context
    ) async throws(Failure) -> Examination.Result {
        var examination = try examination(of: release, step, context)
        return try await examination.result()
    }

    private func examination(
        of release: Release, _ step: Step, _ context: Context
    ) throws(Failure) -> Examination {
        try Examination(
            release: release, step: step, service: service, context: context, pace: pace,
            resolve: resolve)
    }
}

extension Verification {
    /// What one check came to, for somebody who asks beside an upgrade.
    public struct Answered: Hashable, Sendable {
        public let check: String
        public let isGood: Bool
        /// None where it was not asked before the time was up.
        public let saw: String?
    }

    /// Asks the checks of what serves, as ``perform(_:in:)`` does, and tells of every one.
    ///
    /// - Returns: The plan's checks in its order, then what always has to hold where that is not
    ///   good; and why they were not good together, where they were not.
    /// - Throws: As ``perform(_:in:)``, except for `check-failed`, which is an answer here.
    public func answers(
        for release: Release, in context: Context
    ) async throws(Failure) -> (checks: [Answered], failure: Failure?) {
        var examination = try examination(of: release, .verify, context)
        do throws(Failure) {
            _ = try await examination.result()
            return (examination.answers, nil)
        } catch {
            guard error.code == "check-failed" else { throw error }
            return (examination.answers, error)
        }
    }
}

extension Duration {
    fileprivate var wholeMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
