import Runner
import Synchronization
import Testing
import UpgradeMachine

@Suite("A step's time")
struct DeadlineTests {
    /// Works at `step` for hours, and says so as often as it is to.
    private static func lengthy(_ bench: Bench, at step: Step, signs: Int = 0) -> Scripted {
        Scripted { [time = bench.time] effect, context throws(Failure) in
            guard effect.step == step else { return }
            var left = signs
            for _ in 0..<1000 {
                guard await time.pass(.seconds(10)) else { break }
                if left > 0 { context.report(.working("still migrating")) }
                left -= 1
            }
            throw .busy
        }
    }

    private static func failure(in bench: Bench, of step: Step) -> Failure? {
        bench.journal.events.lazy.compactMap {
            if case .failed(step, let failure) = $0 { failure } else { nil }
        }.first
    }

    @Test func `Without a sign of work it ends at the deadline`() async throws {
        let bench = Bench()
        let limits = Limits(verify: 300, verifyAtMost: 3600)
        let run = try await bench.runner(Self.lengthy(bench, at: .verify))
            .finish(Run(Sample.plan(limits: limits)))
        #expect(run.upgrade.name == .rolledBack)
        let failure = try #require(Self.failure(in: bench, of: .verify))
        #expect(failure.code == "deadline")
        #expect(failure.isPermanent)
        // What the step itself had to say is kept.
        #expect(failure.message == "verify was not done after 300 s: it is busy")
    }

    @Test func `A sign of work gives it its time again`() async throws {
        let bench = Bench()
        let limits = Limits(verify: 300, verifyAtMost: 3600)
        _ = try await bench.runner(Self.lengthy(bench, at: .verify, signs: 50))
            .finish(Run(Sample.plan(limits: limits)))
        let failure = try #require(Self.failure(in: bench, of: .verify))
        // The last sign came after 500 s.
        #expect(failure.message.hasPrefix("verify was not done after 800 s"))
    }

    @Test func `No sign extends it beyond the hard limit`() async throws {
        let bench = Bench()
        let limits = Limits(verify: 300, verifyAtMost: 900)
        _ = try await bench.runner(Self.lengthy(bench, at: .verify, signs: .max))
            .finish(Run(Sample.plan(limits: limits)))
        let failure = try #require(Self.failure(in: bench, of: .verify))
        #expect(failure.message.hasPrefix("verify was not done after 900 s"))
    }

    @Test func `A step without a longer limit is not extended`() async throws {
        let bench = Bench()
        let limits = Limits(attemptsPerStep: 1, pull: 60)
        _ = try await bench.runner(Self.lengthy(bench, at: .pull, signs: .max))
            .finish(Run(Sample.plan(limits: limits)))
        let failure = try #require(Self.failure(in: bench, of: .pull))
        #expect(failure.message.hasPrefix("pull was not done after 60 s"))
    }

    @Test func `An answer that comes with the deadline is an answer`() async throws {
        let bench = Bench()
        let driver = Scripted { [time = bench.time] effect, _ in
            guard effect.step == .start else { return }
            while await time.pass(.seconds(10)) {}
        }
        let run = try await bench.runner(driver).finish(Run(Sample.plan()))
        #expect(run.upgrade.name == .verified)
    }

    @Test func `A spent outage budget ends a start that runs`() async throws {
        let bench = Bench()
        let plan = Sample.plan(limits: Limits(start: 600, outageBudget: 60))
        let run = try await bench.runner(Self.lengthy(bench, at: .start)).finish(Run(plan))
        #expect(run.upgrade.name == .rolledBack)
        let failure = try #require(Self.failure(in: bench, of: .start))
        #expect(failure.code == "outage-budget")
    }

    @Test(
        "A spent outage budget ends a verification while the service does not answer",
        arguments: [
            (answers: false, code: "outage-budget"), (answers: true, code: "deadline"),
        ])
    func budgetInVerification(answers: Bool, code: String) async throws {
        let bench = Bench()
        let driver = Scripted { [time = bench.time] effect, context throws(Failure) in
            guard effect.step == .verify else { return }
            while true {
                context.report(.answering(answers))
                guard await time.pass(.seconds(10)) else { throw .busy }
            }
        }
        let plan = Sample.plan(limits: Limits(verify: 300, outageBudget: 60))
        let run = try await bench.runner(driver).finish(Run(plan))
        #expect(run.upgrade.name == .rolledBack)
        #expect(Self.failure(in: bench, of: .verify)?.code == code)
    }

    @Test func `The stop itself is not ended by the budget that it begins`() async throws {
        let bench = Bench()
        let driver = Scripted { [time = bench.time] effect, _ in
            guard effect.step == .stop else { return }
            for _ in 0..<10 { _ = await time.pass(.seconds(10)) }
        }
        let plan = Sample.plan(limits: Limits(stop: 600, outageBudget: 60))
        let run = try await bench.runner(driver).finish(Run(plan))
        #expect(run.upgrade.name == .rolledBack)
        #expect(Self.failure(in: bench, of: .stop) == nil)
        #expect(bench.journal.events.contains(.rollbackOrdered(cause: .outageBudgetSpent(60))))
    }

    /// A decision and its record share one look at the clock: else a budget that is spent between
    /// two of them would have the run refuse its own intent.
    @Test("A budget may be spent at any look at the clock", arguments: 1...25)
    func budgetAtAnyLook(seconds: Int) async throws {
        let plan = Sample.plan(limits: Limits(outageBudget: Seconds(seconds)))
        let journal = MemoryJournal()
        let runner = Runner(driver: Scripted(), journal: journal, timekeeper: TickingTime())
        let run = try await runner.finish(Run(plan))
        #expect([.verified, .rolledBack].contains(run.upgrade.name))
        #expect(try journal.replayed(plan) == run)
    }
}

/// A second passes at every look; nobody who sleeps is woken before the work is done.
private final class TickingTime: Timekeeper {
    private let looks = Mutex<Int64>(0)

    func now() -> Moment {
        let second = looks.withLock { looks in
            looks += 1
            return looks
        }
        return Moment(
            wallMilliseconds: second * 1000, monotonicNanoseconds: second * 1_000_000_000,
            bootID: "boot")
    }

    func sleep(for duration: Duration) async throws { try await Task.sleep(for: .seconds(3600)) }
}
