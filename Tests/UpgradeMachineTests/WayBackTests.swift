import Testing
import UpgradeMachine

@Suite("The way back")
struct WayBackTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let plan: Plan
        let step: Step
        let effects: [Effect]
        let testDescription: String

        init(_ name: String, _ plan: Plan, _ step: Step, _ effects: [Effect]) {
            (self.plan, self.step, self.effects) = (plan, step, effects)
            testDescription = "\(step.rawValue), \(name)"
        }
    }

    private static let lift = Effect.liftFence(proving: nil)
    private static let verify = Effect.verifyPrevious(release: Fixture.current)
    private static let startKept = Effect.startPrevious(kept: Fixture.kept)
    private static let restore: [Effect] = [
        .removeCandidate, .saveData(name: "studio-u1-migrated"),
        .restoreData(from: Fixture.backup("studio-u1-before-1")), startKept, verify,
    ]

    @Test(
        "A step that fails is undone with the ones before it",
        arguments: [
            Case("fenced", Fixture.fenced, .pull, []),
            Case("fenced", Fixture.fenced, .raiseFence, [lift]),
            Case("fenced", Fixture.fenced, .backUp, [lift]),
            Case("fenced", Fixture.fenced, .stop, [lift, .startPrevious(kept: nil), verify]),
            Case("fenced", Fixture.fenced, .liftFence, [lift, startKept, verify]),
            Case("fenced", Fixture.fenced, .start, restore),
            Case("fenced", Fixture.fenced, .verify, restore),
            Case("not fenced", Fixture.unfenced, .pull, []),
            Case("not fenced", Fixture.unfenced, .backUp, []),
            Case("not fenced", Fixture.unfenced, .stop, [.startPrevious(kept: nil), verify]),
            Case("not fenced", Fixture.unfenced, .start, restore),
            Case("not fenced", Fixture.unfenced, .verify, restore),
            Case("no database", Fixture.withoutDatabase, .pull, []),
            Case(
                "no database", Fixture.withoutDatabase, .stop,
                [.startPrevious(kept: nil), verify]),
            Case(
                "no database", Fixture.withoutDatabase, .start,
                [.removeCandidate, startKept, verify]),
            Case(
                "no database", Fixture.withoutDatabase, .verify,
                [.removeCandidate, startKept, verify]),
        ])
    func undoes(_ given: Case) throws {
        var course = Course(given.plan)
        try course.go(to: given.step)
        try course.fail()
        #expect(course.wayBack == given.effects)
        try course.go(to: nil)
        #expect(course.run.upgrade.name == .rolledBack)
        #expect(course.begun.suffix(given.effects.count) == given.effects.map(\.step)[...])
        #expect(course.run.outageBegan == nil)
    }

    @Test(
        "A rollback that is ordered between two steps undoes what is done",
        arguments: [
            Case("fenced", Fixture.fenced, .pull, []),
            Case("fenced", Fixture.fenced, .raiseFence, [lift]),
            Case("fenced", Fixture.fenced, .backUp, [lift]),
            Case("fenced", Fixture.fenced, .stop, [lift, startKept, verify]),
            Case("fenced", Fixture.fenced, .liftFence, [startKept, verify]),
            Case("fenced", Fixture.fenced, .start, restore),
            Case("fenced", Fixture.fenced, .verify, restore),
            Case("fenced", Fixture.fenced, .tidy, restore),
            Case("no database", Fixture.withoutDatabase, .stop, [startKept, verify]),
        ])
    func undoesWhenOrdered(_ given: Case) throws {
        var course = Course(given.plan)
        try course.go(past: given.step)
        try course.happen(.rollbackOrdered(cause: .transient))
        #expect(course.wayBack == given.effects)
    }

    @Test func `A verified upgrade that a person rolls back says what it reached`() throws {
        var course = Course(Fixture.fenced)
        try course.go(to: nil)
        try course.happen(.rollbackOrdered(cause: .transient))
        try course.go(to: nil)
        guard case .rolledBack(let state) = course.run.upgrade else {
            Issue.record("it ended as \(course.run.upgrade.name)")
            return
        }
        #expect(state.reached == .verified)
        #expect(state.cause == .transient)
        #expect(state.backup == Fixture.backup("studio-u1-before-1"))
        #expect(state.saved == Fixture.backup("studio-u1-migrated"))
    }

    @Test func `An end before the data was touched names no backup as put back`() throws {
        var course = Course(Fixture.fenced)
        try course.go(to: .liftFence)
        try course.fail()
        try course.go(to: nil)
        guard case .rolledBack(let state) = course.run.upgrade else {
            Issue.record("it ended as \(course.run.upgrade.name)")
            return
        }
        #expect(state.backup == nil)
        #expect(state.saved == nil)
    }

    @Test(
        "A rollback is never rolled back: it is tried again, then a person is asked",
        arguments: [
            Step.removeCandidate, .saveData, .restoreData, .startPrevious, .verifyPrevious,
        ])
    func isNeverRolledBack(step: Step) throws {
        var course = Course(Fixture.fenced)
        try course.go(to: .verify)
        try course.fail()
        try course.go(to: step)
        try course.fail(.transient)
        try course.fail(.transient)
        #expect(course.run.open?.step == step)
        #expect(throws: IllegalEvent.self) {
            try course.happen(.failed(step: step, failure: .transient))
        }
        #expect(throws: IllegalEvent.self) {
            try course.happen(.rollbackOrdered(cause: .transient))
        }
        try course.fail(.transient)
        guard case .halted(let halted) = course.run.upgrade else {
            Issue.record("it went on as \(course.run.upgrade.name)")
            return
        }
        #expect(halted.undetermined?.step == step)
        #expect(!halted.decisions.contains(.rollBack))
        #expect(throws: IllegalEvent.self) {
            try course.happen(.rollbackOrdered(cause: .transient))
        }
    }

    @Test func `Data that is not the backup's is refused`() throws {
        var course = Course(Fixture.fenced)
        try course.go(to: .verify)
        try course.fail()
        try course.go(to: .restoreData)
        let other = Fingerprint(digest: "f1", tables: 3, rows: 7, isExact: true)
        #expect {
            try course.happen(.done(receipt: .dataRestored(fingerprint: other), adopted: false))
        } throws: { error in
            guard case .evidence? = (error as? IllegalEvent)?.refusal else { return false }
            return true
        }
    }

    @Test(
        "A fingerprint is compared by what its original can say",
        arguments: [
            (true, "f0", 3, true), (true, "f1", 3, false), (true, "f0", 4, true),
            (false, "f1", 3, true), (false, "f0", 4, false),
        ])
    func matches(isExact: Bool, digest: String, tables: Int, expected: Bool) {
        let original = Fingerprint(digest: "f0", tables: 3, rows: 7, isExact: isExact)
        let found = Fingerprint(digest: digest, tables: tables, rows: 9, isExact: true)
        #expect(found.matches(original) == expected)
    }

    @Test(
        "Data that cannot be saved is lost only where the plan allows it", arguments: [true, false])
    func savesNothing(mayLose: Bool) throws {
        var course = Course(Fixture.plan(mayLoseMigratedData: mayLose))
        try course.go(to: .verify)
        try course.fail()
        try course.go(to: .saveData)
        let nothing = Event.done(receipt: .dataSaved(backup: nil), adopted: false)
        if mayLose {
            try course.happen(nothing)
            #expect(course.wayBack?.first?.step == .restoreData)
        } else {
            #expect(throws: IllegalEvent.self) { try course.happen(nothing) }
        }
    }

    @Test("Where the data cannot be saved, a person may let it go")
    func savesNothingByHand() throws {
        var course = Course(Fixture.plan())
        try course.go(to: .verify)
        try course.fail()
        try course.go(to: .saveData)
        try course.fail()
        guard case .halted(let halted) = course.run.upgrade else {
            Issue.record("\(course.run.upgrade.name)")
            return
        }
        #expect(halted.decisions.contains(.settleDone(.saveData)))
        let receipt = try #require(halted.undetermined?.receiptWhenDone)
        try course.happen(
            .settled(step: .saveData, settlement: .done(receipt: receipt), reason: "seen"))
        try course.go(to: nil)
        guard case .rolledBack(let end) = course.run.upgrade else {
            Issue.record("\(course.run.upgrade.name)")
            return
        }
        #expect(end.saved == nil && end.backup != nil)
    }
}
