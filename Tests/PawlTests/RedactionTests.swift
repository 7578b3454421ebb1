import Synchronization
import Testing
import UpgradeMachine

@testable import pawl

/// What a driver says is recorded and shown; a page or an error of somebody else's may hold more
/// than it should.
struct RedactionTests {
    /// A driver that tells the secret wherever it can.
    private struct Gossip: Driver {
        static let secret = "hunter2"
        static let failure = Failure(
            code: "refused", message: "\(secret) is wrong", advice: "change \(secret)",
            excerpt: "with \(secret)")

        let observation: Observation
        let isFailing: Bool

        private func speak(_ context: Context) throws(Failure) {
            context.report(.note("noted \(Self.secret)"))
            context.report(.working("at \(Self.secret)"))
            if isFailing { throw Self.failure }
        }

        func endLeftovers(of effect: Effect, in context: Context) async throws(Failure) {
            try speak(context)
        }

        func observe(_ effect: Effect, in context: Context) async throws(Failure) -> Observation {
            try speak(context)
            return observation
        }

        func perform(_ effect: Effect, in context: Context) async throws(Failure) -> Receipt {
            try speak(context)
            return Self.verified
        }

        func clear(_ effect: Effect, in context: Context) async throws(Failure) {
            try speak(context)
        }

        static let verified = Receipt.verified(results: results, goodForMilliseconds: 0)
        static let previousVerified = Receipt.previousVerified(
            results: results, goodForMilliseconds: 0)
        private static let results = [CheckResult(check: "page", saw: "shows \(secret)")]
    }

    /// What a driver can be asked, with its answer as text.
    private enum Call: CaseIterable {
        case observe, perform, clear, endLeftovers

        func answer(
            of driver: RedactingDriver, _ context: Context
        ) async throws(Failure) -> String {
            switch self {
            case .observe: return "\(try await driver.observe(.stop, in: context))"
            case .perform: return "\(try await driver.perform(.stop, in: context))"
            case .clear: try await driver.clear(.stop, in: context)
            case .endLeftovers: try await driver.endLeftovers(of: .stop, in: context)
            }
            return Redaction.mark
        }
    }

    private static let observations: [Observation] = [
        .torn(detail: "half of \(Gossip.secret)"), .unknown(detail: "\(Gossip.secret)?"),
        .present(Gossip.verified), .present(Gossip.previousVerified),
    ]

    @Test(arguments: observations, [false, true])
    func nothingIsRepeated(_ observation: Observation, isFailing: Bool) async throws {
        let told = Mutex<[String]>([])
        let driver = RedactingDriver(
            base: Gossip(observation: observation, isFailing: isFailing),
            redaction: Redaction([Secret(Gossip.secret)]))
        let context = Context(plan: Self.plan) { progress in
            told.withLock { $0.append("\(progress)") }
        }
        for call in Call.allCases {
            let text: String
            do throws(Failure) {
                text = try await call.answer(of: driver, context)
            } catch {
                text = "\(error.message), \(error.advice), \(error.excerpt ?? "")"
                #expect(text.ranges(of: Redaction.mark).count == 3)
            }
            told.withLock { $0.append(text) }
        }
        let all = told.withLock { $0 }
        #expect(all.count == 12)
        for text in all {
            #expect(!text.contains(Gossip.secret), "\(text)")
            #expect(text.contains(Redaction.mark), "\(text)")
        }
    }

    private static let plan = Plan(
        upgrade: "u1", instance: "board",
        current: Release(version: "1", reference: "board:1", digest: "sha256:1"),
        candidate: Release(version: "2", reference: "board:2", digest: "sha256:2"),
        runtime: .host(
            settings: HostRuntime(
                directory: "/srv", start: [], stop: [], status: [], logFile: nil)),
        database: .none, fence: .none, backups: "/srv/backups", checks: [], steadyFor: 0,
        limits: Limits())
}
