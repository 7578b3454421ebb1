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

    @Test(
        "Who asked decides whether it waits for a person",
        arguments: [
            ([.person], true), ([.system], false), ([.system, .person], true),
            ([.person, .system], true),
        ] as [([StopRequest.Origin], Bool)])
    func origin(_ asked: [StopRequest.Origin], _ waits: Bool) async throws {
        let bench = Bench()
        for origin in asked { bench.stopRequest.ask(by: origin) }
        _ = try await bench.runner(Scripted()).finish(Run(Sample.plan()))
        let last = try #require(bench.journal.events.last)
        #expect(last.type == .paused)
        #expect(last.isPauseByPerson == waits)
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

    @Test func `It is heard between two tries`() async throws {
        let bench = Bench()
        let driver = Scripted { [stopRequest = bench.stopRequest] _, _ throws(Failure) in
            stopRequest.ask()
            throw .busy
        }
        let run = try await bench.runner(driver).finish(Run(Sample.plan()))
        #expect(bench.journal.events.last?.type == .paused)
        #expect(run.open?.step == .pull)
        #expect(driver.performed.count == 1)
        #expect(bench.time.backOffs.isEmpty)
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

/// A run that is left must not leave the database refusing writes until somebody comes back.
@Suite("Leaving")
struct LeavingTests {
    private static let lift = Scripted.Call.clear(.raiseFence)

    @Test(
        "The fence is taken away with a run that stops under it", arguments: [Step.backUp, .stop])
    func stops(before step: Step) async throws {
        let bench = Bench()
        let driver = Scripted()
        let runner = bench.runner(driver, pauseBefore: { $0.step == step ? .busy : nil })
        _ = try await runner.finish(Run(Sample.plan()))
        #expect(bench.journal.events.last?.type == .paused)
        #expect(driver.calls.last == Self.lift)
    }

    @Test func `So it is on the way back, before it is lifted there`() async throws {
        let bench = Bench()
        let driver = Scripted { effect, _ throws(Failure) in
            if effect.step == .backUp { throw .wrong }
        }
        let runner = bench.runner(driver, pauseBefore: { $0.step == .liftFence ? .busy : nil })
        let run = try await runner.finish(Run(Sample.plan()))
        #expect(run.upgrade.name == .rollingBack)
        #expect(driver.calls.last == Self.lift)
    }

    @Test func `So it is where what an earlier run left cannot be ended`() async throws {
        let bench = Bench()
        let driver = Scripted(ending: { _ throws(Failure) in throw .busy })
        _ = try await bench.runner(driver).resume(try Sample.run(openAt: .backUp, bench.time))
        let tries = Array(repeating: Scripted.Call.endLeftovers(Sample.backUp), count: 3)
        #expect(driver.calls == tries + [Self.lift])
    }

    @Test func `So it is where a halt leaves its raising in doubt`() async throws {
        let bench = Bench()
        let driver = Scripted()
        let plan = Sample.plan(limits: Limits(resumesWithoutProgress: 0))
        let raising = try Sample.run(openAt: .raiseFence, of: plan, bench.time)
        let run = try await bench.runner(driver).resume(raising)
        #expect(run.upgrade.name == .halted)
        #expect(driver.calls == [.endLeftovers(.raiseFence), Self.lift])
    }

    @Test(
        "So it is where nothing more can be recorded, unless a newer run has taken over",
        arguments: [(MemoryJournal.Refusal.diskFull, true), (.takenOver, false)])
    func fails(with refusal: MemoryJournal.Refusal, lifts: Bool) async throws {
        let bench = Bench()
        let driver = Scripted()
        bench.journal.refuse(.done, with: refusal)
        let run = try Sample.run(openAt: .backUp, of: Sample.plan(), bench.time)
        await #expect(throws: refusal) { try await bench.runner(driver).finish(run) }
        #expect(driver.performed == [Sample.backUp])
        #expect((driver.calls.last == Self.lift) == lifts)
    }

    @Test("Where none stands none is taken away", arguments: [FencePolicy.hold, .none])
    func leavesNothing(policy: FencePolicy) async throws {
        let bench = Bench()
        let driver = Scripted()
        let runner = bench.runner(
            driver,
            pauseBefore: { $0.step == (policy == .hold ? .start : .stop) ? .busy : nil })
        _ = try await runner.finish(Run(Sample.plan(fence: policy)))
        #expect(!driver.calls.contains(Self.lift))
    }
}
