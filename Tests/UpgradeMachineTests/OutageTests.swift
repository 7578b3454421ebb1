import Testing
import UpgradeMachine

@Suite("The outage budget")
struct OutageTests {
    private static let plan = Fixture.plan(limits: Limits(outageBudget: 60))

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let now: Moment
        let remaining: Duration
    }

    @Test(
        "It is measured from the intent to stop",
        arguments: [
            Case(testDescription: "at once", now: .second(100), remaining: .seconds(60)),
            Case(testDescription: "later", now: .second(130), remaining: .seconds(30)),
            Case(testDescription: "too late", now: .second(170), remaining: .seconds(-10)),
            Case(
                testDescription: "the wall clock of one boot does not count",
                now: .second(130, wallShift: 7200), remaining: .seconds(30)),
            Case(
                testDescription: "the wall clock set back does not count",
                now: .second(130, wallShift: -7200), remaining: .seconds(30)),
            Case(
                testDescription: "after a reboot the wall clock counts",
                now: .second(3, boot: "boot-2", wallShift: 137), remaining: .seconds(20)),
            Case(
                testDescription: "set back over a reboot it gives no time",
                now: .second(3, boot: "boot-2", wallShift: -5000), remaining: .seconds(60)),
        ])
    func measures(_ given: Case) throws {
        var course = Course(Self.plan)
        course.now = .second(100)
        try course.go(past: .stop)
        #expect(course.run.remainingOutage(at: given.now) == given.remaining)
        course.now = given.now
        if given.remaining <= .zero {
            guard case .record(.rollbackOrdered(let cause)) = course.next else {
                Issue.record("it goes on: \(course.next)")
                return
            }
            #expect(cause == .outageBudgetSpent(60))
        } else {
            #expect(course.next == .record(.began(effect: .liftFence(proving: Fixture.position))))
        }
    }

    @Test(
        "Spent between two steps, it turns the upgrade around", arguments: [Step.stop, .liftFence])
    func turnsAround(after step: Step) throws {
        var course = Course(Self.plan)
        try course.go(past: step)
        course.now = .second(60)
        try course.go(to: nil)
        #expect(course.run.upgrade.name == .rolledBack)
        #expect(course.events.contains(.rollbackOrdered(cause: .outageBudgetSpent(60))))
    }

    @Test func `Spent by a start, what was started is looked at before it is judged`() throws {
        var course = Course(Self.plan)
        try course.go(past: .start)
        course.now = .second(60)
        #expect(course.next == .record(.began(effect: .verify(release: Fixture.candidate))))
    }

    @Test func `Spent at the moment of an intent, the intent is refused`() throws {
        var course = Course(Self.plan)
        try course.go(past: .stop)
        course.now = .second(60)
        #expect(throws: IllegalEvent.self) {
            try course.happen(.began(effect: .liftFence(proving: Fixture.position)))
        }
    }

    @Test func `It does not run before the stop, nor once the release is verified`() throws {
        var course = Course(Self.plan)
        try course.go(past: .backUp)
        course.now = .second(100_000)
        #expect(course.run.remainingOutage(at: course.now) == nil)
        try course.go(past: .verify)
        course.now = .second(200_000)
        #expect(course.run.remainingOutage(at: course.now) == nil)
        try course.go(to: nil)
        #expect(course.run.upgrade.name == .verified)
    }

    @Test func `It does not end a rollback`() throws {
        var course = Course(Self.plan)
        try course.go(to: .verify)
        try course.fail()
        course.now = .second(100_000)
        #expect(course.run.remainingOutage(at: course.now) == nil)
        try course.go(to: nil)
        #expect(course.run.upgrade.name == .rolledBack)
    }

    @Test func `Spent while a stop is in doubt, the old version is started again`() throws {
        var course = Course(Self.plan)
        try course.go(to: .stop)
        try course.happen(.halted(cause: .transient))
        course.now = .second(3600)
        try course.happen(.retried(reason: "mended"))
        try course.go(to: nil)
        #expect(course.run.upgrade.name == .rolledBack)
        #expect(course.begun.suffix(2) == [.startPrevious, .verifyPrevious])
    }

    @Test func `Without one nothing is ever spent`() throws {
        var course = Course(Fixture.fenced)
        try course.go(past: .stop)
        #expect(course.run.remainingOutage(at: .second(1_000_000)) == nil)
    }
}
