import UpgradeMachine

/// Where an upgrade stands, why, and what comes next, in a few lines.
public struct StatusText: Sendable {
    public let text: String

    public init(_ timeline: Timeline, in place: Surroundings) {
        let upgrade = timeline.run.upgrade
        var lines = [timeline.headline]
        if case .halted(let halt) = upgrade { lines += Self.need(halt) }
        lines += Self.service(timeline, place)
        lines += Self.data(upgrade)
        if upgrade.fence.mayStand, !timeline.isLeft {
            lines.append("Database:    may refuse writes until the upgrade goes on or back")
        }
        if let advice = upgrade.cause?.advice, advice != Self.nothing {
            lines.append("What to do:  \(advice)")
        }
        lines += Self.next(timeline, place)
        lines.append("Its story:   \(place.command("timeline", timeline.upgrade))")
        text = lines.joined(separator: "\n")
    }

    /// A cause's advice where a person has nothing to do.
    private static let nothing = "nothing to do"

    /// Newest lines of what a failed command said, which tell more than its exit status.
    private static let excerptLines = 3

    private static func need(_ halt: Halted) -> [String] {
        let said = halt.cause.excerpt?.split(separator: "\n").suffix(excerptLines) ?? []
        return ["A PERSON IS NEEDED: nothing goes on by itself, not after a reboot either."]
            + said.map { "             | \($0)" }
            + ["Stood at:    \(halt.resting.name.wording)"]
    }

    private static func service(_ timeline: Timeline, _ place: Surroundings) -> [String] {
        let plan = timeline.plan
        let serving: String? =
            switch timeline.run.upgrade.verdict {
            case .verified: plan.candidate.version
            case .rolledBack, .operated: plan.current.version
            default: nil
            }
        if let operation = plan.operation {
            guard timeline.run.upgrade.verdict == .operated else {
                return operation.isOfService ? outage(timeline, serving, place) : []
            }
            switch operation {
            case .pull, .backUp: return []
            case .stop: return ["Service:     is stopped; start it with: \(place.command("start"))"]
            case .start: return ["Service:     \(plan.current.version) serves"]
            case .restart, .restore: break
            }
        }
        return outage(timeline, serving, place)
    }

    private static func outage(
        _ timeline: Timeline, _ serving: String?, _ place: Surroundings
    ) -> [String] {
        guard let last = timeline.outages.last else {
            guard timeline.plan.operation == nil else { return [] }
            return ["Service:     \(serving ?? timeline.plan.current.version) was not touched"]
        }
        guard let duration = timeline.outage else {
            let since = "Service:     AWAY since \(place.clock(last.began.moment.wallMilliseconds))"
            let isCut = timeline.pause == nil && timeline.isBeforeReboot(place)
            return [isCut ? since + ", unless the host's restart has started it again" : since]
        }
        let serves = serving.map { "\($0) serves; it " } ?? ""
        let untold = timeline.outages.contains { $0.isUntold }
        return [
            "Service:     \(serves)was away for at most \(duration.brief)"
                + (untold ? Timeline.untoldWords : "")
        ]
    }

    private static func data(_ upgrade: Upgrade) -> [String] {
        switch upgrade {
        case .rolledBack(let end):
            guard end.backup != nil else { return ["Data:        was not touched"] }
            let whose = end.plan.operation == nil ? "the new release made of it" : "was there then"
            let saved = end.saved.map { "             what \(whose): \($0.path)" }
            let before = end.plan.operation == nil ? "before the start" : "before"
            return ["Data:        put back as it was \(before)"] + (saved.map { [$0] } ?? [])
        case .operated(let end):
            guard case .restore(let source) = end.operation else {
                return end.backup.map { ["Backup:      \($0.path)"] } ?? []
            }
            return ["Data:        is that of \(source.path)"]
                + (end.backup.map { ["             what was there before: \($0.path)"] } ?? [])
        case .operating:
            return upgrade.backup.map { ["Saved:       \($0.path)"] } ?? []
        default:
            return upgrade.backup.map { ["Backup:      \($0.path)"] } ?? []
        }
    }

    private static func next(_ timeline: Timeline, _ place: Surroundings) -> [String] {
        let run = timeline.run
        let doing = (run.open ?? run.upgrade.nextEffect)?.step.doing(in: run.plan)
        if let holder = place.heldBy, let doing {
            return ["At work:     \(holder)", "Now:         \(doing)"]
        }
        let goBack = place.command("rollback", "--reason", "WHY")
        switch run.upgrade {
        case .failed(let end) where end.operation.startsAgain:
            return ["Start it with: \(place.command("start"))"]
        case .rolledBack, .operated, .failed:
            return []
        case .verified(let state) where doing == nil:
            let left: [String] =
                if case .failed(let failure) = state.tidying {
                    ["Left over:   \(failure.message)"]
                } else {
                    []
                }
            return left + ["Go back with: \(goBack)"]
        case .halted(let halt):
            return halted(halt, place)
        default:
            let doubt = run.open == nil ? "" : " (begun; whether it was done will be looked at)"
            let goOn = [
                interruption(timeline, place),
                "Next:        \(doing ?? "")\(doubt)", "Go on with:  \(place.command("resume"))",
            ]
            if case .rollingBack = run.upgrade { return goOn }
            return goOn + ["Go back with: \(goBack)"]
        }
    }

    /// Why nobody works on it.
    private static func interruption(_ timeline: Timeline, _ place: Surroundings) -> String {
        let when = place.clock(timeline.ended.wallMilliseconds)
        if let pause = timeline.pause { return "Waits:       \(pause.message), \(when)" }
        let why =
            timeline.isBeforeReboot(place)
            ? "the host has been restarted since" : "killed, or the host went down"
        return "Interrupted: nobody is at work on it since \(when) (#\(timeline.lastSequence)): "
            + why
    }

    private static func halted(_ halt: Halted, _ place: Surroundings) -> [String] {
        let plan = halt.resting.plan
        let open = halt.undetermined.map { effect in
            "Halted at:   \(effect.step.doing(in: plan)) (\(effect.step.rawValue)); whether it was done is "
                + "not known"
        }
        let decisions = halt.decisions.flatMap { decision in
            ["    \(place.command(decision.arguments))", "        \(decision.words(in: halt))"]
        }
        return (open.map { [$0] } ?? []) + ["Decide, with one of:"] + decisions
    }
}

extension Timeline {
    /// Whether the host has been restarted since its last event.
    fileprivate func isBeforeReboot(_ place: Surroundings) -> Bool {
        place.bootID.map { $0 != ended.bootID } ?? false
    }
}

extension Halted.Decision {
    /// When to choose it, with the step as people know it.
    fileprivate func words(in halt: Halted) -> String {
        let plan = halt.resting.plan
        return switch self {
        case .retry, .rollBack, .settleDone(.saveData): halt.meaning(of: self)
        case .settleDone(let step): "you have seen that this is done: \(step.doing(in: plan))"
        case .settleUndone(let step):
            "you have seen that this has not happened: \(step.doing(in: plan))"
        }
    }
}
