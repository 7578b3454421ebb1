import Runner
import Testing
import UpgradeMachine

@Suite("A request to stop")
struct StopTests {
    private static let interruptible: [Step] = [.pull, .raiseFence, .backUp, .verify, .tidy]

    /// Asks for a stop `times` times as soon as `step` is performed, and works on until it is told
    /// not to, or for as long as the request cannot end it.
    private static func driver(
        _ bench: Bench, asking times: Int, in step: Step
    ) -> Scripted {
        Scripted { [time = bench.time, stopRequest = bench.stopRequest] effect, _ throws(Failure) in
            guard effect.step == step else { return }
            for _ in 0..<times { stopRequest.ask() }
            for _ in 0..<20 {
                guard await time.pass(.milliseconds(100)) else { throw .busy }
            }
        }
    }

    @Test("It ends at once what can be begun anew", arguments: interruptible)
    func interrupts(step: Step) async throws {
        let bench = Bench()
        let run = try await bench.runner(Self.driver(bench, asking: 1, in: step))
            .finish(Run(Sample.plan()))
        #expect(run.open?.step == step)
        #expect(bench.journal.events.last?.type == .paused)
        #expect(run.nextAction(at: bench.time.now()) != .rest)
    }

    @Test("It waits for what may not be interrupted", arguments: [Step.stop, .liftFence, .start])
    func waits(step: Step) async throws {
        let bench = Bench()
        let driver = Self.driver(bench, asking: 1, in: step)
        let run = try await bench.runner(driver).finish(Run(Sample.plan()))
        #expect(run.open == nil)
        #expect(driver.performed.last?.step == step)
        #expect(bench.journal.batches.last?.map(\.event.type) == [.done, .paused])
    }

    @Test("Asked twice, it ends anything and leaves it in doubt", arguments: [Step.stop, .start])
    func insists(step: Step) async throws {
        let bench = Bench()
        let run = try await bench.runner(Self.driver(bench, asking: 2, in: step))
            .finish(Run(Sample.plan()))
        #expect(run.open?.step == step)
        #expect(bench.journal.events.last?.type == .paused)
    }

    @Test func `What got done all the same is recorded as done`() async throws {
        let bench = Bench()
        let driver = Scripted { [time = bench.time, stop = bench.stopRequest] effect, _ in
            guard effect.step == .backUp else { return }
            stop.ask()
            while await time.pass(.milliseconds(100)) {}
        }
        let run = try await bench.runner(driver).finish(Run(Sample.plan()))
        #expect(run.upgrade.name == .backedUp)
        #expect(bench.journal.batches.last?.map(\.event.type) == [.done, .paused])
    }

    @Test func `Asked before it begins, nothing is begun`() async throws {
        let bench = Bench()
        bench.stopRequest.ask()
        let driver = Scripted()
        let run = try await bench.runner(driver).finish(Run(Sample.plan()))
        #expect(driver.calls.isEmpty)
        #expect(bench.journal.events.map(\.type) == [.paused])
        #expect(run.upgrade.name == .planned)
    }

    @Test func `A paused run goes on, and its pause counts for nothing`() async throws {
        let bench = Bench()
        var run = try await bench.runner(Self.driver(bench, asking: 1, in: .backUp))
            .finish(Run(Sample.plan()))
        let next = Bench()
        run = try await next.runner(Scripted()).resume(run)
        #expect(run.upgrade.name == .verified)
        #expect(run.fruitlessResumes == 0)
    }

    @Test func `A run stops before an effect where that is asked`() async throws {
        let bench = Bench()
        let driver = Scripted()
        let run = try await bench.runner(
            driver, pauseBefore: { $0.step == .stop ? .busy : nil }
        ).finish(Run(Sample.plan()))
        #expect(run.upgrade.name == .backedUp)
        #expect(bench.journal.events.last == .paused(cause: .busy))
        #expect(driver.performed.last?.step == .backUp)
    }
}
