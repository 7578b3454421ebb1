import UpgradeMachine

extension Timeline {
    /// The timeline for a terminal or a file, one line an occurrence.
    ///
    /// - Parameter clock: Writes a wall time in milliseconds since 1970 as people read it.
    public func text(clock: (Int64) -> String) -> String {
        var lines = [headline, ""]
        lines += occurrences.map { Self.withoutEnd(line(of: $0, clock)) }
        lines.append("")
        lines += summary
        return lines.joined(separator: "\n")
    }

    /// The whole of it in one sentence.
    public var headline: String {
        let what = subject
        return switch run.upgrade {
        case .verified: "\(what): verified"
        case .rolledBack(let end): "\(what): rolled back, because \(end.cause.brief)"
        case .halted(let halt): "\(what): halted, because \(halt.cause.brief)"
        case .failed(let end): "\(what): failed, because \(end.cause.brief)"
        case .rollingBack(let back): "\(what): being rolled back, because \(back.cause.brief)"
        default: "\(what): \(run.upgrade.name.wording)"
        }
    }

    /// What it is about.
    private var subject: String {
        switch plan.operation {
        case nil:
            "Upgrade \(upgrade) of \(plan.instance), "
                + "\(plan.current.version) → \(plan.candidate.version)"
        case .pull: "Pull \(upgrade) of \(plan.instance), \(plan.candidate.version)"
        case .restore(let source): "Restore \(upgrade) of \(plan.instance), \(source.path)"
        case let operation?: "\(operation.title) \(upgrade) of \(plan.instance)"
        }
    }

    private enum Occurrence {
        case step(StepSpan)
        case mark(Mark)

        var sequence: Int {
            switch self {
            case .step(let step): step.beganSequence
            case .mark(let mark): mark.sequence
            }
        }
    }

    private var occurrences: [Occurrence] {
        let all = steps.map(Occurrence.step) + marks.map(Occurrence.mark)
        return all.enumerated().sorted {
            ($0.element.sequence, $0.offset) < ($1.element.sequence, $1.offset)
        }.map(\.element)
    }

    private func line(of occurrence: Occurrence, _ clock: (Int64) -> String) -> String {
        switch occurrence {
        case .step(let step):
            let head = prefix(step.began, clock, step.beganSequence)
            let took = step.duration.map { Self.padded(left: $0.brief, 11) } ?? Self.padded("", 11)
            let attempts = step.failedAttempts.map { "\n\(Self.indent)a try failed: \($0.message)" }
            return "\(head)\(took)  \(Self.padded(step.effect.step.rawValue, 15)) "
                + Self.words(for: step) + attempts.joined()
        case .mark(let mark):
            return prefix(mark.moment, clock, mark.sequence) + "             "
                + "\(Self.padded("· " + mark.kind.rawValue, 15)) \(mark.text)"
        }
    }

    /// A step without a detail leaves blanks behind.
    private static func withoutEnd(_ line: String) -> String {
        var line = line
        while line.last == " " { line.removeLast() }
        return line
    }

    private static let indent = String(repeating: " ", count: 46)

    private static func words(for step: StepSpan) -> String {
        switch step.outcome {
        case .open: "has begun; its outcome is not known yet"
        case .done(let receipt, let adopted):
            [step.effect.detail(of: receipt), adopted ? "(found done)" : ""].filter { !$0.isEmpty }
                .joined(separator: " ") + indented(receipt.checkLines)
        case .failed(let failure):
            "FAILED: \(failure.message)"
                + (failure.excerpt.map { "\n" + quoted($0) } ?? "")
        case .withdrawn(let failure): "to be done anew: \(failure.message)"
        case .undetermined(let failure): "UNDETERMINED: \(failure.message)"
        }
    }

    private static func quoted(_ excerpt: String) -> String {
        excerpt.split(separator: "\n").suffix(12).map { "\(indent)| \($0)" }
            .joined(separator: "\n")
    }

    private static func indented(_ lines: [String]) -> String {
        lines.map { "\n\(indent)\($0)" }.joined()
    }

    private func prefix(_ moment: Moment, _ clock: (Int64) -> String, _ sequence: Int) -> String {
        "\(Self.padded(left: "#\(sequence)", 5))  \(clock(moment.wallMilliseconds))  "
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func padded(left text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    private var summary: [String] {
        var lines = ["Took \((whole.duration ?? .zero).brief)" + untold(whole) + serviceSummary]
        lines += fenced.map { span in
            let time = span.duration.map { "for \($0.brief)" } ?? "and may do so still"
            return "The database refused writes \(time) (\(span.sequences))."
        }
        lines += dataSummary
        lines.append(
            "Asked for by \(actor) on \(host); plan \(planDigest.prefix(12)), "
                + "events \(firstSequence)–\(lastSequence) of the log.")
        return lines
    }

    private var serviceSummary: String {
        guard !outages.isEmpty else { return "; the service was not touched." }
        guard outage != nil else { return "; the service is away." }
        let spans = outages.map { span in
            "\((span.duration ?? .zero).brief)\(untold(span)) (\(span.sequences))"
        }
        return "; the service was away for at most " + spans.joined(separator: ", then for ") + "."
    }

    private func untold(_ span: Span) -> String { span.isUntold ? Self.untoldWords : "" }

    /// What is added to a time that leaves out a reboot of unknown length.
    static let untoldWords = ", the host's restart not counted"

    private var dataSummary: [String] {
        switch run.upgrade {
        case .rolledBack(let end):
            guard let backup = end.backup else { return ["The data was not touched."] }
            let saved = end.saved.map { " What the new release had made of it: \($0.path)" } ?? ""
            return ["The data was put back from \(backup.path).\(saved)"]
        case .operated(let end):
            guard case .restore = end.operation else {
                return end.backup.map { ["Backup: \($0.path)"] } ?? []
            }
            return end.backup.map { ["What was there before: \($0.path)"] } ?? []
        default:
            return run.upgrade.backup.map { ["Backup of before: \($0.path)"] } ?? []
        }
    }
}
