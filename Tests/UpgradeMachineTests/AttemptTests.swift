import Testing
import UpgradeMachine

@Suite("Tries of one step")
struct AttemptTests {
    private static let repeated: [Step] = [
        .pull, .raiseFence, .backUp, .stop, .liftFence, .tidy,
    ]

    @Test("A step is tried as often as the plan says", arguments: repeated, [1, 2, 3])
    func isTried(step: Step, attempts: Int) throws {
        var course = Course(Fixture.plan(limits: Limits(attemptsPerStep: attempts)))
        try course.go(to: step)
        for _ in 1..<attempts {
            try course.fail(.transient)
            #expect(course.run.open?.step == step)
        }
        try course.fail(.transient)
        #expect(course.run.open == nil)
        #expect(course.events.last == .failed(step: step, failure: .transient))
    }

    @Test("A permanent failure is not tried again", arguments: repeated + [.start, .verify])
    func isPermanent(step: Step) throws {
        var course = Course(Fixture.fenced)
        try course.go(to: step)
        try course.fail(.permanent)
        #expect(course.events.last == .failed(step: step, failure: .permanent))
    }

    @Test("A start and a verification are never tried again", arguments: [Step.start, .verify])
    func isNeverTriedAgain(step: Step) throws {
        var course = Course(Fixture.fenced)
        try course.go(to: step)
        try course.fail(.transient)
        #expect(course.events.last == .failed(step: step, failure: .transient))
        #expect(course.run.upgrade.name == .rollingBack)
    }

    @Test func `Each step has tries of its own`() throws {
        var course = Course(Fixture.fenced)
        try course.go(to: .pull)
        try course.fail(.transient)
        try course.fail(.transient)
        #expect(course.run.failedAttempts == 2)
        try course.go(to: .stop)
        #expect(course.run.failedAttempts == 0)
    }

    @Test func `A failure has no meaning where nothing was begun`() {
        #expect(Course(Fixture.fenced).run.decision(after: .transient) == nil)
    }
}

@Suite("Take-overs")
struct TakeOverTests {
    private static let limits = Limits(resumesWithoutProgress: 5)

    @Test func `After five that got nothing done a person is asked`() throws {
        var course = Course(Fixture.plan(limits: Self.limits))
        try course.go(to: .pull)
        for _ in 1...5 {
            try course.happen(.resumed)
            #expect(course.next == .perform(.pull(release: Fixture.candidate)))
        }
        try course.happen(.resumed)
        guard case .record(.halted(let cause)) = course.next else {
            Issue.record("it goes on: \(course.next)")
            return
        }
        #expect(cause.code == "no-progress")
        #expect(cause.message.hasPrefix("5 "))
        try course.go(to: nil)
        #expect(course.run.upgrade.name == .halted)
    }

    @Test func `Those after a pause are not counted`() throws {
        var course = Course(Fixture.plan(limits: Self.limits))
        try course.go(to: .pull)
        for _ in 1...20 {
            try course.happen(.paused(cause: .transient), .resumed)
        }
        #expect(course.run.fruitlessResumes == 0)
        #expect(course.next == .perform(.pull(release: Fixture.candidate)))
    }

    @Test func `One pause excuses one take-over`() throws {
        var course = Course(Fixture.plan(limits: Self.limits))
        try course.go(to: .pull)
        try course.happen(.paused(cause: .transient), .resumed, .resumed)
        #expect(course.run.fruitlessResumes == 1)
    }

    @Test(
        "Whatever gets done or decided begins the count anew",
        arguments: ["done", "failed", "order"])
    func beginsAnew(by: String) throws {
        var course = Course(Fixture.plan(limits: Self.limits))
        try course.go(to: .verify)
        for _ in 1...5 { try course.happen(.resumed) }
        #expect(course.run.fruitlessResumes == 5)
        switch by {
        case "done": try course.succeed()
        case "failed": try course.fail()
        default: try course.happen(.rollbackOrdered(cause: .transient))
        }
        #expect(course.run.fruitlessResumes == 0)
    }

    /// Each crash in a backup costs a fence, so that raising it must not count as progress: a dump
    /// that kills its host would keep the database from writing again and again, without an end.
    @Test func `Raising the fence again and again is no progress`() throws {
        var course = Course(Fixture.plan(limits: Self.limits))
        for _ in 1...5 {
            try course.go(to: .backUp)
            try course.happen(.resumed)
        }
        try course.go(to: .backUp)
        try course.happen(.resumed)
        try course.go(to: nil)
        #expect(course.run.upgrade.name == .halted)
    }
}
