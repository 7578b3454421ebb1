public import UpgradeMachine

/// An upgrade as JSON shows it; a type of its own, so that the machine's types may change.
public struct UpgradeReport: Sendable, Codable {
    /// Names this shape; a change that breaks a reader gets a new number.
    public var format = "pawl.upgrade/1"
    public let upgrade: String
    public let instance: String
    /// What was done instead of an upgrade, as `backup`; none for an upgrade.
    public let operation: String?
    public let from: String
    public let to: String
    public let state: StateName
    /// `verified`, `rolledBack`, `halted`; of an operation `operated` or `failed`; none while it
    /// goes on.
    public let verdict: StateName?
    public let cause: Cause?
    /// Why it waits where it could go on; with the code `shut-down` it goes on by itself after a
    /// boot (`pawl resume --all`), with any other only when a person says so.
    public let pause: Cause?
    public let openStep: String?
    public let nextStep: String?
    /// Commands that go on from here, the safest first.
    public let decisions: [Decision]
    public let backup: String?
    /// An upper bound; none where the service was not away or still is, or where a clock that was
    /// set back across a reboot hides it.
    public let outageMilliseconds: Int64?
    /// Who works on it now, as people read it.
    public let heldBy: String?
    public let steps: [StepReport]
    /// What happened beside the steps, such as take-overs, reboots and decisions.
    public let marks: [MarkReport]
    public let reboots: [RebootReport]
    public let planDigest: String
    public let firstSequence: Int
    public let lastSequence: Int

    public struct Cause: Sendable, Codable {
        public let code: String
        public let message: String
        public let advice: String
    }

    public struct Decision: Sendable, Codable {
        public let command: [String]
        public let meaning: String
    }

    public struct StepReport: Sendable, Codable {
        public let step: String
        public let outcome: String
        public let detail: String
        public let failedAttempts: Int
        public let beganMilliseconds: Int64
        public let durationMilliseconds: Int64?
        public let sequence: Int
    }

    public struct MarkReport: Sendable, Codable {
        public let kind: String
        public let text: String
        public let milliseconds: Int64
        public let sequence: Int
    }

    /// The host was restarted between two events.
    public struct RebootReport: Sendable, Codable {
        public let lastSequenceBefore: Int
        public let firstSequenceAfter: Int
        /// None where the clock went back across it.
        public let awayAtMostMilliseconds: Int64?
    }

    public init(_ timeline: Timeline, in place: Surroundings) {
        let run = timeline.run
        upgrade = timeline.upgrade
        instance = timeline.plan.instance
        operation = timeline.plan.operation?.name
        from = timeline.plan.current.version
        to = timeline.plan.candidate.version
        state = run.upgrade.name
        verdict = run.upgrade.verdict
        cause = run.upgrade.cause.map(Cause.init)
        pause = timeline.pause.map(Cause.init)
        openStep = run.open?.step.rawValue
        nextStep = (run.open ?? run.upgrade.nextEffect)?.step.rawValue
        decisions = Self.decisions(for: run.upgrade, place)
        backup = run.upgrade.backup?.path
        let isUntold = timeline.outages.contains { $0.isUntold }
        outageMilliseconds =
            timeline.outages.isEmpty || isUntold ? nil : timeline.outage?.wholeMilliseconds
        heldBy = place.heldBy
        steps = timeline.steps.map(StepReport.init)
        marks = timeline.marks.map {
            MarkReport(
                kind: $0.kind.rawValue, text: $0.text,
                milliseconds: $0.moment.wallMilliseconds, sequence: $0.sequence)
        }
        reboots = timeline.reboots.map {
            RebootReport(
                lastSequenceBefore: $0.before.sequence, firstSequenceAfter: $0.after.sequence,
                awayAtMostMilliseconds: $0.awayAtMost?.wholeMilliseconds)
        }
        planDigest = timeline.planDigest
        firstSequence = timeline.firstSequence
        lastSequence = timeline.lastSequence
    }

    private static func decisions(for upgrade: Upgrade, _ place: Surroundings) -> [Decision] {
        let goOn = Decision(command: place.typed(["resume"]), meaning: "go on where it stopped")
        let goBack = Decision(
            command: place.typed(Halted.Decision.rollBack.arguments),
            meaning: "give up, and put back what was before")
        switch upgrade {
        case .halted(let halt):
            return halt.decisions.map {
                Decision(command: place.typed($0.arguments), meaning: halt.meaning(of: $0))
            }
        case .verified where upgrade.nextEffect == nil: return [goBack]
        case .rolledBack, .operated, .failed: return []
        case .rollingBack, .verified: return [goOn]
        default: return [goOn, goBack]
        }
    }
}

extension UpgradeReport.Cause {
    init(_ failure: Failure) {
        self.init(code: failure.code, message: failure.message, advice: failure.advice)
    }
}

extension UpgradeReport.StepReport {
    init(_ span: Timeline.StepSpan) {
        step = span.effect.step.rawValue
        failedAttempts = span.failedAttempts.count
        beganMilliseconds = span.began.wallMilliseconds
        durationMilliseconds = span.duration?.wholeMilliseconds
        sequence = span.beganSequence
        switch span.outcome {
        case .open: (outcome, detail) = ("open", "")
        case .done(let receipt, let adopted):
            (outcome, detail) = (adopted ? "adopted" : "done", span.effect.detail(of: receipt))
        case .failed(let failure): (outcome, detail) = ("failed", failure.message)
        case .withdrawn(let failure): (outcome, detail) = ("withdrawn", failure.message)
        case .undetermined(let failure): (outcome, detail) = ("undetermined", failure.message)
        }
    }
}

extension Upgrade {
    /// The state where it is an end or a halt.
    public var verdict: StateName? {
        switch self {
        case .verified, .rolledBack, .halted, .operated, .failed: name
        default: nil
        }
    }

    /// Why it turned around or halted.
    public var cause: Failure? {
        switch self {
        case .rollingBack(let state): state.cause
        case .rolledBack(let state): state.cause
        case .halted(let state): state.cause
        case .failed(let state): state.cause
        default: nil
        }
    }
}

extension Duration {
    /// Rounded down.
    public var wholeMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}

/// Where every instance stands, as JSON.
public struct StatusReport: Sendable, Codable {
    public var format = "pawl.status/1"
    /// Each instance's newest upgrade, and after it what was worked on last where that is an
    /// operation; or all of both where they were asked for, oldest first.
    public let upgrades: [UpgradeReport]

    public init(_ upgrades: [UpgradeReport]) { self.upgrades = upgrades }
}
