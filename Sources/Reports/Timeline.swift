public import UpgradeMachine

/// What happened in one upgrade, folded from its log entries and nothing else.
///
/// Every statement carries the sequence number of the event that it comes from.
public struct Timeline: Sendable {
    public let upgrade: String
    public let plan: Plan
    public let planDigest: String
    public let actor: String
    public let host: String
    public let steps: [StepSpan]
    /// What happened beside the steps: take-overs, reboots, pauses, decisions, the turn-around.
    public let marks: [Mark]
    public let run: Run
    public let began: Moment
    public let ended: Moment
    public let firstSequence: Int
    public let lastSequence: Int
    /// From the intent to stop until all checks of the release that then served were good; a second
    /// one where a person went back after that.
    public let outages: [Span]
    /// While the database refused writes for the upgrade's sake.
    public let fenced: [Span]

    /// One step from its intent to its outcome.
    public struct StepSpan: Sendable {
        public let effect: Effect
        public let began: Moment
        public let beganSequence: Int
        public var ended: Moment?
        public var endedSequence: Int?
        public var outcome: Outcome = .open
        public var failedAttempts: [Failure] = []

        public enum Outcome: Sendable {
            case open
            case done(Receipt, adopted: Bool)
            case failed(Failure)
            case withdrawn(Failure)
            case undetermined(Failure)
        }

        public var duration: Duration? { ended?.duration(since: began) }
    }

    /// A point in time with something to say.
    public struct Mark: Sendable {
        public enum Kind: String, Sendable {
            case planned, resumed, rebooted, paused, decided, turned, halted, noted
        }

        public let kind: Kind
        public let moment: Moment
        public let sequence: Int
        public let text: String
    }

    /// A stretch of time; without an end it goes on.
    public struct Span: Sendable {
        public let began: Moment
        public let beganSequence: Int
        public var ended: Moment?
        public var endedSequence: Int?

        public var duration: Duration? { ended?.duration(since: began) }
    }

    /// How long the service was away in all; none while it is away.
    public var outage: Duration? {
        outages.reduce(.zero as Duration?) { sum, span in
            guard let sum, let duration = span.duration else { return nil }
            return sum + duration
        }
    }

    /// Whether the run was left in an orderly way, which lifts the fence.
    var isLeft: Bool {
        guard let mark = marks.last, mark.sequence == lastSequence else { return false }
        return mark.kind == .paused || mark.kind == .halted
    }

    /// - Parameter entries: One stream from its plan on, in order.
    /// - Throws: ``IllegalEvent`` where they are not a possible history.
    /// - Returns: None where there is no plan to begin with.
    public init?(_ entries: [LogEntry]) throws(IllegalEvent) {
        guard let first = entries.first, let last = entries.last,
            case .planned(let plan) = first.event
        else { return nil }
        var folding = Folding(plan: plan, first: first)
        for entry in entries { try folding.add(entry) }
        upgrade = first.stream
        self.plan = plan
        planDigest = first.planDigest
        actor = first.actor
        host = first.host
        steps = folding.steps
        marks = folding.marks
        run = folding.run
        began = first.moment
        ended = last.moment
        firstSequence = first.sequence
        lastSequence = last.sequence
        outages = folding.outages
        fenced = folding.fenced
    }
}

/// A timeline in the making.
private struct Folding {
    var run: Run
    var steps: [Timeline.StepSpan] = []
    var marks: [Timeline.Mark] = []
    var outages: [Timeline.Span] = []
    var fenced: [Timeline.Span] = []
    private var last: Moment
    /// Once: a halt on the way back that is decided goes on with the same way back.
    private var hasTurned = false

    init(plan: Plan, first: LogEntry) {
        run = Run(plan)
        last = first.moment
    }

    mutating func add(_ entry: LogEntry) throws(IllegalEvent) {
        if entry.moment.bootID != last.bootID {
            let away = entry.moment.duration(since: last)
            mark(.rebooted, entry, "the host was started anew, after \(away.brief) without a word")
        }
        last = entry.moment
        if case .planned = entry.event {
            mark(.planned, entry, "\(run.plan.current.version) → \(run.plan.candidate.version)")
            return
        }
        run = try run.evolved(by: entry.event, at: entry.moment)
        switch entry.event {
        case .began, .attemptFailed, .done, .failed, .withdrawn: addStep(entry)
        default: addMark(entry)
        }
        if !hasTurned, run.upgrade.name == .rollingBack {
            hasTurned = true
            mark(.turned, entry, "from here on the way back")
        }
        followService(entry)
    }

    private mutating func addStep(_ entry: LogEntry) {
        switch entry.event {
        case .began(let effect):
            steps.append(
                .init(effect: effect, began: entry.moment, beganSequence: entry.sequence))
        case .attemptFailed(_, let failure): update { $0.failedAttempts.append(failure) }
        case .done(let receipt, let adopted): end(entry, .done(receipt, adopted: adopted))
        case .failed(_, let failure): end(entry, .failed(failure))
        case .withdrawn(_, let cause): end(entry, .withdrawn(cause))
        default: break
        }
    }

    private mutating func addMark(_ entry: LogEntry) {
        switch entry.event {
        case .halted(let cause):
            if case .open? = steps.last?.outcome { end(entry, .undetermined(cause)) }
            mark(.halted, entry, cause.message)
        case .resumed: mark(.resumed, entry, "taken over by \(entry.actor) on \(entry.host)")
        case .paused(let cause): mark(.paused, entry, cause.message)
        case .backupInvalidated: mark(.noted, entry, entry.event.brief)
        default: mark(.decided, entry, "\(entry.event.brief) (\(entry.actor))")
        }
    }

    private mutating func followService(_ entry: LogEntry) {
        switch entry.event {
        case .done(.fenceRaised, _):
            endFence(entry)
            fenced.append(.init(began: entry.moment, beganSequence: entry.sequence))
        case .done(.fenceLifted, _), .paused, .halted:
            endFence(entry)
        default: break
        }
        let isAway = outages.last.map { $0.ended == nil } ?? false
        if run.outageBegan != nil, !isAway {
            outages.append(.init(began: entry.moment, beganSequence: entry.sequence))
        } else if run.outageBegan == nil, isAway {
            outages[outages.count - 1].ended = entry.event.answeredAgain(at: entry.moment)
            outages[outages.count - 1].endedSequence = entry.sequence
        }
    }

    private mutating func endFence(_ entry: LogEntry) {
        guard let last = fenced.indices.last, fenced[last].ended == nil else { return }
        fenced[last].ended = entry.moment
        fenced[last].endedSequence = entry.sequence
    }

    private mutating func mark(_ kind: Timeline.Mark.Kind, _ entry: LogEntry, _ text: String) {
        marks.append(
            .init(kind: kind, moment: entry.moment, sequence: entry.sequence, text: text))
    }

    private mutating func end(_ entry: LogEntry, _ outcome: Timeline.StepSpan.Outcome) {
        update {
            $0.ended = entry.moment
            $0.endedSequence = entry.sequence
            $0.outcome = outcome
        }
    }

    private mutating func update(_ change: (inout Timeline.StepSpan) -> Void) {
        guard !steps.isEmpty else { return }
        change(&steps[steps.count - 1])
    }
}

extension Event {
    /// When the checks that this outcome reports on turned good; otherwise when it happened.
    fileprivate func answeredAgain(at moment: Moment) -> Moment {
        switch self {
        case .done(.verified(_, let milliseconds), _),
            .done(.previousVerified(_, let milliseconds), _):
            Moment(
                wallMilliseconds: moment.wallMilliseconds - milliseconds,
                monotonicNanoseconds: moment.monotonicNanoseconds - milliseconds * 1_000_000,
                bootID: moment.bootID)
        default: moment
        }
    }
}
