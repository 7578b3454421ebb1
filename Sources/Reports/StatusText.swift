import UpgradeMachine

/// Where an upgrade stands, why, and what comes next, in a few lines.
public struct StatusText: Sendable {
    public let text: String

    public init(_ timeline: Timeline, instance: String) {
        let upgrade = timeline.run.upgrade
        var lines = [timeline.headline]
        lines += Self.service(timeline)
        lines += Self.data(upgrade)
        if upgrade.fence.mayStand {
            lines.append("Database:    may refuse writes until the upgrade goes on or back")
        }
        if let cause = upgrade.cause, upgrade.name != .verified {
            lines.append("What to do:  \(cause.advice)")
        }
        lines += Self.next(timeline)
        lines.append("Its story:   pawl timeline \(timeline.upgrade)")
        text = lines.joined(separator: "\n")
    }

    private static func service(_ timeline: Timeline) -> [String] {
        guard let outage = timeline.outage else { return ["Service:     was not touched"] }
        guard let duration = outage.duration else {
            return ["Service:     AWAY since its stop began"]
        }
        return ["Service:     was away for at most \(duration.brief)"]
    }

    private static func data(_ upgrade: Upgrade) -> [String] {
        switch upgrade {
        case .rolledBack(let end):
            guard end.backup != nil else { return ["Data:        was not touched"] }
            return ["Data:        put back as it was before the start"]
                + (end.saved.map { ["             what the new release made of it: \($0.path)"] } ?? [])
        default:
            return upgrade.backup.map { ["Backup:      \($0.path)"] } ?? []
        }
    }

    private static func next(_ timeline: Timeline) -> [String] {
        let run = timeline.run
        switch run.upgrade {
        case .verified where run.upgrade.nextEffect == nil, .rolledBack:
            return []
        case .halted(let halt):
            return ["Decide, with one of:"]
                + halt.decisions.map { decision in
                    let command = (["pawl"] + decision.arguments).joined(separator: " ")
                    return "    \(command)\n        \(decision.meaning)"
                }
        default:
            let step = (run.open ?? run.upgrade.nextEffect)?.step.doing ?? ""
            let doubt = run.open == nil ? "" : " (begun; whether it was done will be looked at)"
            return ["Next:        \(step)\(doubt)", "Go on with:  pawl resume", "Go back with: pawl rollback"]
        }
    }
}
