/// Which versions an instance may be upgraded to from which.
public struct VersionRules: Hashable, Sendable {
    /// The label of an image that names its own floors, with blanks or commas between them:
    /// `LABEL io.pawl.floors="7.0.0, 7.4.0"`.
    public static let label = "io.pawl.floors"

    /// Whether an older version than the serving one may be asked for.
    public enum Downgrade: String, Hashable, Sendable {
        case refuse, allow
    }

    /// Versions that must not be jumped over, because only they migrate the data of older ones.
    public let floors: [String]
    public let downgrade: Downgrade

    public init(floors: [String] = [], downgrade: Downgrade = .refuse) {
        self.floors = floors
        self.downgrade = downgrade
    }

    /// What is to be said of an upgrade.
    ///
    /// - Parameter label: The candidate's ``label``, where it has one.
    public func findings(
        from current: String, to candidate: String, label: String? = nil
    ) -> [PlanFinding] {
        var findings: [PlanFinding] = []
        let own = Set(floors)
        let labelled = (label ?? "").split { ", \t\n".contains($0) }.map(String.init)
        let all = floors + labelled.filter { !own.contains($0) }
        guard current != candidate else { return [] }
        guard let now = Version(current), let then = Version(candidate),
            let order = then.order(beside: now)
        else {
            let what = "\(current) and \(candidate) cannot be compared"
            return [
                all.isEmpty
                    ? PlanFinding(.note, "\(what): nobody can tell whether it is a downgrade")
                    : PlanFinding(
                        .warning,
                        "\(what), and \(all.joined(separator: ", ")) must not be jumped over",
                        advice: "look yourself whether one of them lies between")
            ]
        }
        switch order {
        case .same: break
        case .older: findings.append(downgradeFinding(from: current, to: candidate))
        case .newer:
            findings += floorFindings(
                all, now, then, source: { own.contains($0) ? "versions.floors" : Self.label })
        }
        return findings
    }

    private func downgradeFinding(from current: String, to candidate: String) -> PlanFinding {
        let what = "\(candidate) is older than \(current), which serves"
        switch downgrade {
        case .allow:
            return PlanFinding(
                .warning,
                "\(what): it may not understand the data that \(current) has migrated")
        case .refuse:
            return PlanFinding(
                .refusal, "\(what): it may not understand the data that \(current) has migrated",
                advice: "`pawl rollback` goes back with the data; where \(candidate) can read "
                    + "this data, set versions: { downgrade: allow } in pawl.yaml")
        }
    }

    private func floorFindings(
        _ all: [String], _ now: Version, _ then: Version, source: (String) -> String
    ) -> [PlanFinding] {
        var between: [Version] = []
        var findings: [PlanFinding] = []
        for text in all {
            guard let floor = Version(text), let above = floor.order(beside: now),
                let below = floor.order(beside: then)
            else {
                findings.append(
                    PlanFinding(
                        .warning,
                        "the floor \(text) (\(source(text))) cannot be compared with \(now.text) "
                            + "and \(then.text), and is passed over"))
                continue
            }
            if above == .newer, below == .older { between.append(floor) }
        }
        between.sort { $0.order(beside: $1) == .older }
        guard let first = between.first else { return findings }
        let route = (between.map(\.text) + [then.text]).joined(separator: ", then ")
        findings.append(
            PlanFinding(
                .refusal,
                "from \(now.text) to \(then.text) no upgrade leads past \(first.text) "
                    + "(\(source(first.text)))",
                advice: "upgrade to \(first.text) first: \(route)"))
        return findings
    }
}
