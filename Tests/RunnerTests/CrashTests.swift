import Foundation
import Runner
import Testing
import UpgradeMachine

@Suite("Resuming after a crash")
struct CrashTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let plan: Plan
        let failing: [Step]
        let testDescription: String

        init(_ name: String, _ plan: Plan, failing: [Step]) {
            (self.plan, self.failing) = (plan, failing)
            let steps = failing.map(\.rawValue).joined(separator: " and ")
            testDescription = "\(name), \(steps.isEmpty ? "nothing" : steps) fails"
        }

        func failing(_ step: Step) -> Case {
            Case(testDescription, plan, failing: failing + [step])
        }
    }

    private static let forward: [Step] = [
        .pull, .raiseFence, .backUp, .stop, .liftFence, .start, .verify, .tidy,
    ]
    private static let back: [Step] = [
        .removeCandidate, .saveData, .restoreData, .startPrevious, .verifyPrevious,
    ]

    private static let cases: [Case] = [
        ("fenced", Sample.plan()), ("not fenced", Sample.plan(fence: .none)),
        ("no database", Sample.plan(hasDatabase: false)),
    ].flatMap { name, plan in
        ([[]] + forward.map { [$0] } + back.map { [.verify, $0] }).map {
            Case(name, plan, failing: $0)
        }
    }

    /// Every place where a run that `power` has counted can be cut.
    private static func points(counted power: Power) -> [CrashPoint] {
        let (performs, appends) = power.counts
        return (0..<performs).flatMap { number in
            Extent.allCases.map { .performing(number, $0) }
        }
            + (0..<appends).flatMap { number in
                [false, true].map { .appending(number, isDurable: $0) }
            }
    }

    @Test("A run cut anywhere ends as the uncut run did", arguments: cases)
    func endsTheSame(_ given: Case) async throws {
        let uncut = Power()
        let expected = try await expectations(of: given, counting: uncut)
        for point in Self.points(counted: uncut) {
            let found = try await end(of: given, cutBy: [Power(until: point)])
            try expect(found, endsAs: expected, after: [point])
        }
    }

    @Test(
        "A run cut twice ends as the uncut run did",
        arguments: [[], [Step.verify]])
    func endsTheSameAfterTwo(failing: [Step]) async throws {
        let given = Case("fenced", Sample.plan(), failing: failing)
        let uncut = Power()
        let expected = try await expectations(of: given, counting: uncut)
        for first in Self.points(counted: uncut) {
            let resumed = Power()
            _ = try await end(of: given, cutBy: [Power(until: first), resumed])
            for second in Self.points(counted: resumed) {
                let found = try await end(
                    of: given, cutBy: [Power(until: first), Power(until: second)])
                try expect(found, endsAs: expected, after: [first, second])
            }
        }
    }

    private func expectations(
        of given: Case, counting power: Power
    ) async throws -> Expectations {
        let uncut = try await end(of: given, cutBy: [power])
        let torn = try await end(of: given.failing(.start), cutBy: [])
        for ending in [uncut, torn] {
            #expect(ending.violations.isEmpty)
            #expect(ending.essence == Essence.unrepeated(ending.essence))
        }
        return Expectations(uncut: uncut, torn: torn)
    }

    private func expect(
        _ found: Ending, endsAs expected: Expectations, after points: [CrashPoint]
    ) throws {
        let halves = points.filter { if case .performing(_, .half) = $0 { true } else { false } }
        let hasFailedStart = try Essence.hasFailedStart(found.essence)
        let hasTornStart = !halves.isEmpty && hasFailedStart
        let expected = hasTornStart ? expected.torn : expected.uncut
        #expect(found.run.upgrade.name == expected.run.upgrade.name, "\(points)")
        #expect(found.state == expected.state, "\(points)")
        #expect(found.violations.isEmpty, "\(points)")
        #expect(Essence.unrepeated(found.essence) == expected.essence, "\(points)")
        if found.run.upgrade.name != .halted { #expect(!found.state.isTorn, "\(points)") }
    }
}

/// How a run is to end.
private struct Expectations {
    let uncut: Ending
    /// A start that a crash tore is not repeated: it has failed.
    let torn: Ending
}

/// What a run and its crashes have come to.
struct Ending {
    let run: Run
    let state: World.State
    let violations: [String]
    let essence: [String]
}

extension [String: Extent] {
    /// As if an upgrade's backups of before were one, which is done where one of them is.
    fileprivate var mergedByKind: Self {
        Dictionary(map { (Essence.unnumbered($0), $1) }) { $0 == .done ? $0 : $1 }
    }
}

extension CrashTests {
    /// Runs the upgrade, resumed after each power cut, to its end or rest.
    private func end(of given: Case, cutBy powers: [Power]) async throws -> Ending {
        let world = World(given.plan, failing: Set(given.failing))
        let time = FakeTime()
        var batches: [[MemoryJournal.Entry]] = []
        var isFirst = true
        for power in powers + [Power()] {
            await world.begin(with: power)
            let journal = MemoryJournal(batches, power: power)
            let runner = Runner(driver: world, journal: journal, timekeeper: time)
            let replayed = try journal.replayed(given.plan)
            do {
                let run =
                    isFirst ? try await runner.finish(replayed) : try await runner.resume(replayed)
                #expect(try journal.replayed(given.plan) == run)
                // This process ends as well, and its sessions with it.
                await world.begin(with: Power())
                var state = await world.state
                // One that lifting failed on stands, or went with the process that left it.
                if run.upgrade.name == .halted { state.fence = .absent }
                // Without a fence a backup that a crash has survived is taken anew.
                if given.plan.fence == .none {
                    state.backups = state.backups.mergedByKind
                } else {
                    #expect(!journal.events.contains { $0.type == .backupInvalidated })
                }
                return Ending(
                    run: run, state: state, violations: await world.violations,
                    essence: try journal.events.compactMap(Essence.of))
            } catch is PowerCut {
                batches = journal.batches
                isFirst = false
            }
        }
        throw PowerCut()
    }
}

/// What the log of a crashed upgrade has in common with one that did not crash: all but take-overs,
/// retries, adoptions, the words of a failure, and which of its backups it is.
enum Essence {
    private static let failure = Failure(code: "", message: "", advice: "")

    static func hasFailedStart(_ essence: [String]) throws -> Bool {
        essence.contains(try text(of: .failed(step: .start, failure: failure)))
    }

    static func of(_ event: Event) throws -> String? {
        switch event {
        case .resumed, .attemptFailed, .withdrawn, .backupInvalidated: nil
        case .done(let receipt, _): try text(of: .done(receipt: receipt, adopted: false))
        case .failed(let step, _): try text(of: .failed(step: step, failure: failure))
        case .halted: try text(of: .halted(cause: failure))
        default: try text(of: event)
        }
    }

    private static func text(of event: Event) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return unnumbered(String(decoding: try encoder.encode(event), as: UTF8.self))
    }

    static func unnumbered(_ text: String) -> String {
        text.replacing(/-before-[0-9]+/, with: "-before")
    }

    /// Without what a lost fence has repeat: raising it, and the intent of a backup under it.
    static func unrepeated(_ essence: [String]) -> [String] {
        var seen: Set<String> = []
        return essence.filter { seen.insert($0).inserted }
    }
}
