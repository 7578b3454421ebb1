import ArgumentParser
import EventLog
import Reports
import Runner
import UpgradeMachine

/// `pawl resume --all`: goes on with all that was interrupted, and leaves to a person what is theirs.
struct Resumption {
    let workspace: Workspace
    let json: Bool

    /// What became of one instance.
    struct Item: Encodable {
        enum Outcome: String, Encodable {
            /// It went on, to whatever end.
            case resumed
            /// A person has to decide first.
            case halted
            /// A person has stopped it, and nobody else has it go on.
            case waits
            /// Another run is at work on it.
            case held
            /// It could not be taken over; nothing was changed.
            case refused
            /// A request to stop came first.
            case notTried
        }

        let instance: String
        let outcome: Outcome
        let exitStatus: Int32
        let message: String
        let advice: String
        let report: UpgradeReport?
        /// The same for people; not a part of the document.
        var text = ""

        private enum CodingKeys: CodingKey {
            case instance, outcome, exitStatus, message, advice, report
        }
    }

    /// `pawl.resumes/1`
    struct Report: Encodable {
        var format = "pawl.resumes/1"
        let exitStatus: Int32
        /// Those that had not ended, by name.
        let instances: [Item]
    }

    func run() async throws {
        guard let log = try workspace.existingLog(for: .writing) else { return try end([]) }
        let interrupts = Interrupts()
        var items: [Item] = []
        for instance in Set(try log.streams().map(\.instance)).sorted() {
            if let item = await item(of: instance, in: log, interrupts) {
                tell(item)
                items.append(item)
            }
        }
        try end(items)
    }

    /// Never fails: what is wrong with one instance keeps no other from going on.
    private func item(
        of instance: String, in log: EventLog, _ interrupts: Interrupts
    ) async -> Item? {
        do {
            guard let standing = try standing(of: instance, in: log), !standing.hasEnded else {
                return nil
            }
            if let item = try leftAlone(standing, instance, log) { return item }
            guard interrupts.request.level == 0 else {
                return Item(
                    instance: instance, outcome: .notTried,
                    exitStatus: ExitStatus.stopped.rawValue,
                    message: "somebody asked Pawl to stop before it was its turn",
                    advice: "pawl resume --all", report: nil)
            }
            return try await goOn(instance, log, interrupts)
        } catch {
            return refusal(of: instance, error)
        }
    }

    private func standing(of instance: String, in log: EventLog) throws -> Timeline? {
        guard let newest = try log.streams(of: instance).lastWritten else { return nil }
        let entries = try log.entries(of: newest.stream)
        // Every decision is computed again before one of them is acted on.
        _ = try Replay(entries)
        return try Timeline(entries)
    }

    private func leftAlone(
        _ standing: Timeline, _ instance: String, _ log: EventLog
    ) throws -> Item? {
        let place = try workspace.surroundings(of: instance, in: log)
        let report = UpgradeReport(standing, in: place)
        let status = StatusText(standing, in: place).text
        if case .halted(let halt) = standing.run.upgrade {
            return Item(
                instance: instance, outcome: .halted, exitStatus: ExitStatus.halted.rawValue,
                message: "halted, and a person is needed: \(halt.cause.message)",
                advice: report.decisions.first.map(Self.typed) ?? "", report: report,
                text: "\(instance) is left alone: a person is needed.\n\(status)")
        }
        guard standing.last.isPauseByPerson, let pause = standing.pause else { return nil }
        return Item(
            instance: instance, outcome: .waits, exitStatus: ExitStatus.stopped.rawValue,
            message: "left alone, because a person had it wait: \(pause.message)",
            advice: report.decisions.first.map(Self.typed) ?? "", report: report,
            text: "\(instance) is left alone: a person had it wait.\n\(status)")
    }

    private static func typed(_ decision: UpgradeReport.Decision) -> String {
        decision.command.joined(separator: " ")
    }

    private func goOn(
        _ instance: String, _ log: EventLog, _ interrupts: Interrupts
    ) async throws -> Item? {
        let session = try Session(workspace, log: log, instance: instance)
        guard let newest = try session.newest() else { return nil }
        Output.progress("\(instance): going on with \(newest.run.plan.kind) \(newest.stream).")
        let run = try await session.resume(newest.run, interrupts: interrupts)
        guard let timeline = try session.timeline(of: newest.stream) else {
            preconditionFailure("a run has a plan in the log")
        }
        let place = try session.surroundings()
        return Item(
            instance: instance, outcome: .resumed,
            exitStatus: ExitStatus(of: run.upgrade).rawValue, message: timeline.headline,
            advice: run.upgrade.cause?.advice ?? "", report: UpgradeReport(timeline, in: place),
            text: StatusText(timeline, in: place).text)
    }

    private func refusal(of instance: String, _ error: any Error) -> Item {
        let ending = Ending(error)
        let status = ending.map(\.exitStatus) ?? ExitStatus.failed.rawValue
        return Item(
            instance: instance,
            outcome: status == ExitStatus.held.rawValue ? .held : .refused, exitStatus: status,
            message: ending?.message ?? "\(error)", advice: ending?.advice ?? "", report: nil)
    }

    private func tell(_ item: Item) {
        guard !json else { return }
        let advice = item.advice.isEmpty ? "" : "\n      \(item.advice)"
        let text = item.text.isEmpty ? "\(item.instance): \(item.message)\(advice)" : item.text
        Output.result(text + "\n")
    }

    private func end(_ items: [Item]) throws {
        let status = ExitStatus.gravest(items.compactMap { ExitStatus(rawValue: $0.exitStatus) })
        if json {
            try Output.json(Report(exitStatus: status.rawValue, instances: items))
        } else if items.isEmpty {
            Output.result(
                "Nothing was interrupted: no upgrade in the log of \(workspace.stateDirectory) "
                    + "has to go on.")
        }
        if status != .done { throw ExitCode(status.rawValue) }
    }
}

extension Timeline {
    /// Whether nothing is left to do, and nobody to be asked.
    fileprivate var hasEnded: Bool {
        run.upgrade.name != .halted && run.open == nil && run.upgrade.nextEffect == nil
    }
}
