internal import UpgradeMachine

/// One verification from its first question to its verdict.
struct Examination {
    private let release: Release
    private let step: Step
    private let service: any Service
    private let context: Context
    private let pace: Verification.Pace

    private var questions: Questions
    private var judgement: Judgement
    /// The plan's checks come first; one for what must always run may follow.
    private let plannedCount: Int
    private var newestLines: [String] = []
    private var logSizeInBytes: Int?
    private var isSteady = false
    /// How long the last look at the service took.
    private var lookDuration = Duration.zero

    init(
        release: Release, step: Step, service: any Service, context: Context,
        pace: Verification.Pace, resolve: @escaping SecretResolver
    ) throws(Failure) {
        self.release = release
        self.step = step
        self.service = service
        self.context = context
        self.pace = pace
        let plan = context.plan
        plannedCount = plan.checks.count
        // Whatever else is asked: what does not run, or is started anew meanwhile, is not good.
        let implied =
            plan.checks.contains { $0.question == .running }
            ? [] : [Check(name: "running", question: .running)]
        let checks = plan.checks + implied
        questions = try Questions(
            checks, release: release, step: step, plan: plan, pace: pace, resolve: resolve)
        judgement = Judgement(checks, steadyFor: plan.steadyFor.duration)
    }

    /// What the checks saw at last, and for how long all of them had been good by then.
    struct Result {
        let checks: [CheckResult]
        let goodFor: Duration
    }

    mutating func result() async throws(Failure) -> Result {
        let first = ContinuousClock.now
        while !Task.isCancelled {
            let began = ContinuousClock.now
            try await askAll()
            let ended = ContinuousClock.now
            // What was answered while everything was being stopped proves nothing.
            if Task.isCancelled { break }
            // A long log is dear to read: the engine is to have as long a rest from it.
            var wait = max(
                pace.rest(after: ended - first), min(lookDuration, pace.longestLookRest))
            switch judgement.verdict(began: began, ended: ended) {
            case .good: return Result(checks: planned, goodFor: goodFor)
            case .hopeless: throw failure(isPermanent: true)
            case .askAgain:
                isSteady = false
                context.report(.answering(false))
            case .steadyUntil(let instant):
                noteSteady()
                // Never after the end of the time, where one more round decides.
                wait = min(wait, max(.zero, instant - ended))
            }
            // Stopped in its sleep, it ends the loop.
            try? await Task.sleep(for: wait)
        }
        throw failure(isPermanent: false)
    }

    private var goodFor: Duration {
        judgement.goodSince.map { ContinuousClock.now - $0 } ?? .zero
    }

    private var planned: [CheckResult] {
        (0..<plannedCount).compactMap { index in
            judgement.answer(index).map {
                CheckResult(check: judgement.checks[index].name, saw: $0.saw)
            }
        }
    }

    /// What each check came to by now; one that the plan does not ask for only where it is not good.
    var answers: [Verification.Answered] {
        judgement.checks.indices.compactMap { index in
            let answer = judgement.answer(index)
            let isGood = answer?.isGood == true
            guard index < plannedCount || !isGood else { return nil }
            return Verification.Answered(
                check: judgement.checks[index].name, isGood: isGood, saw: answer?.saw)
        }
    }

    private mutating func noteSteady() {
        guard !isSteady else { return }
        isSteady = true
        context.report(.answering(true))
        let time = context.plan.steadyFor.count
        context.report(.note("all checks are good, and have to stay so for \(time) s"))
    }
}

// MARK: - One round

extension Examination {
    private mutating func askAll() async throws(Failure) {
        let began = ContinuousClock.now
        take(try await lookAtService())
        if Task.isCancelled { return }
        take(try await lookAtLog())
        lookDuration = ContinuousClock.now - began
        if Task.isCancelled { return }
        take(await questions.askProbes())
        await askCommands()
    }

    private mutating func lookAtService() async throws(Failure) -> [Questions.Answered] {
        do throws(Failure) {
            return questions.judge(try await service.status(in: context))
        } catch {
            return try questions.unanswered(.status, because: error)
        }
    }

    private mutating func lookAtLog() async throws(Failure) -> [Questions.Answered] {
        let limit = LogQuestion.readLimitInBytes
        do throws(Failure) {
            let log = try await service.log(in: context, limitInBytes: limit)
            noteGrowth(of: log)
            return await questions.judge(
                log, excerptLimitInBytes: context.plan.limits.capturedOutputInBytes)
        } catch {
            return try questions.unanswered(.log, because: error)
        }
    }

    /// A migration that still writes is alive, which may extend the step's deadline.
    private mutating func noteGrowth(of log: ServiceLog) {
        newestLines = log.lines
        defer { logSizeInBytes = log.sizeInBytes }
        guard let before = logSizeInBytes, log.sizeInBytes > before else { return }
        context.report(.working(Plain.line(log.lines.last ?? "")))
    }

    /// A command may be dear, or count log-ins, so it waits until the rest is good.
    private mutating func askCommands() async {
        let commands = questions.commands
        let indices = Set(commands.map(\.index))
        let isRestGood = judgement.checks.indices.allSatisfy {
            indices.contains($0) || judgement.answer($0)?.isGood == true
        }
        for (index, question) in commands {
            if Task.isCancelled { return }
            let answer = judgement.answer(index)
            if isRestGood {
                guard let answer = await question.ask() else { return }
                take([(index, answer)])
            } else if answer == nil || answer?.isGood == true {
                take([(index, .notYet(saw: "not asked: it waits for the other checks"))])
            }
        }
    }

    private mutating func take(_ answers: [Questions.Answered]) {
        let now = ContinuousClock.now
        for (index, answer) in answers {
            guard judgement.take(answer, of: index, at: now) else { continue }
            let name = judgement.checks[index].name
            context.report(.note("\(name): \(answer.isGood ? "good: " : "")\(answer.saw)"))
        }
    }
}

// MARK: - What went wrong

extension Examination {
    private func failure(isPermanent: Bool) -> Failure {
        let bad = judgement.bad
        let excerpt =
            bad.lazy.compactMap { $0.answer?.excerpt }.first
            ?? Plain.newest(
                of: newestLines, limitInBytes: context.plan.limits.capturedOutputInBytes)
        return Failure(
            code: "check-failed", message: message(bad, isPermanent), advice: advice(isPermanent),
            excerpt: excerpt, isPermanent: isPermanent)
    }

    private func message(_ bad: [(check: String, answer: Answer?)], _ isPermanent: Bool) -> String {
        let what = "\(release.version) does not pass"
        guard !bad.isEmpty else {
            let time = context.plan.steadyFor.count
            let last = judgement.lastBad.map { "; the last that was not: \($0.check): \($0.saw)" }
            return "\(what): all checks were good, but not yet for \(time) s on end\(last ?? "")"
        }
        func list(_ some: [(check: String, answer: Answer?)]) -> String {
            some.map { "\($0.check): \($0.answer?.saw ?? "no answer yet")" }
                .joined(separator: "; ")
        }
        guard isPermanent else {
            let count = "\(bad.count) of \(judgement.checks.count) checks not good"
            return "\(what): \(count) when the time was up: \(list(bad))"
        }
        let open = bad.filter { $0.answer?.isHopeless != true }
        let firm = list(bad.filter { $0.answer?.isHopeless == true })
        return "\(what): no waiting mends this: \(firm)"
            + (open.isEmpty ? "" : " (not good yet: \(list(open)))")
    }

    private func advice(_ isPermanent: Bool) -> String {
        let look = "read the excerpt in `pawl timeline`, and the application's log"
        let previous = step == .verifyPrevious
        switch (isPermanent, previous) {
        case (true, false): return "\(look); mend the release or the check before another upgrade"
        case (false, false):
            return "\(look); where it only needed longer, allow the verification more time"
        case (_, true):
            return "the former release was started again: \(look); `pawl verify` asks once more"
        }
    }
}
