import GeneratedEvents
import PropertyTesting
import Testing
import UpgradeMachine

/// What holds of every run, whatever its plan and whatever was said to have happened.
@Suite("Runs of chance")
struct PropertyTests {
    private struct Sequence: Sendable {
        let plan: Plan
        let entries: [(event: Event, moment: Moment)]
    }

    /// Folds as far as it goes.
    private static func fold(
        _ plan: Plan, _ entries: some Collection<(event: Event, moment: Moment)>
    )
        -> [Run]
    {
        var runs = [Run(plan)]
        for (event, moment) in entries {
            // Where one is refused the run stays as it was.
            guard let last = runs.last, let next = try? last.evolved(by: event, at: moment) else {
                continue
            }
            runs.append(next)
        }
        return runs
    }

    /// The refusal, too, asks for the next action, so that nothing of the machine goes untouched.
    @Test func `Anything that may be said to have happened follows or is refused`() throws {
        try check(
            runs: 2_000,
            generating: Generator { choices in
                Sequence(
                    plan: choices.plan(),
                    entries: choices.array(limit: 12) { ($0.event(), $0.moment()) })
            }
        ) { given in
            let runs = Self.fold(given.plan, given.entries)
            try require(runs == Self.fold(given.plan, given.entries), "folded anew, it differs")
            for (run, entry) in zip(runs, given.entries) {
                let next = run.nextAction(at: entry.moment)
                try require(run.nextAction(at: entry.moment) == next, "asked again, it differs")
                if case .record(let event) = next {
                    try require(
                        (try? run.evolved(by: event, at: entry.moment)) != nil,
                        "it refuses what it demands: \(event)")
                }
                _ = run.remainingOutage(at: entry.moment)
            }
        }
    }

    @Test func `A legal history leads to the same run and the same next thing each time`() throws {
        nonisolated(unsafe) var ends: Set<StateName> = []
        nonisolated(unsafe) var types: Set<EventType> = []
        try check(runs: 1_000, generating: Generator { $0.history() }) { history in
            let runs = Self.fold(history.plan, history.entries)
            try require(runs.count == history.entries.count + 1, "one of its events is refused")
            try require(runs.last == history.run, "folded anew, it differs")
            let last = history.entries.last?.moment ?? .second(0)
            try require(
                runs.last?.nextAction(at: last) == history.run.nextAction(at: last),
                "folded anew, it demands something else")
            ends.insert(history.run.upgrade.name)
            types.formUnion(history.events.map(\.type))
        }
        #expect(ends == Set(StateName.allCases), "the histories lack an end")
        #expect(types == Set(EventType.allCases).subtracting([.planned]), "they lack an event")
    }

    @Test func `A decision that was altered is refused`() throws {
        nonisolated(unsafe) var altered = 0
        try check(
            runs: 500, generating: Generator { ($0.history(), $0.event(of: .began), $0.failure()) }
        ) {
            (history, intent, failure) in
            for (index, entry) in history.entries.enumerated() {
                let other: Event
                switch entry.event {
                case .began: other = intent
                case .withdrawn(let step, _): other = .withdrawn(step: step, cause: failure)
                case .backupInvalidated(let backup, _):
                    other = .backupInvalidated(backup: backup, position: Position("elsewhere"))
                case .failed(let step, _), .attemptFailed(let step, _):
                    // Of a step that was not begun.
                    other = .failed(step: step == .pull ? .tidy : .pull, failure: failure)
                default: continue
                }
                guard other != entry.event else { continue }
                altered += 1
                let before = Self.fold(history.plan, history.entries[..<index])
                guard let run = before.last else { continue }
                // Only whether it is refused matters here.
                let next = try? run.evolved(by: other, at: entry.moment)
                try require(next == nil, "event \(index) may be \(other) as well")
            }
        }
        #expect(altered > 500)
    }

    @Test func `Time between two moments is never less than none, and comes to an answer`() throws {
        try check(runs: 5_000, generating: Generator { ($0.moment(), $0.moment()) }) {
            (first, second) in
            try require(second.duration(since: first) >= .zero, "negative")
            try require(first.duration(since: first) == .zero, "no time is some")
            if first.bootID == second.bootID,
                second.monotonicNanoseconds >= first.monotonicNanoseconds
            {
                try require(
                    .nanoseconds(first.monotonicNanoseconds) + second.duration(since: first)
                        == .nanoseconds(second.monotonicNanoseconds), "it does not add up")
            }
        }
    }

    @Test func `Every kind of everything is generated`() throws {
        nonisolated(unsafe) var seen = Seen()
        try check(runs: 300, generating: Generator { ($0.plan(), $0.event()) }) { (plan, event) in
            seen.add(plan)
            seen.events.insert(event.type)
        }
        #expect(seen.runtimes == Set(RuntimeKind.allCases))
        #expect(seen.databases == Set(DatabaseKind.allCases))
        #expect(seen.questions == Set(QuestionKind.allCases))
        #expect(seen.secrets == Set(SecretReferenceKind.allCases))
        #expect(seen.locations == Set(VersionLocationKind.allCases))
        #expect(seen.destinations == Set(HTTPDestinationKind.allCases))
        #expect(seen.values == Set(HTTPValueKind.allCases))
        #expect(seen.events == Set(EventType.allCases))
        #expect(seen.operations == Set(OperationKind.allCases))
    }

    private struct Seen {
        var runtimes: Set<RuntimeKind> = []
        var databases: Set<DatabaseKind> = []
        var questions: Set<QuestionKind> = []
        var secrets: Set<SecretReferenceKind> = []
        var locations: Set<VersionLocationKind> = []
        var destinations: Set<HTTPDestinationKind> = []
        var values: Set<HTTPValueKind> = []
        var events: Set<EventType> = []
        var operations: Set<OperationKind> = []

        mutating func add(_ plan: Plan) {
            runtimes.insert(.of(plan.runtime))
            if let operation = plan.operation { operations.insert(.of(operation)) }
            databases.insert(.of(plan.database))
            questions.formUnion(plan.checks.map { .of($0.question) })
            if let password = plan.database.password { secrets.insert(.of(password)) }
            for case .http(let probe) in plan.checks.map(\.question) {
                if let version = probe.version { locations.insert(.of(version)) }
                if let destination = probe.destination { destinations.insert(.of(destination)) }
                values.formUnion((probe.login?.fields ?? []).map { .of($0.value) })
            }
        }
    }
}
