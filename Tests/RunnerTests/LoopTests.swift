import Runner
import Testing
import UpgradeMachine

@Suite("The loop")
struct LoopTests {
    @Test func `An outcome and the intent after it come in one append`() async throws {
        let bench = Bench()
        _ = try await bench.runner(Scripted()).finish(Run(Sample.plan()))
        let shapes = bench.journal.batches.map { $0.map(\.event.type) }
        #expect(shapes.first == [.began])
        #expect(shapes.dropFirst().dropLast().allSatisfy { $0 == [.done, .began] })
        #expect(shapes.last == [.done])
        #expect(shapes.count == 9)
        #expect(bench.notices.recorded == bench.journal.events)
    }

    @Test("A failed append stops the run before the next effect", arguments: 0..<9, [false, true])
    func stopsAtAFailedAppend(number: Int, isDurable: Bool) async throws {
        let bench = Bench(power: Power(until: .appending(number, isDurable: isDurable)))
        let driver = Scripted()
        await #expect(throws: PowerCut.self) {
            _ = try await bench.runner(driver).finish(Run(Sample.plan()))
        }
        #expect(driver.performed.count == number)
        // Nobody is told of what may not be on disk.
        let known = bench.journal.batches.prefix(number).flatMap { $0.map(\.event) }
        #expect(bench.notices.recorded == known)
    }

    @Test func `What is there already is adopted and not done again`() async throws {
        let bench = Bench()
        let driver = Scripted(observing: { effect throws(Failure) in
            .present(Sample.receipt(of: effect))
        })
        let run = try await bench.runner(driver).finish(Run(Sample.plan()))
        #expect(run.upgrade.name == .verified)
        #expect(driver.performed.isEmpty)
        #expect(
            bench.journal.events.allSatisfy {
                if case .done(_, let adopted) = $0 { adopted } else { true }
            })
    }

    @Test func `A half is cleared before it is done again`() async throws {
        let bench = Bench()
        let driver = Scripted(observing: { effect throws(Failure) in
            effect.step == .backUp ? .torn(detail: "half a dump") : .absent
        })
        let run = try await bench.runner(driver).finish(Run(Sample.plan()))
        #expect(run.upgrade.name == .verified)
        let calls = driver.calls.filter {
            [.observe(Sample.backUp), .clear(Sample.backUp), .perform(Sample.backUp)].contains($0)
        }
        #expect(
            calls == [.observe(Sample.backUp), .clear(Sample.backUp), .perform(Sample.backUp)])
    }

    @Test func `Half a start is neither cleared nor repeated: the upgrade turns around`()
        async throws
    {
        let bench = Bench()
        let start = Effect.start(release: Sample.candidate)
        let driver = Scripted(observing: { effect throws(Failure) in
            effect == start ? .torn(detail: "created, not started") : .absent
        })
        let run = try await bench.runner(driver).finish(Run(Sample.plan()))
        #expect(run.upgrade.name == .rolledBack)
        #expect(!driver.calls.contains(.clear(start)))
        #expect(!driver.performed.contains(start))
        #expect(driver.performed.map(\.step).contains(.restoreData))
    }

    @Test("Where the world does not say, a person has to", arguments: [Step.backUp, .stop, .start])
    func halts(step: Step) async throws {
        let bench = Bench()
        let driver = Scripted(observing: { effect throws(Failure) in
            effect.step == step ? .unknown(detail: "two of them") : .absent
        })
        let run = try await bench.runner(driver).finish(Run(Sample.plan()))
        guard case .halted(let halted) = run.upgrade else {
            Issue.record("it ended as \(run.upgrade.name)")
            return
        }
        #expect(halted.undetermined?.step == step)
        #expect(halted.cause.code == "undetermined")
        #expect(halted.cause.message.contains("two of them"))
        #expect(!driver.performed.map(\.step).contains(step))
        #expect(bench.journal.batches.last?.map(\.event.type) == [.halted])
    }

    @Test("What will not be tried again leaves no half", arguments: [Step.pull, .backUp])
    func clearsAfterFailing(step: Step) async throws {
        let bench = Bench()
        let driver = Scripted { effect, _ throws(Failure) in
            if effect.step == step { throw .wrong }
        }
        let run = try await bench.runner(driver).finish(Run(Sample.plan()))
        #expect(run.upgrade.name == .rolledBack)
        #expect(driver.performed.filter { $0.step == step }.count == 1)
        #expect(
            driver.calls.contains {
                if case .clear(let effect) = $0 { effect.step == step } else { false }
            })
    }

    @Test func `The pauses between tries grow and are bounded`() async throws {
        let bench = Bench()
        let driver = Scripted { _, _ throws(Failure) in throw .busy }
        let plan = Sample.plan(limits: Limits(attemptsPerStep: 9))
        let run = try await bench.runner(driver).finish(Run(plan))
        #expect(run.upgrade.name == .rolledBack)
        #expect(driver.performed.count == 9)
        // A second each, so that a request to stop is heard in between.
        let seconds = [1, 2, 4, 8, 16, 30, 30, 30].reduce(0, +)
        #expect(bench.time.backOffs == Array(repeating: .seconds(1), count: seconds))
        // Each failed try is on disk before the next.
        #expect(
            bench.journal.batches.map { $0.map(\.event.type) }
                == [[.began]] + Array(repeating: [.attemptFailed], count: 8) + [[.failed]])
    }

    @Test func `A look that fails is a try that failed`() async throws {
        let bench = Bench()
        let driver = Scripted(observing: { _ throws(Failure) in throw .wrong })
        let run = try await bench.runner(driver).finish(Run(Sample.plan()))
        #expect(run.upgrade.name == .rolledBack)
        #expect(driver.performed.isEmpty)
    }

    @Test func `A decision that cannot follow is refused and not recorded`() async {
        let bench = Bench()
        await #expect(throws: IllegalEvent.self) {
            _ = try await bench.runner(Scripted()).decide(
                .retried(reason: "why"), for: Run(Sample.plan()))
        }
        #expect(bench.journal.events.isEmpty)
    }
}

@Suite("Taking over")
struct ResumeTests {
    @Test func `What an earlier process left at work is ended before anything else`() async throws {
        let bench = Bench()
        let driver = Scripted()
        let run = try await bench.runner(driver).resume(try Sample.run(openAt: .stop, bench.time))
        #expect(driver.calls.prefix(2) == [.endLeftovers(.stop), .observe(.stop)])
        #expect(bench.journal.batches.first?.map(\.event.type) == [.resumed])
        #expect(run.upgrade.name == .verified)
    }

    @Test func `With nothing open there is nothing to end`() async throws {
        let bench = Bench()
        let driver = Scripted()
        _ = try await bench.runner(driver).resume(Run(Sample.plan()))
        #expect(
            !driver.calls.contains { if case .endLeftovers = $0 { true } else { false } })
    }

    @Test func `Where it cannot be ended, a person has to`() async throws {
        let bench = Bench()
        let driver = Scripted(ending: { _ throws(Failure) in throw .busy })
        let run = try await bench.runner(driver).resume(try Sample.run(openAt: .stop, bench.time))
        guard case .halted(let halted) = run.upgrade else {
            Issue.record("it went on to \(run.upgrade.name)")
            return
        }
        #expect(halted.cause.code == "leftovers")
        #expect(halted.undetermined == .stop)
        // It is tried again like a step. Only the fence is taken away, which stood.
        let tries = Array(repeating: Scripted.Call.endLeftovers(.stop), count: 3)
        #expect(driver.calls == tries + [.clear(.raiseFence)])
    }

    /// The halt has closed the intent, and what it was begun for may still be at work.
    @Test("After a decision about a halt it is ended too", arguments: [true, false])
    func endsAfterADecision(isRetried: Bool) async throws {
        let bench = Bench()
        let halting = Scripted(ending: { _ throws(Failure) in throw .busy })
        let halted = try await bench.runner(halting).resume(
            try Sample.run(openAt: .backUp, of: Sample.plan(fence: .none), bench.time))
        let driver = Scripted()
        let runner = bench.runner(driver)
        let decided = try await runner.decide(
            isRetried ? .retried(reason: "why") : .rollbackOrdered(cause: .busy), for: halted)
        let run = try await runner.resume(decided)
        if isRetried {
            #expect(driver.calls.first == .endLeftovers(Sample.backUp))
            #expect(run.upgrade.name == .verified)
        } else {
            // Without a fence nothing is left to undo, so that this is an end at once.
            #expect(run.upgrade.name == .rolledBack)
            // What the dump left at work and on the disk has gone before that.
            #expect(driver.calls == [.endLeftovers(Sample.backUp), .clear(Sample.backUp)])
        }
    }

    @Test func `A rollback ordered in the middle of a step ends what the step left`() async throws {
        let bench = Bench()
        let driver = Scripted()
        let runner = bench.runner(driver)
        let ordered = try await runner.decide(
            .rollbackOrdered(cause: .busy), for: try Sample.run(openAt: .start, bench.time))
        let run = try await runner.resume(ordered)
        #expect(driver.calls.first == .endLeftovers(.start(release: Sample.candidate)))
        #expect(run.upgrade.name == .rolledBack)
    }

    @Test("An end is left alone", arguments: [true, false])
    func leavesAnEndAlone(isVerified: Bool) async throws {
        let bench = Bench()
        let driver = Scripted { effect, _ throws(Failure) in
            if effect.step == .start, !isVerified { throw .wrong }
        }
        let runner = bench.runner(driver)
        let ended = try await runner.finish(Run(Sample.plan()))
        #expect(ended.upgrade.name == (isVerified ? .verified : .rolledBack))
        let (appends, calls) = (bench.journal.batches.count, driver.calls.count)
        #expect(try await runner.resume(ended) == ended)
        #expect(bench.journal.batches.count == appends)
        #expect(driver.calls.count == calls)
    }

    @Test func `After too many that got nothing done it acts no more`() async throws {
        let bench = Bench()
        var run = try Sample.run(openAt: .stop, bench.time)
        for _ in 1...5 { run = try run.evolved(by: .resumed, at: bench.time.now()) }
        let driver = Scripted()
        run = try await bench.runner(driver).resume(run)
        #expect(run.upgrade.name == .halted)
        #expect(driver.performed.isEmpty)
    }
}
