public import UpgradeMachine

/// A plan with what pre-flight found, as JSON and as text.
public struct PlanReport: Sendable, Codable {
    public var format = "pawl.plan/1"
    public let plan: Plan
    public let findings: [PlanFinding]

    public init(_ plan: Plan, _ findings: [PlanFinding]) {
        self.plan = plan
        self.findings = findings.sorted { $0.severity > $1.severity }
    }

    /// One finding a line, the gravest first.
    public var findingsText: String {
        findings.map { finding in
            let mark =
                switch finding.severity {
                case .refusal: "✗"
                case .warning: "!"
                case .note: "·"
                }
            let advice = finding.advice.isEmpty ? "" : "\n      \(finding.advice)"
            return "  \(mark) \(finding.message)\(advice)"
        }.joined(separator: "\n")
    }

    public var text: String {
        if let operation = plan.operation { return text(of: operation) }
        var lines = [
            "Plan for \(plan.instance): \(plan.current.version) → \(plan.candidate.version)",
            "  now        \(plan.current.digest)", "  then       \(plan.candidate.digest)",
            "  from       \(plan.candidate.reference)", "  backups    \(plan.backups)",
            "  fence      \(fence)",
            "  outage     \(budget)",
            "", "Steps:",
        ]
        lines += steps.map { "  \($0)" }
        lines += ["", "Checks, good for \(plan.steadyFor.count) s:"]
        lines += plan.checks.map { "  \($0.name)" }
        lines += ["", "Findings:", findingsText]
        return lines.joined(separator: "\n")
    }

    private func text(of operation: Operation) -> String {
        var lines = ["\(operation.title) of \(plan.instance), \(plan.current.version)"]
        switch operation {
        case .restore(let source): lines.append("  from       \(source.path)")
        case .pull: lines.append("  from       \(plan.candidate.reference)")
        default: break
        }
        if operation.usesDatabase { lines.append("  backups    \(plan.backups)") }
        lines += ["", "Steps:"] + steps.map { "  \($0)" }
        if !findings.isEmpty { lines += ["", "Findings:", findingsText] }
        return lines.joined(separator: "\n")
    }

    private var budget: String {
        plan.limits.outageBudget.map { "turns around after \($0.count) s" } ?? "no budget"
    }

    private var fence: String {
        guard plan.database.isPresent else { return "no database" }
        return plan.fence == .hold
            ? "the database refuses writes from the backup to the stop" : "none"
    }

    private var steps: [String] {
        if let operation = plan.operation { return operation.steps.map { $0.doing(in: plan) } }
        let fenced = plan.database.isPresent && plan.fence == .hold
        let forward: [Step] =
            [.pull] + (fenced ? [.raiseFence] : []) + (plan.database.isPresent ? [.backUp] : [])
            + [.stop] + (fenced ? [.liftFence] : []) + [.start, .verify, .tidy]
        return forward.map(\.doing)
    }
}
