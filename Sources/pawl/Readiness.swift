import Drivers
import Foundation
import Runner
import UpgradeMachine

/// Waits for what an upgrade needs before it is taken over.
///
/// After a boot the engine and the database come up beside Pawl. Taken over too early, an upgrade
/// would be judged by their silence: rolled back without need, or halted on its way back.
struct Readiness {
    let run: Run
    /// What is typed to go on here.
    let command: String
    /// What ends the waiting; without one the process itself is ended.
    let request: StopRequest?

    private static let limit = Duration.seconds(120)
    private static let rest = Duration.milliseconds(500)
    /// Failures that mean: not there yet. Any other is for the run to judge.
    private static let silences: Set<String> = [
        "engine-unreachable", "engine-timed-out", "database-unreachable",
        "database-connection-lost", "database-container-stopped", "database-timed-out",
    ]

    /// Returns at once where everything answers.
    ///
    /// - Throws: A ``Refusal`` where something does not answer in time. Nothing was changed.
    func wait() async throws {
        let deadline = ContinuousClock.now + Self.limit
        var said = false
        while let silence = try await look(until: deadline) {
            guard !isAsked else { throw refusal(.stopped, "somebody asked it to stop", silence) }
            guard ContinuousClock.now < deadline else {
                throw refusal(.refused, "this does not answer", silence)
            }
            if !said { Output.progress("Waiting for up to 2 minutes: \(silence.message)") }
            said = true
            try await Task.sleep(for: Self.rest)
        }
    }

    private func refusal(_ status: ExitStatus, _ why: String, _ silence: Failure) -> Refusal {
        Refusal(
            status: status,
            message: "\(run.plan.instance) was not taken over, because \(why): \(silence.message)",
            advice: "nothing was changed; \(silence.advice), then: \(command)")
    }

    private var isAsked: Bool { request.map { $0.level > 0 } ?? false }

    /// One look, which a server that is silent for ever does not hold up for ever.
    private func look(until deadline: ContinuousClock.Instant) async throws -> Failure? {
        let look = Task { try await silence() }
        let watch = Task {
            while ContinuousClock.now < deadline, !isAsked {
                try await Task.sleep(for: .milliseconds(100))
            }
            look.cancel()
        }
        defer { watch.cancel() }
        return try await look.value
    }

    private func silence() async throws -> Failure? {
        let plan = run.plan
        let context = Context(plan: plan) { _ in }
        do {
            if case .containers = plan.runtime {
                _ = try await Composition.service(for: plan).status(in: context)
            }
            // What is done after an upgrade has ended is no matter of the database's.
            if run.upgrade.name != .verified, plan.operation?.usesDatabase ?? true,
                plan.database.isServer
            {
                _ = try await Composition.database(for: plan)?.survey(in: context)
            }
            return nil
        } catch let failure as Failure {
            return Self.silences.contains(failure.code) || Task.isCancelled ? failure : nil
        }
    }
}
