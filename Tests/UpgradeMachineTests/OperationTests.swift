import Testing
import UpgradeMachine

/// What each operation does, what its failures lead to, and what may not follow.
@Suite("Operations")
struct OperationTests {
    private static let backup = Fixture.backup("old")
    private static let dump = Dump(path: "/srv/vendor.sql", sha256: "dd", sizeInBytes: 9)
    private static let restores: [Operation] = [
        .restore(source: .backup(backup: backup)), .restore(source: .dump(dump: dump)),
    ]

    private static func course(_ operation: Operation) -> Course {
        Course(Fixture.operation(operation))
    }

    @Test(
        "Each does its steps in order, and is done",
        arguments: [
            (Operation.pull, [Step.pull]), (.backUp, [.backUp]), (.stop, [.stop]),
            (.start, [.startPrevious, .verifyPrevious]),
            (.restart, [.stop, .startPrevious, .verifyPrevious]),
            (restores[0], [.stop, .saveData, .restoreData, .startPrevious, .verifyPrevious]),
            (restores[1], [.stop, .saveData, .loadDump, .startPrevious, .verifyPrevious]),
        ])
    func goesWell(operation: Operation, steps: [Step]) throws {
        var course = Self.course(operation)
        try course.go(to: nil)
        #expect(course.begun == steps)
        #expect(course.run.upgrade.name == .operated)
        #expect(course.next == .rest)
        #expect((course.run.outageBegan == nil) == (operation != .stop))
    }

    @Test(
        "What has changed nothing, or is what was asked for, fails where it stands",
        arguments: [
            (Operation.pull, Step.pull), (.backUp, .backUp), (.stop, .stop),
            (.start, .startPrevious), (.start, .verifyPrevious), (.restart, .startPrevious),
            (.restart, .verifyPrevious),
        ])
    func fails(operation: Operation, step: Step) throws {
        var course = Self.course(operation)
        try course.go(to: step)
        try course.fail(.permanent)
        guard case .failed(let end) = course.run.upgrade else {
            Issue.record("\(course.run.upgrade.name)")
            return
        }
        #expect(end.cause == .permanent)
        #expect(course.next == .rest)
    }

    @Test("What was stopped for it is started again", arguments: restores + [.restart])
    func startsAgain(operation: Operation) throws {
        for step in operation.steps.prefix(while: { $0 != .startPrevious }).prefix(2) {
            var course = Self.course(operation)
            try course.go(to: step)
            try course.fail(.permanent)
            try course.go(to: nil)
            #expect(course.begun.suffix(2) == [.startPrevious, .verifyPrevious])
            #expect(!course.begun.contains(.restoreData), "nothing was replaced")
            #expect(course.run.upgrade.name == .rolledBack)
            #expect(course.run.outageBegan == nil)
        }
    }

    @Test("Data that cannot be loaded gives way to what was there", arguments: restores)
    func putsBack(operation: Operation) throws {
        var course = Self.course(operation)
        try course.go(to: operation.steps[2])
        try course.fail(.permanent)
        try course.go(to: nil)
        guard case .rolledBack(let end) = course.run.upgrade else {
            Issue.record("\(course.run.upgrade.name)")
            return
        }
        #expect(end.backup?.path.contains("replaced") == true)
        #expect(
            course.begun.suffix(3) == [.restoreData, .startPrevious, .verifyPrevious])
    }

    @Test("Loaded data stays where the service does not serve with it", arguments: restores)
    func asksPerson(operation: Operation) throws {
        for step in [Step.startPrevious, .verifyPrevious] {
            var course = Self.course(operation)
            try course.go(to: step)
            try course.fail(.permanent)
            guard case .halted(let halt) = course.run.upgrade else {
                Issue.record("\(step): \(course.run.upgrade.name)")
                continue
            }
            #expect(halt.decisions.contains(.rollBack))
            try course.happen(.rollbackOrdered(cause: .transient))
            try course.go(to: nil)
            #expect(
                course.begun.suffix(5) == [
                    .stop, .saveData, .restoreData, .startPrevious, .verifyPrevious,
                ], "what has been written since is saved")
            #expect(course.run.upgrade.name == .rolledBack)
        }
    }

    @Test("Without what was there nothing is put back", arguments: restores)
    func unsaved(operation: Operation) throws {
        var course = Course(Fixture.operation(operation, mayLoseMigratedData: true))
        try course.go(to: .saveData)
        try course.happen(.done(receipt: .dataSaved(backup: nil), adopted: false))
        try course.go(to: operation.steps[2])
        try course.fail(.permanent)
        guard case .halted(let halt) = course.run.upgrade else {
            Issue.record("\(course.run.upgrade.name)")
            return
        }
        #expect(!halt.decisions.contains(.rollBack))
        #expect(throws: IllegalEvent.self) {
            try course.happen(.rollbackOrdered(cause: .transient))
        }
    }

    @Test func `Data that could not be saved is replaced only where the plan allows it`() throws {
        var course = Self.course(Self.restores[0])
        try course.go(to: .saveData)
        #expect(throws: IllegalEvent.self) {
            try course.happen(.done(receipt: .dataSaved(backup: nil), adopted: false))
        }
    }

    @Test func `Other data than the backup's is no restore`() throws {
        var course = Self.course(Self.restores[0])
        try course.go(to: .restoreData)
        let other = Fingerprint(digest: "other", tables: 1, rows: 1, isExact: true)
        #expect(throws: IllegalEvent.self) {
            try course.happen(.done(receipt: .dataRestored(fingerprint: other), adopted: false))
        }
    }

    @Test func `Another instance's backup is none of a lone backup`() throws {
        var course = Self.course(.backUp)
        try course.go(to: .backUp)
        let backup = Fixture.backup("x", of: "other")
        #expect(throws: IllegalEvent.self) {
            try course.happen(.done(receipt: .backedUp(backup: backup), adopted: false))
        }
    }

    @Test("Given up, each is as it was", arguments: [Operation.backUp, .restart] + restores)
    func givenUp(operation: Operation) throws {
        for step in operation.steps {
            var course = Self.course(operation)
            try course.go(to: step)
            try course.happen(.rollbackOrdered(cause: .transient))
            try course.go(to: nil)
            let end = course.run.upgrade.name
            let isService = operation != .backUp
            let wasStarted = operation == .restart && step != .stop
            #expect(end == (isService && !wasStarted ? .rolledBack : .failed), "\(step)")
        }
    }

    @Test("A crash in any step is taken over there", arguments: [Operation.backUp] + restores)
    func resumes(operation: Operation) throws {
        for step in operation.steps where step != .saveData {
            var course = Self.course(operation)
            try course.go(to: step)
            let open = course.run.open
            try course.happen(.resumed)
            #expect(course.run.open == open)
            try course.go(to: nil)
            #expect(course.run.upgrade.name == .operated)
        }
    }

    /// The host's init, or a person, may have started it, and it may have written.
    @Test("What was stopped and saved is so again after a crash", arguments: restores)
    func stopsAgain(operation: Operation) throws {
        for isSaved in [false, true] {
            var course = Self.course(operation)
            try course.go(to: .saveData)
            if isSaved { try course.succeed() }
            try course.happen(.resumed)
            let before = course.begun.count
            try course.go(to: nil)
            #expect(Array(course.begun[before...].prefix(2)) == [.stop, .saveData])
            let names = course.events.compactMap {
                if case .began(.saveData(let name)) = $0 { name } else { nil }
            }
            #expect(Set(names).count == 2, "each save has a name of its own: \(names)")
            #expect(course.run.upgrade.name == .operated)
            guard case .operated(let end) = course.run.upgrade else { return }
            #expect(end.backup?.path.contains("replaced-2") == true)
        }
    }

    @Test("Given up after such a crash, what was stopped is started", arguments: restores)
    func startsWhatWasStopped(operation: Operation) throws {
        var course = Self.course(operation)
        try course.go(to: .saveData)
        try course.succeed()
        try course.happen(.resumed, .rollbackOrdered(cause: .transient))
        try course.go(to: nil)
        #expect(course.begun.suffix(2) == [.startPrevious, .verifyPrevious])
        #expect(course.run.upgrade.name == .rolledBack)
    }

    @Test("Nothing follows an end", arguments: [true, false])
    func rests(isGood: Bool) throws {
        var course = Self.course(.backUp)
        try course.go(to: .backUp)
        if isGood { try course.succeed() } else { try course.fail(.permanent) }
        for event in [
            Event.resumed, .rollbackOrdered(cause: .transient), .halted(cause: .transient),
        ] {
            #expect(throws: IllegalEvent.self) { try course.happen(event) }
        }
    }
}
