import Testing
import UpgradeMachine

@Suite("An event out of turn")
struct RefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let step: Step?
        let events: [Event]

        /// - Parameter step: The step whose intent is open before `events`; none for a new run.
        init(_ description: String, at step: Step? = nil, _ events: Event...) {
            (testDescription, self.step, self.events) = (description, step, events)
        }
    }

    private static func done(_ receipt: Receipt) -> Event {
        .done(receipt: receipt, adopted: false)
    }
    private static let pull = Event.began(effect: .pull(release: Fixture.candidate))

    @Test(
        "It is refused",
        arguments: [
            Case("an outcome without its intent", done(.tidied(removed: []))),
            Case(
                "an outcome without its intent, of the right step",
                done(.pulled(release: Fixture.candidate, imageID: "1"))),
            Case("a second plan", .planned(plan: Fixture.fenced)),
            Case("a step too early", .began(effect: .start(release: Fixture.candidate))),
            Case("two intents", pull, pull),
            Case("the intent of another release", .began(effect: .pull(release: Fixture.current))),
            Case(
                "another image than the plan's", pull,
                done(.pulled(release: Fixture.current, imageID: "1"))),
            Case("the outcome of another step", pull, done(.candidateRemoved)),
            Case("a failure of another step", pull, .failed(step: .stop, failure: .permanent)),
            Case("a failure with nothing begun", .failed(step: .pull, failure: .permanent)),
            Case(
                "a turn while another try is due", pull, .failed(step: .pull, failure: .transient)),
            Case(
                "another try after a permanent failure", pull,
                .attemptFailed(step: .pull, failure: .permanent)),
            Case(
                "another start", at: .start, .attemptFailed(step: .start, failure: .transient)),
            Case(
                "another verification", at: .verify,
                .attemptFailed(step: .verify, failure: .transient)),
            Case(
                "a backup withdrawn under its fence", at: .backUp,
                .withdrawn(step: .backUp, cause: .transient)),
            Case(
                "a backup invalidated under its fence", at: .stop,
                .backupInvalidated(
                    backup: Fixture.backup("studio-u1-before-1"), position: Fixture.later)),
            Case(
                "a backup of another instance", at: .backUp,
                done(.backedUp(backup: Fixture.backup("other-u1-before-1", of: "other")))),
            Case(
                "a backup under another name than the intent's", at: .stop,
                .began(effect: .backUp(name: "studio-u1-before-2"))),
            Case("a retry of what is not halted", pull, .retried(reason: "why")),
            Case(
                "a settlement of what is not halted", pull,
                .settled(step: .pull, settlement: .undone, reason: "why")),
            Case(
                "a settlement of another step", at: .stop, .halted(cause: .transient),
                .settled(step: .start, settlement: .undone, reason: "why")),
            Case(
                "a settlement by another step's receipt", at: .liftFence,
                .halted(cause: .transient),
                .settled(
                    step: .liftFence, settlement: .done(receipt: .candidateRemoved), reason: "why")),
            Case("an intent while halted", pull, .halted(cause: .transient), pull),
            Case(
                "a halt of what is halted", .halted(cause: .transient), .halted(cause: .transient)),
            Case("a take-over of what is halted", .halted(cause: .transient), .resumed),
        ])
    func isRefused(_ given: Case) throws {
        var course = Course(Fixture.fenced)
        if let step = given.step { try course.go(to: step) }
        for event in given.events.dropLast() { try course.happen(event) }
        let before = course.run
        let last = try #require(given.events.last)
        #expect(throws: IllegalEvent.self) { try course.happen(last) }
        #expect(course.run == before)
    }

    @Test func `A stop from a state without a backup is refused where there is a database`() throws
    {
        var course = Course(Fixture.fenced)
        try course.go(past: .pull)
        #expect(throws: IllegalEvent.self) { try course.happen(.began(effect: .stop)) }
    }

    @Test func `A refusal says what was demanded instead`() throws {
        let course = Course(Fixture.fenced)
        do {
            _ = try course.run.evolved(by: .began(effect: .stop), at: course.now)
            Issue.record("it was accepted")
        } catch {
            #expect(error.state == .planned)
            #expect(error.open == nil)
            #expect(error.expected == .record(Self.pull))
            #expect(error.refusal == .outOfTurn)
        }
    }
}
