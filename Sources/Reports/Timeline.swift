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
    /// From the first event to the last.
    public let whole: Span
    public let reboots: [Reboot]
    /// The last event.
    public let last: Event

    /// One step from its intent to its outcome.
    public struct StepSpan: Sendable {
        public let effect: Effect
        public var span: Span
        public var outcome: Outcome = .open
        public var failedAttempts: [Failure] = []

        public var began: Moment { span.began.moment }
        public var beganSequence: Int { span.began.sequence }
        public var duration: Duration? { span.duration }

        public enum Outcome: Sendable {
            case open
            case done(Receipt, adopted: Bool)
            case failed(Failure)
            case withdrawn(Failure)
            case undetermined(Failure)
        }
    }

    /// A point in time with something to say.
    public struct Mark: Sendable {
        public enum Kind: String, Sendable {
            case planned, resumed, rebooted, replaced, paused, decided, turned, halted, noted
        }

        public let kind: Kind
        public let moment: Moment
        public let sequence: Int
        public let text: String
    }

    /// An event's place in time, counted from the upgrade's first.
    public struct Point: Sendable {
        public let moment: Moment
        public let sequence: Int
        /// Within a boot by its monotonic clock, across a reboot by the wall clock.
        let elapsed: Duration
        /// Reboots before it across which the wall clock went back, so that nobody knows how long
        /// they took.
        let untoldReboots: Int
    }

    /// A stretch of time; without an end it goes on.
    public struct Span: Sendable {
        public let began: Point
        public var ended: Point?

        public var duration: Duration? { ended.map { max(.zero, $0.elapsed - began.elapsed) } }

        /// Whether it holds a reboot of unknown length, which its duration leaves out.
        public var isUntold: Bool { ended.map { $0.untoldReboots > began.untoldReboots } ?? false }
    }

    /// The host was restarted between two events.
    public struct Reboot: Sendable {
        /// The last event before it.
        public let before: Point
        /// The first event after it.
        public let after: Point
        /// Whether somebody was at work; otherwise the upgrade waited, and its host with it.
        public let isInterruption: Bool

        /// From the last word before to the first one after; none where the clock went back.
        public var awayAtMost: Duration? {
            after.untoldReboots > before.untoldReboots ? nil : after.elapsed - before.elapsed
        }
    }

    /// How long the service was away in all; none while it is away.
    public var outage: Duration? {
        outages.reduce(.zero as Duration?) { sum, span in
            guard let sum, let duration = span.duration else { return nil }
            return sum + duration
        }
    }

    /// Why the last run ended where it can go on; none where it did not say.
    public var pause: Failure? { if case .paused(let cause) = last { cause } else { nil } }

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
        reboots = folding.reboots
        whole = Span(began: Point(first), ended: folding.now)
        self.last = last.event
    }
}

extension Timeline.Point {
    fileprivate init(_ first: LogEntry) {
        self.init(
            moment: first.moment, sequence: first.sequence, elapsed: .zero, untoldReboots: 0)
    }

    /// The next event's place.
    fileprivate func followed(by entry: LogEntry) -> Timeline.Point {
        let wentBack =
            entry.moment.bootID != moment.bootID
            && entry.moment.wallMilliseconds < moment.wallMilliseconds
        return Timeline.Point(
            moment: entry.moment, sequence: entry.sequence,
            elapsed: elapsed + entry.moment.duration(since: moment),
            untoldReboots: untoldReboots + (wentBack ? 1 : 0))
    }

    /// The same event, had it happened so much earlier.
    fileprivate func earlier(byMilliseconds milliseconds: Int64) -> Timeline.Point {
        Timeline.Point(
            moment: moment, sequence: sequence, elapsed: elapsed - .milliseconds(milliseconds),
            untoldReboots: untoldReboots)
    }
}

/// A timeline in the making.
private struct Folding {
    var run: Run
    var steps: [Timeline.StepSpan] = []
    var marks: [Timeline.Mark] = []
    var outages: [Timeline.Span] = []
    var fenced: [Timeline.Span] = []
    var reboots: [Timeline.Reboot] = []
    private(set) var now: Timeline.Point
    private var last: LogEntry
    /// Once: a halt on the way back that is decided goes on with the same way back.
    private var hasTurned = false

    init(plan: Plan, first: LogEntry) {
        run = Run(plan)
        last = first
        now = Timeline.Point(first)
    }

    mutating func add(_ entry: LogEntry) throws(IllegalEvent) {
        follow(entry)
        if case .planned = entry.event {
            mark(.planned, entry, run.plan.brief)
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

    /// Goes on to the next event's time, host and program.
    private mutating func follow(_ entry: LogEntry) {
        guard entry.sequence != last.sequence else { return }
        let before = now
        now = now.followed(by: entry)
        if entry.moment.bootID != last.moment.bootID {
            let reboot = Timeline.Reboot(
                before: before, after: now,
                isInterruption: run.nextAction(at: last.moment) != .rest
                    && !last.event.isPauseByPerson)
            reboots.append(reboot)
            mark(.rebooted, entry, reboot.words)
        }
        if entry.tool != last.tool {
            mark(.replaced, entry, "Pawl \(last.tool.words) was replaced by \(entry.tool.words)")
        }
        last = entry
    }

    private mutating func addStep(_ entry: LogEntry) {
        switch entry.event {
        case .began(let effect): steps.append(.init(effect: effect, span: .init(began: now)))
        case .attemptFailed(_, let failure): update { $0.failedAttempts.append(failure) }
        case .done(let receipt, let adopted): end(.done(receipt, adopted: adopted))
        case .failed(_, let failure): end(.failed(failure))
        case .withdrawn(_, let cause): end(.withdrawn(cause))
        default: break
        }
    }

    private mutating func addMark(_ entry: LogEntry) {
        switch entry.event {
        case .halted(let cause):
            if case .open? = steps.last?.outcome { end(.undetermined(cause)) }
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
            endFence()
            fenced.append(.init(began: now))
        case .done(.fenceLifted, _), .paused, .halted:
            endFence()
        default: break
        }
        let isAway = outages.last.map { $0.ended == nil } ?? false
        if run.outageBegan != nil, !isAway {
            outages.append(.init(began: now))
        } else if run.outageBegan == nil, isAway {
            outages[outages.count - 1].ended = now.earlier(
                byMilliseconds: entry.event.goodForMilliseconds)
        }
    }

    private mutating func endFence() {
        guard let last = fenced.indices.last, fenced[last].ended == nil else { return }
        fenced[last].ended = now
    }

    private mutating func mark(_ kind: Timeline.Mark.Kind, _ entry: LogEntry, _ text: String) {
        marks.append(
            .init(kind: kind, moment: entry.moment, sequence: entry.sequence, text: text))
    }

    private mutating func end(_ outcome: Timeline.StepSpan.Outcome) {
        update { [now] in
            $0.span.ended = now
            $0.outcome = outcome
        }
    }

    private mutating func update(_ change: (inout Timeline.StepSpan) -> Void) {
        guard !steps.isEmpty else { return }
        change(&steps[steps.count - 1])
    }
}

extension Plan {
    fileprivate var brief: String {
        if let operation { return "\(operation.name) of \(instance)" }
        return "\(current.version) → \(candidate.version)"
    }
}

extension Event {
    /// For how long the checks that this outcome reports on had been good by then.
    fileprivate var goodForMilliseconds: Int64 {
        switch self {
        case .done(.verified(_, let milliseconds), _),
            .done(.previousVerified(_, let milliseconds), _):
            milliseconds
        default: 0
        }
    }
}
