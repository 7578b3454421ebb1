import Testing
import UpgradeMachine

/// A pause may last for days, and a reboot starts what had been stopped: what was proven before is
/// proven again, or done anew.
@Suite("Time in which nobody was there")
struct UnwatchedTests {
    private static let paused = Event.paused(cause: .transient)

    @Test(arguments: [Step.stop, .liftFence])
    func `After the stop the fence is raised and the service stopped again`(step: Step) throws {
        var course = Course(Fixture.fenced)
        try course.go(past: step)
        try course.happen(Self.paused, .resumed)
        #expect(course.run.upgrade.name == .backedUp)
        #expect(course.run.upgrade.fence == .lost)
        let before = course.begun.count
        try course.go(to: nil)
        #expect(course.run.upgrade.name == .verified)
        #expect(
            course.begun.dropFirst(before)
                == [.raiseFence, .stop, .liftFence, .start, .verify, .tidy])
    }

    @Test func `What was written meanwhile is in the next backup`() throws {
        var course = Course(Fixture.fenced)
        try course.go(past: .liftFence)
        try course.happen(Self.paused, .resumed)
        course.position = Fixture.later
        try course.go(past: .raiseFence)
        guard case .record(.backupInvalidated(_, Fixture.later)) = course.next else {
            Issue.record("it goes on: \(course.next)")
            return
        }
        try course.go(to: .start)
        #expect(course.run.upgrade.backup?.position == Fixture.later)
    }

    @Test(arguments: [Step.backUp, .stop])
    func `Without a fence the backup is taken anew`(step: Step) throws {
        var course = Course(Fixture.unfenced)
        try course.go(past: step)
        try course.happen(Self.paused, .resumed)
        let backup = Fixture.backup("studio-u1-before-1")
        #expect(course.next == .record(.backupInvalidated(backup: backup, position: nil)))
        try course.go(to: nil)
        #expect(course.run.upgrade.name == .verified)
        #expect(course.begun.suffix(5) == [.backUp, .stop, .start, .verify, .tidy])
        #expect(course.run.upgrade.backup?.path == "/srv/backups/studio-u1-before-2.sql.zst")
    }

    @Test func `Without a fence an open stop is withdrawn for that`() throws {
        var course = Course(Fixture.unfenced)
        try course.go(to: .stop)
        try course.happen(.resumed)
        guard case .record(.withdrawn(.stop, let cause)) = course.next else {
            Issue.record("it goes on: \(course.next)")
            return
        }
        #expect(cause.code == "unwatched")
        try course.go(to: nil)
        #expect(course.begun.suffix(6) == [.stop, .backUp, .stop, .start, .verify, .tidy])
    }

    @Test func `Without a fence a backup that was found is not believed`() throws {
        var course = Course(Fixture.unfenced)
        try course.go(to: .backUp)
        try course.happen(.resumed)
        try course.succeed(adopted: true)
        let backup = Fixture.backup("studio-u1-before-1")
        #expect(course.next == .record(.backupInvalidated(backup: backup, position: nil)))
    }

    @Test func `Without a database nothing is to be proven`() throws {
        var course = Course(Fixture.withoutDatabase)
        try course.go(past: .stop)
        try course.happen(Self.paused, .resumed)
        #expect(course.next == .record(.began(effect: .start(release: Fixture.candidate))))
    }

    /// The stop's outcome is not believed any more, and neither is that it has not happened.
    @Test(arguments: [Fixture.fenced, Fixture.unfenced])
    func `The way back from there starts the old version`(plan: Plan) throws {
        var course = Course(plan)
        try course.go(past: .stop)
        try course.happen(Self.paused, .resumed, .rollbackOrdered(cause: .transient))
        let old: [Effect] = [
            .startPrevious(kept: nil), .verifyPrevious(release: Fixture.current),
        ]
        let wayBack = try #require(course.wayBack)
        #expect(wayBack.suffix(2) == old[...])
        #expect(!wayBack.contains { $0.step == .restoreData })
    }

    @Test func `A start that was begun is not gone back before`() throws {
        var course = Course(Fixture.fenced)
        try course.go(to: .start)
        try course.happen(.halted(cause: .transient), .retried(reason: "why"), .resumed)
        #expect(course.run.upgrade.name == .stopped)
        #expect(course.next == .record(.began(effect: .start(release: Fixture.candidate))))
    }

    @Test func `A start that a person saw undone is`() throws {
        var course = Course(Fixture.fenced)
        try course.go(to: .start)
        try course.happen(
            .halted(cause: .transient),
            .settled(step: .start, settlement: .undone, reason: "seen"), .resumed)
        #expect(course.run.upgrade.name == .backedUp)
        try course.go(to: nil)
        #expect(course.run.upgrade.name == .verified)
    }

    @Test func `Who vouches for the lift is believed`() throws {
        var course = Course(Fixture.fenced)
        try course.go(to: .liftFence)
        try course.happen(
            .halted(cause: .transient),
            .settled(step: .liftFence, settlement: .done(receipt: .fenceLifted), reason: "seen"),
            .resumed)
        #expect(course.next == .record(.began(effect: .start(release: Fixture.candidate))))
        // Believed once: another crash is another time in which nobody was there.
        try course.happen(Self.paused, .resumed)
        #expect(course.run.upgrade.name == .backedUp)
    }
}
