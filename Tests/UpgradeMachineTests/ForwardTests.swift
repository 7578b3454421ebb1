import Testing
import UpgradeMachine

@Suite("The way forward")
struct ForwardTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let plan: Plan
        let steps: [Step]
    }

    @Test(
        "Every step is begun once, in order, up to the end",
        arguments: [
            Case(
                testDescription: "with a database, fenced", plan: Fixture.fenced,
                steps: [.pull, .raiseFence, .backUp, .stop, .liftFence, .start, .verify, .tidy]),
            Case(
                testDescription: "with a database, not fenced", plan: Fixture.unfenced,
                steps: [.pull, .backUp, .stop, .start, .verify, .tidy]),
            Case(
                testDescription: "without a database there is nothing to fence",
                plan: Fixture.withoutDatabase, steps: [.pull, .stop, .start, .verify, .tidy]),
        ])
    func goes(_ given: Case) throws {
        var course = Course(given.plan)
        try course.go(to: nil)
        #expect(course.begun == given.steps)
        #expect(course.run.upgrade.name == .verified)
        #expect(course.next == .rest)
        #expect(course.run.outageBegan == nil)
    }

    @Test func `The last state holds the evidence of every step before it`() throws {
        var course = Course(Fixture.fenced)
        try course.go(to: nil)
        guard case .verified(let verified) = course.run.upgrade else {
            Issue.record("it ended as \(course.run.upgrade.name)")
            return
        }
        let stopped = verified.started.stopped
        #expect(verified.tidying == .done(removed: []))
        #expect(verified.started.candidate == Fixture.served)
        #expect(stopped.kept == Fixture.kept)
        #expect(stopped.position == Fixture.position)
        #expect(stopped.fence == .down)
        #expect(stopped.backedUp.backup == Fixture.backup("studio-u1-before-1"))
        #expect(stopped.backedUp.pulled.imageID == "image-71")
    }

    @Test func `The fence is lifted with proof of the backup's position`() throws {
        var course = Course(Fixture.fenced)
        try course.go(to: .liftFence)
        #expect(course.run.open == .liftFence(proving: Fixture.position))
    }

    @Test func `The outage is counted from the intent to stop until a release is verified`() throws
    {
        var course = Course(Fixture.fenced)
        try course.go(past: .backUp)
        #expect(course.run.outageBegan == nil)
        course.now = .second(7)
        try course.go(to: .stop)
        course.now = .second(9)
        try course.go(to: .verify)
        #expect(course.run.outageBegan == .second(7))
        try course.succeed()
        #expect(course.run.outageBegan == nil)
    }

    @Test func `A failed tidying leaves the upgrade verified`() throws {
        var course = Course(Fixture.fenced)
        try course.go(to: .tidy)
        try course.fail(.transient)
        try course.fail(.transient)
        #expect(course.run.open == .tidy)
        try course.fail(.transient)
        guard case .verified(let verified) = course.run.upgrade else {
            Issue.record("it went on as \(course.run.upgrade.name)")
            return
        }
        #expect(verified.tidying == .failed(.transient))
        #expect(course.next == .rest)
    }

    @Test("An upgrade that has ended takes no event that would go on", arguments: [true, false])
    func endIsAnEnd(isVerified: Bool) throws {
        var course = Course(Fixture.fenced)
        if !isVerified {
            try course.go(to: .verify)
            try course.fail()
        }
        try course.go(to: nil)
        #expect(course.run.upgrade.name == (isVerified ? .verified : .rolledBack))
        for event: Event in [
            .resumed, .paused(cause: .transient), .halted(cause: .transient),
            .retried(reason: "why"), .began(effect: .tidy),
        ] {
            #expect(throws: IllegalEvent.self) { try course.happen(event) }
        }
        if !isVerified {
            #expect(throws: IllegalEvent.self) {
                try course.happen(.rollbackOrdered(cause: .transient))
            }
        }
    }
}
