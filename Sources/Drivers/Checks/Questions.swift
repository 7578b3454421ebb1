internal import UpgradeMachine

/// The plan's checks, made ready to be asked: each by its index among them.
struct Questions {
    typealias Answered = (index: Int, answer: Answer)

    /// What a group of questions is answered from.
    enum Source { case status, log }

    /// Probes that are on their way at the same time.
    private static let probesAtOnce = 8

    private let runningIndices: [Int]
    /// By container, as the last look at the service found them.
    private var addresses: [String: String] = [:]
    private var running: RunningQuestion
    private var healthy: [(index: Int, question: HealthyQuestion)] = []
    private var release: [(index: Int, question: ReleaseQuestion)] = []
    private var logs: [(index: Int, question: LogQuestion)] = []
    private var probes: [(index: Int, question: HTTPQuestion)] = []
    private(set) var commands: [(index: Int, question: CommandQuestion)] = []
    private let pace: Verification.Pace

    init(
        _ checks: [Check], release: Release, step: Step, plan: Plan, pace: Verification.Pace,
        resolve: @escaping SecretResolver
    ) throws(Failure) {
        self.pace = pace
        runningIndices = checks.indices.filter { checks[$0].question == .running }
        // What serves already is verified as well, by a plan whose candidate it is.
        let isCandidate = step == .verify && plan.candidate != plan.current
        running = RunningQuestion(runtime: plan.runtime, isCandidate: isCandidate)
        let planned = Self.containers(of: plan.runtime)
        for (index, check) in checks.enumerated() {
            switch check.question {
            case .running:
                break
            case .healthy(let container):
                let question = HealthyQuestion(
                    container: container, isPlanned: planned.contains(container))
                healthy.append((index, question))
            case .release:
                self.release.append(
                    (index, ReleaseQuestion(release: release, runtime: plan.runtime)))
            case .log(let ready, let errors, let except):
                logs.append((index, try Self.log(ready, errors, except ?? [], in: check)))
            case .http(let probe):
                guard
                    let question = HTTPQuestion(
                        probe, version: release.version, deadline: pace.http, pace: pace.login,
                        resolve: resolve)
                else { throw .invalid(check, probe.expressions) }
                probes.append((index, question))
            case .command(let arguments):
                let question = CommandQuestion(
                    arguments, version: release.version,
                    tag: StepTag(upgrade: plan.upgrade, step: step),
                    outputLimitInBytes: plan.limits.capturedOutputInBytes, limit: pace.command)
                commands.append((index, question))
            }
        }
    }

    private static func containers(of runtime: Runtime) -> Set<String> {
        guard case .containers(let settings) = runtime else { return [] }
        return Set(settings.containers.map(\.name))
    }

    private static func log(
        _ ready: String?, _ errors: [String], _ except: [String], in check: Check
    ) throws(Failure) -> LogQuestion {
        func patterns(_ expressions: [String]) throws(Failure) -> [Pattern] {
            var patterns: [Pattern] = []
            for expression in expressions {
                guard let pattern = Pattern(expression) else { throw .invalid(check, expression) }
                patterns.append(pattern)
            }
            return patterns
        }
        return LogQuestion(
            ready: try patterns(ready.map { [$0] } ?? []).first, errors: try patterns(errors),
            except: try patterns(except))
    }
}

// MARK: - Asking

extension Questions {
    mutating func judge(_ status: ServiceStatus) -> [Answered] {
        let answer = running.judge(status)
        let found = status.parts.compactMap { part in part.address.map { (part.name, $0) } }
        addresses = Dictionary(found) { first, _ in first }
        if running.hasRestarted {
            for index in logs.indices { logs[index].question.beginAnew() }
        }
        return runningIndices.map { ($0, answer) }
            + healthy.map { ($0.index, $0.question.judge(status)) }
            + release.map { ($0.index, $0.question.judge(status)) }
    }

    mutating func judge(_ log: ServiceLog, excerptLimitInBytes: Int) async -> [Answered] {
        var answers: [Answered] = []
        for index in logs.indices {
            let answer = await logs[index].question.judge(
                log, excerptLimitInBytes: excerptLimitInBytes, searchLimit: pace.search)
            guard let answer else { break }
            answers.append((logs[index].index, answer))
        }
        return answers
    }

    /// Asks all probes at once, so that they are good at the same time.
    ///
    /// - Returns: Also where the task was asked to stop, what had been answered until then.
    func askProbes() async -> [Answered] {
        let limit = pace.search
        return await withTaskGroup(of: Answered?.self) { group in
            var answers: [Answered] = []
            for (position, (index, question)) in probes.enumerated() {
                if position >= Self.probesAtOnce, let answer = await group.next() ?? nil {
                    answers.append(answer)
                }
                let address = question.container.flatMap { addresses[$0] }
                group.addTask {
                    await question.ask(at: address, searchLimit: limit).map { (index, $0) }
                }
            }
            for await answer in group {
                if let answer { answers.append(answer) }
            }
            return answers.sorted { $0.index < $1.index }
        }
    }

    /// The answers of those that could not be asked, because the service could not be looked at.
    ///
    /// - Throws: `failure` itself, where another look cannot help.
    mutating func unanswered(
        _ source: Source, because failure: Failure
    ) throws(Failure) -> [Answered] {
        // A look that ends because the task was asked to stop tells nothing of the service.
        if Task.isCancelled { return [] }
        if failure.isPermanent { throw failure }
        if source == .status { addresses = [:] }
        let answer = Answer.notYet(saw: Plain.line(failure.message), excerpt: failure.excerpt)
        let indices =
            switch source {
            case .status: runningIndices + healthy.map(\.index) + release.map(\.index)
            case .log: logs.map(\.index)
            }
        return indices.map { ($0, answer) }
    }
}

extension HTTPProbe {
    /// For a message that says that one of them cannot be read.
    fileprivate var expressions: String {
        let location: [String] =
            switch version {
            case .pattern(let expression): [expression]
            case .jsonPointer(let pointer): [pointer]
            case nil: []
            }
        let texts = location + (contains.map { [$0] } ?? []) + (absent ?? [])
        return (texts + (login?.token.map { [$0.expression] } ?? [])).joined(separator: " or ")
    }
}

extension Failure {
    fileprivate static func invalid(_ check: Check, _ what: String) -> Failure {
        Failure(
            code: "check-invalid",
            message: "the check \(check.name) cannot be asked: \(what) cannot be read",
            advice: "correct the regular expression (Swift's syntax, much as PCRE's) or the "
                + "JSON pointer (RFC 6901) in the configuration, and plan anew",
            isPermanent: true)
    }
}
