import Testing
import UpgradeMachine

@Suite("A halted upgrade")
struct HaltTests {
    /// A course that is halted with the intent of `step` open.
    private static func halted(at step: Step, _ plan: Plan = Fixture.fenced) throws -> Course {
        var course = Course(plan)
        try course.go(to: step)
        try course.happen(.halted(cause: .transient))
        return course
    }

    private static let forward: [Step] = [
        .pull, .raiseFence, .backUp, .stop, .liftFence, .start, .verify, .tidy,
    ]

    @Test("It closes the intent, rests, and names the effect", arguments: forward)
    func rests(step: Step) throws {
        let course = try Self.halted(at: step)
        guard case .halted(let halted) = course.run.upgrade else {
            Issue.record("it went on as \(course.run.upgrade.name)")
            return
        }
        #expect(course.run.open == nil)
        #expect(course.next == .rest)
        #expect(halted.cause == .transient)
        #expect(halted.undetermined?.step == step)
        #expect(halted.decisions.first == .retry)
        #expect(halted.decisions.contains(.rollBack))
        #expect(halted.decisions.contains(.settleUndone(step)))
    }

    @Test("Tried again, it comes to its end", arguments: forward)
    func isRetried(step: Step) throws {
        var course = try Self.halted(at: step)
        try course.happen(.retried(reason: "mended"))
        try course.go(to: nil)
        #expect(course.run.upgrade.name == .verified)
    }

    @Test("Settled as undone, the step is begun anew", arguments: forward)
    func isSettledAsUndone(step: Step) throws {
        var course = try Self.halted(at: step)
        try course.happen(.settled(step: step, settlement: .undone, reason: "seen"))
        // Of a stop that a person's time lies behind it is looked whether it still holds.
        #expect(!course.run.inDoubt.contains { $0.step == step })
        try course.go(to: nil)
        #expect(course.run.upgrade.name == .verified)
        #expect(course.begun.filter { $0 == step }.count >= 2)
    }

    @Test(
        "Settled as done, it goes on after the step", arguments: [Step.liftFence, .verify, .tidy])
    func isSettledAsDone(step: Step) throws {
        var course = try Self.halted(at: step)
        guard case .halted(let halted) = course.run.upgrade,
            let receipt = halted.undetermined?.receiptWhenDone
        else {
            Issue.record("nobody can vouch for it")
            return
        }
        #expect(halted.decisions.contains(.settleDone(step)))
        try course.happen(
            .settled(step: step, settlement: .done(receipt: receipt), reason: "seen"))
        try course.go(to: nil)
        #expect(course.run.upgrade.name == .verified)
        #expect(course.begun.filter { $0 == step }.count == 1)
    }

    @Test("Only the world can say what these left", arguments: [Step.pull, .backUp, .stop, .start])
    func cannotBeVouchedFor(step: Step) throws {
        guard case .halted(let halted) = try Self.halted(at: step).run.upgrade else { return }
        #expect(!halted.decisions.contains(.settleDone(step)))
    }

    @Test("Rolled back, the undetermined step is undone too", arguments: forward)
    func isRolledBack(step: Step) throws {
        var failed = Course(Fixture.fenced)
        try failed.go(to: step)
        if step == .tidy {
            try failed.happen(.rollbackOrdered(cause: .transient))
        } else {
            try failed.fail()
        }
        var course = try Self.halted(at: step)
        try course.happen(.rollbackOrdered(cause: .transient))
        #expect(course.wayBack == failed.wayBack)
        try course.go(to: nil)
        #expect(course.run.upgrade.name == .rolledBack)
    }

    /// What was begun before the halt may have happened, whatever follows the retry.
    @Test(
        "Tried again and then rolled back, the undetermined step is undone too",
        arguments: [Step.raiseFence, .stop, .start])
    func isRolledBackAfterARetry(step: Step) throws {
        var halted = try Self.halted(at: step)
        var retried = halted
        try halted.happen(.rollbackOrdered(cause: .transient))
        try retried.happen(.retried(reason: "mended"))
        #expect(retried.run.inDoubt.map(\.step) == [step])
        try retried.happen(.rollbackOrdered(cause: .transient))
        #expect(retried.wayBack == halted.wayBack)
    }

    @Test func `A stop in doubt is undone even where the fence then cannot be raised again`() throws
    {
        var course = try Self.halted(at: .stop)
        try course.happen(.retried(reason: "mended"))
        try course.go(to: .raiseFence)
        try course.fail()
        #expect(
            course.wayBack == [
                .liftFence(proving: nil), .startPrevious(kept: nil),
                .verifyPrevious(release: Fixture.current),
            ])
    }

    @Test func `What a rollback was ordered in the middle of is in doubt`() throws {
        var course = Course(Fixture.fenced)
        try course.go(to: .backUp)
        try course.happen(.rollbackOrdered(cause: .transient))
        #expect(course.run.inDoubt == [.backUp(name: "studio-u1-before-1")])
    }

    @Test func `Done after a retry, nothing is in doubt any more`() throws {
        var course = try Self.halted(at: .start)
        try course.happen(.retried(reason: "mended"))
        try course.go(to: .start)
        #expect(course.run.inDoubt == [.start(release: Fixture.candidate)])
        try course.succeed(adopted: true)
        #expect(course.run.inDoubt.isEmpty)
    }

    @Test("A rollback that is halted can be settled step by step", arguments: [true, false])
    func rollbackIsSettled(isDone: Bool) throws {
        var course = Course(Fixture.fenced)
        try course.go(to: .verify)
        try course.fail()
        try course.go(to: .restoreData)
        try course.happen(.halted(cause: .transient))
        let backup = Fixture.backup("studio-u1-before-1")
        try course.happen(
            .settled(
                step: .restoreData,
                settlement: isDone
                    ? .done(receipt: .dataRestored(fingerprint: backup.fingerprint)) : .undone,
                reason: "seen"))
        #expect(course.wayBack?.first?.step == (isDone ? .startPrevious : .restoreData))
        try course.go(to: nil)
        #expect(course.run.upgrade.name == .rolledBack)
    }

    @Test func `Every decision is a command to type`() {
        let decisions: [Halted.Decision] = [
            .retry, .rollBack, .settleDone(.verify), .settleUndone(.stop),
        ]
        #expect(
            decisions.map { $0.arguments.joined(separator: " ") } == [
                "resume --retry --reason WHY", "rollback --reason WHY",
                "settle verify --as done --reason WHY", "settle stop --as undone --reason WHY",
            ])
        #expect(Set(decisions.map(\.meaning)).count == decisions.count)
    }

    @Test func `A fence that stood at the halt counts as lost after it`() throws {
        var course = try Self.halted(at: .stop)
        try course.happen(.settled(step: .stop, settlement: .undone, reason: "seen"))
        #expect(course.run.upgrade.fence == .lost)
    }

    @Test func `An outage that a halted stop began goes on through a retry`() throws {
        var course = Course(Fixture.fenced)
        course.now = .second(10)
        try course.go(to: .stop)
        try course.happen(.halted(cause: .transient))
        course.now = .second(100)
        try course.happen(.retried(reason: "mended"))
        try course.go(to: .start)
        #expect(course.run.outageBegan == .second(10))
    }

    @Test func `A stop that has not happened began no outage`() throws {
        var course = try Self.halted(at: .stop)
        #expect(course.run.outageBegan != nil)
        try course.happen(.settled(step: .stop, settlement: .undone, reason: "seen"))
        #expect(course.run.outageBegan == nil)
    }
}
