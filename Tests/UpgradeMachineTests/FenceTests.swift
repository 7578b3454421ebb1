import Testing
import UpgradeMachine

@Suite("A fence lost by a take-over")
struct FenceTests {
    private static let first = Effect.backUp(name: "studio-u1-before-1")
    private static let second = Effect.backUp(name: "studio-u1-before-2")

    @Test func `Before the backup it is raised again`() throws {
        var course = Course(Fixture.fenced)
        try course.go(past: .raiseFence)
        try course.happen(.resumed)
        #expect(course.run.upgrade.fence == .lost)
        #expect(course.next == .record(.began(effect: .raiseFence)))
        try course.go(to: .backUp)
        #expect(course.run.open == Self.first)
    }

    @Test func `A fence that was never raised is not lost`() throws {
        for plan in [Fixture.fenced, Fixture.unfenced, Fixture.withoutDatabase] {
            var course = Course(plan)
            try course.go(past: .pull)
            try course.happen(.resumed)
            #expect(course.run.upgrade.fence == .down)
        }
    }

    @Test func `An open backup is withdrawn and begun anew under a new fence`() throws {
        var course = Course(Fixture.fenced)
        try course.go(to: .backUp)
        try course.happen(.resumed)
        guard case .record(.withdrawn(let step, let cause)) = course.next else {
            Issue.record("it goes on: \(course.next)")
            return
        }
        #expect(step == .backUp)
        #expect(cause.code == "fence-lost")
        try course.go(to: nil)
        #expect(course.run.upgrade.name == .verified)
        #expect(
            course.begun == [
                .pull, .raiseFence, .backUp, .raiseFence, .backUp, .stop, .liftFence, .start,
                .verify, .tidy,
            ])
    }

    @Test func `An open backup without a fence is not withdrawn`() throws {
        var course = Course(Fixture.unfenced)
        try course.go(to: .backUp)
        try course.happen(.resumed)
        #expect(course.next == .perform(Self.first))
    }

    @Test func `After the backup it is raised again, and an equal position keeps the backup`()
        throws
    {
        var course = Course(Fixture.fenced)
        try course.go(past: .backUp)
        try course.happen(.resumed)
        #expect(course.next == .record(.began(effect: .raiseFence)))
        try course.go(past: .raiseFence)
        #expect(course.next == .record(.began(effect: .stop)))
    }

    @Test func `Another position invalidates the backup, and the next has a name of its own`()
        throws
    {
        var course = Course(Fixture.fenced)
        try course.go(past: .backUp)
        try course.happen(.resumed)
        course.position = Fixture.later
        try course.go(past: .raiseFence)
        let invalidated = Event.backupInvalidated(
            backup: Fixture.backup("studio-u1-before-1"), position: Fixture.later)
        #expect(course.next == .record(invalidated))
        try course.happen(invalidated)
        #expect(course.next == .record(.began(effect: Self.second)))
        try course.go(to: .liftFence)
        #expect(course.run.open == .liftFence(proving: Fixture.later))
        #expect(course.run.upgrade.backup?.path == "/srv/backups/studio-u1-before-2.sql.zst")
    }

    @Test func `A backup that says no position proves nothing under a fence`() throws {
        var course = Course(Fixture.fenced)
        try course.go(to: .backUp)
        let backup = Fixture.backup("studio-u1-before-1", at: nil)
        try course.happen(.done(receipt: .backedUp(backup: backup), adopted: false))
        #expect(
            course.next
                == .record(.backupInvalidated(backup: backup, position: Fixture.position)))
    }

    /// Something writes in spite of the fence: without a limit, one dump would follow another.
    @Test func `Where every backup is invalidated the upgrade turns around`() throws {
        var course = Course(Fixture.plan(limits: Limits(attemptsPerStep: 3)))
        for number in 1...3 {
            try course.go(to: .backUp)
            #expect(course.run.open == .backUp(name: "studio-u1-before-\(number)"))
            let backup = Fixture.backup("studio-u1-before-\(number)", at: Fixture.later)
            try course.happen(.done(receipt: .backedUp(backup: backup), adopted: false))
        }
        guard case .record(.rollbackOrdered(let cause)) = course.next else {
            Issue.record("it goes on: \(course.next)")
            return
        }
        #expect(cause.code == "written-after-backup")
        try course.go(to: nil)
        #expect(course.run.upgrade.name == .rolledBack)
        #expect(course.begun.suffix(2) == [.backUp, .liftFence])
    }

    @Test func `During the stop it stays lost, and is lifted with proof after it`() throws {
        var course = Course(Fixture.fenced)
        try course.go(to: .stop)
        try course.happen(.resumed)
        #expect(course.next == .perform(.stop))
        try course.succeed(adopted: true)
        #expect(course.run.upgrade.fence == .lost)
        #expect(
            course.next == .record(.began(effect: .liftFence(proving: Fixture.position))))
        try course.go(to: nil)
        #expect(course.run.upgrade.name == .verified)
    }

    @Test func `An open lift stays lost, and proves`() throws {
        var course = Course(Fixture.fenced)
        try course.go(to: .liftFence)
        try course.happen(.resumed)
        #expect(course.run.upgrade.fence == .lost)
        #expect(course.next == .perform(.liftFence(proving: Fixture.position)))
    }

    @Test func `A lost one is lifted on the way back, for the server may still refuse`() throws {
        var course = Course(Fixture.fenced)
        try course.go(past: .raiseFence)
        try course.happen(.resumed, .rollbackOrdered(cause: .transient))
        #expect(course.wayBack == [.liftFence(proving: nil)])
    }
}
