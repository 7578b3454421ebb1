import Drivers
import EventLog
import Foundation
import Reports
import Settings
import UpgradeMachine

// Plans of operations; like an upgrade's they are made from what is found, and change nothing.
extension Planning {
    /// A plan of an operation, with what its pre-flight found.
    ///
    /// - Parameters:
    ///   - candidate: What a pull gets.
    ///   - log: What has been done before; no process may open it twice.
    func outcome(
        of operation: Operation, candidate: Candidate = Candidate(),
        in log: EventLog?, _ options: OperationOptions, _ start: StartOptions? = nil
    ) async throws -> Outcome {
        var findings: [PlanFinding] = []
        let survey = try await found(for: operation, candidate, &findings)
        let plan = plan(
            from: survey, steadyFor: settings.steadyFor, reason: options.reason,
            ticket: options.ticket, operation: operation)
        findings += workspace.warnings
        if operation.startsAgain, start?.asItIs != true {
            findings += try await startFindings(plan, in: log)
        }
        findings += try await Composition.withholdingSecrets(of: plan) {
            try await Preflight(plan: plan).findings(for: operation)
        }
        return Outcome(plan: plan, isServing: survey.isServing, findings: findings)
    }

    /// A backup is to be had also where the application itself is not as it should be.
    private func found(
        for operation: Operation, _ candidate: Candidate,
        _ findings: inout [PlanFinding]
    ) async throws -> Survey {
        do {
            let survey = try await survey(candidate, for: operation)
            if operation.isOfService || operation == .pull {
                findings += survey.findings.filter { $0.severity == .refusal }
            }
            return survey
        } catch let failure as Failure where operation == .backUp {
            findings.append(
                PlanFinding(
                    .warning, "what serves is not known: \(failure.message)",
                    advice: "the backup is taken nevertheless"))
            return try surveyOfNothing()
        }
    }

    /// What was put in the place of what served last would be upgraded to without a backup.
    private func startFindings(_ plan: Plan, in log: EventLog?) async throws -> [PlanFinding] {
        guard let log, let last = try log.lastServing(plan.instance) else { return [] }
        let status = try await Composition.service(for: plan).status(
            in: Context(plan: plan) { _ in })
        let there = Set(status.parts.flatMap(\.releaseDigests)).union(plan.current.digests)
        guard there.isDisjoint(with: last.digests) else { return [] }
        // A container that runs is started again as it is; a link may have been switched since.
        if case .containers = plan.runtime, status.parts.allSatisfy(\.isRunning) { return [] }
        return [
            PlanFinding(
                .refusal,
                "\(last.version) (\(last.digest.prefix(19))) served last, and what would be "
                    + "started is \(plan.current.version) (\(plan.current.digest.prefix(19)))",
                advice: "that would be an upgrade without a backup: put \(last.version) back, or "
                    + "add --as-it-is where that is what you want")
        ]
    }

    private func surveyOfNothing() throws -> Survey {
        let unknown = Release(version: "unknown", reference: "", digest: "")
        let runtime: Runtime =
            switch settings.runtime {
            case .host(let host): .host(settings: host.runtime)
            case .docker(let docker):
                .containers(
                    settings: docker.runtime(
                        engine: docker.engineAddress(
                            environment: ProcessInfo.processInfo.environment),
                        inspected: []))
            }
        return Survey(
            current: unknown, candidate: unknown, runtime: runtime, findings: [], isServing: false)
    }
}

extension Preflight {
    /// What an operation needs to know beforehand.
    func findings(for operation: Operation) async throws -> [PlanFinding] {
        let context = Context(plan: plan) { _ in }
        switch operation {
        case .pull, .stop, .start, .restart: return []
        case .backUp, .restore:
            guard plan.database.isPresent else {
                return [
                    PlanFinding(
                        .refusal, "there is no database in the configuration",
                        advice: "add database to pawl.yaml; the README shows how")
                ]
            }
            return operation == .backUp
                ? try await databaseFindings(context) : try await restoreFindings(context)
        }
    }
}

extension Preflight {
    /// A database that is not as it should be is what a restore is for.
    private func restoreFindings(_ context: Context) async throws -> [PlanFinding] {
        do {
            return try await databaseFindings(context, mayBeDamaged: true)
        } catch let failure as Failure where Self.damages.contains(failure.code) {
            return [
                PlanFinding(.warning, "what is there now is no whole database: \(failure.message)")
            ]
        }
    }

    private static let damages: Set<String> = [
        "database-missing", "database-schema-missing", "database-damaged", "not-a-database",
    ]
}

extension EventLog {
    /// The release that served when something was last done with the instance; none where nothing
    /// was, or where it has not come to an end.
    fileprivate func lastServing(_ instance: String) throws -> Release? {
        let summaries = try streams(of: instance).sorted { $0.lastSequence > $1.lastSequence }
        for summary in summaries {
            let run = try Replay(try entries(of: summary.stream)).run
            switch run.upgrade {
            case .verified: return run.plan.candidate
            case .rolledBack(let state): return state.plan.current
            // A stop, a backup and a pull say nothing of what serves.
            case .operated(let state) where state.operation.startsAgain:
                return state.plan.current
            default: continue
            }
        }
        return nil
    }
}
