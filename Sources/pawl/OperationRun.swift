import ArgumentParser
import EventLog
import Reports
import Settings
import UpgradeMachine

/// Foundation has one, too.
typealias Operation = UpgradeMachine.Operation

/// Options of every operation.
struct OperationOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Why; goes into the record.", valueName: "words"))
    var reason: String?

    @Option(
        help: ArgumentHelp(
            "The change's number in another system; goes into the record.", valueName: "number"))
    var ticket: String?

    @Flag(help: "Show what would be done and stop; nothing is changed.")
    var dryRun = false

    func validate() throws {
        try reason?.validateForRecord("--reason")
        try ticket?.validateForRecord("--ticket", limitInBytes: 200)
    }
}

/// What a command has to say that starts the service.
struct StartOptions: ParsableArguments {
    @Flag(help: "Start what is there, though another release served last.")
    var asItIs = false
}

/// One operation from its command to its end.
struct OperationRun {
    let session: Session?
    let planning: Planning
    let json: Bool

    /// Takes the instance, unless nothing is to be done; refuses to run into what has not ended.
    init(_ workspace: Workspace, _ options: OperationOptions, json: Bool) throws {
        planning = try Planning(workspace)
        self.json = json
        guard !options.dryRun else {
            session = nil
            return
        }
        let session = try Session(workspace, instance: planning.settings.name)
        try session.requireRest(try session.newest())
        self.session = session
    }

    /// What has been done before; none where nothing has.
    func log() throws -> EventLog? {
        try session?.log ?? planning.workspace.existingLog(for: .reading)
    }

    /// Says what was found, asks where there is something to ask, and does it.
    ///
    /// - Returns: How it ended; none where it was only to be shown.
    func perform(
        _ outcome: Planning.Outcome, asking confirm: () throws -> Void = {}
    ) async throws -> Run? {
        guard let session else {
            let obstacle = try planning.workspace.obstacle(to: outcome.plan.instance)
            let report = PlanReport(
                outcome.plan, (obstacle.map { [$0] } ?? []) + outcome.findings)
            if json { try Output.json(report) } else { Output.result(report.text) }
            if obstacle != nil || !outcome.refusals.isEmpty {
                throw ExitCode(ExitStatus.refused.rawValue)
            }
            return nil
        }
        let report = PlanReport(outcome.plan, outcome.findings)
        if !report.findings.isEmpty { Output.progress(report.findingsText) }
        if let first = outcome.refusals.first {
            throw Refusal(
                status: .refused,
                message: "refused beforehand, nothing was changed: \(first.message)",
                advice: first.advice)
        }
        try confirm()
        return try await session.begin(outcome.plan)
    }

    /// Says how it ended; ends with its exit code.
    func conclude(_ run: Run?) throws {
        guard let run, let session else { return }
        try Conclusion(session: session, run: run, json: json).show()
    }
}

extension WorkspaceCommand {
    /// Stops or starts what serves.
    func perform(
        _ operation: Operation, _ asked: OperationOptions, _ start: StartOptions? = nil
    ) async throws {
        let operating = try OperationRun(try Workspace(options), asked, json: options.json)
        let outcome = try await operating.planning.outcome(
            of: operation, in: try operating.log(), asked, start)
        try operating.conclude(try await operating.perform(outcome))
    }

    /// Gets a release onto this host.
    func get(_ candidate: Planning.Candidate, _ asked: OperationOptions) async throws {
        let operating = try OperationRun(try Workspace(options), asked, json: options.json)
        let outcome = try await operating.planning.outcome(
            of: .pull, candidate: candidate, in: try operating.log(), asked)
        try operating.conclude(try await operating.perform(outcome))
    }
}
