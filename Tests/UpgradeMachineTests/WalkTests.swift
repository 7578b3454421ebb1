import Foundation
import Testing
import UpgradeMachine

/// Visits every run that a few faults in a small world can lead to, and asserts of each what must
/// hold of all.
///
/// Faults are crashes, pauses, failures, halts, lost time, writes beside the service, and orders to
/// roll back; what a person then decides about a halt is not counted.
@Suite("Every reachable run")
struct WalkTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let plan: Plan
    }

    private static let limits = Limits(
        attemptsPerStep: 2, resumesWithoutProgress: 1, outageBudget: 60)

    private static let cases = [
        Case(testDescription: "fenced", plan: Fixture.plan(limits: limits)),
        Case(testDescription: "not fenced", plan: Fixture.plan(fence: .none, limits: limits)),
        Case(
            testDescription: "no database",
            plan: Fixture.plan(database: .none, limits: limits)),
    ]

    @Test("It is sound, and none is a dead end", arguments: cases)
    func isSound(_ given: Case) throws {
        var walk = Walk(given.plan, faults: 3)
        try walk.visitAll(limit: 200_000)
        #expect(walk.nodes > 1000)
        #expect(walk.verdicts == [.verified, .rolledBack, .halted])
        try expectRoundTrips(walk.events)
    }

    private func expectRoundTrips(_ events: Set<Event>) throws {
        let encoder = JSONEncoder()
        let decoder = JSONDecoder()
        for event in events {
            let data = try encoder.encode(event)
            #expect(try decoder.decode(Event.self, from: data) == event)
            #expect(!String(decoding: data, as: UTF8.self).contains(#""_"#))
        }
    }
}

/// A run, and what has truly become of the world under it.
struct Node: Hashable {
    var run: Run
    var world: PlainWorld
    /// Faults that may still come.
    var faultsLeft: Int
}

/// What may be so in the world after what was begun in it, however the run thinks of it.
struct PlainWorld: Hashable {
    var fenceMayStand = false
    var serviceMayBeDown = false
    var candidateMayRun = false
    var dataMayBeTouched = false
    var hasBackup = false

    mutating func happen(_ event: Event) {
        switch event {
        case .began(let effect): begin(effect.step)
        case .done(let receipt, _), .settled(_, .done(let receipt), _): end(receipt.step)
        case .settled(let step, .undone, _): undo(step)
        case .backupInvalidated: hasBackup = false
        default: break
        }
    }

    private mutating func begin(_ step: Step) {
        switch step {
        case .raiseFence: fenceMayStand = true
        case .stop: serviceMayBeDown = true
        case .start: (candidateMayRun, dataMayBeTouched) = (true, true)
        case .restoreData: dataMayBeTouched = true
        case .removeCandidate: serviceMayBeDown = true
        default: break
        }
    }

    private mutating func end(_ step: Step) {
        switch step {
        case .backUp: hasBackup = true
        case .liftFence: fenceMayStand = false
        case .verify, .verifyPrevious: serviceMayBeDown = false
        case .removeCandidate: candidateMayRun = false
        case .restoreData: dataMayBeTouched = false
        default: break
        }
    }

    private mutating func undo(_ step: Step) {
        switch step {
        case .raiseFence: fenceMayStand = false
        case .stop: serviceMayBeDown = false
        case .start: (candidateMayRun, dataMayBeTouched) = (false, false)
        default: break
        }
    }
}

struct Walk {
    private(set) var events: Set<Event> = []
    private(set) var verdicts: Set<StateName> = []
    private var seen: Set<Node> = []
    private var frontier: [Node] = []
    /// Runs that were found to come to an end where all goes well, and where all fails.
    private var ending: [Set<Run>] = [[], []]
    private let plan: Plan

    /// Well within the outage budget, and beyond it.
    private static let early = Moment.second(1)
    private static let late = Moment.second(100)
    /// More events than any run needs that nothing disturbs.
    private static let stepsToAnEnd = 40

    var nodes: Int { seen.count }

    init(_ plan: Plan, faults: Int) {
        self.plan = plan
        let first = Node(run: Run(plan), world: PlainWorld(), faultsLeft: faults)
        seen = [first]
        frontier = [first]
    }

    mutating func visitAll(limit: Int) throws {
        while let node = frontier.popLast() {
            try #require(nodes < limit, "the runs do not come to an end")
            expectSound(node)
            expectAnEnd(of: node, failing: false)
            expectAnEnd(of: node, failing: true)
            for event in course(of: node.run) { visit(node, event, at: Self.early) }
            guard node.faultsLeft > 0 else { continue }
            var disturbed = node
            disturbed.faultsLeft -= 1
            for event in faults(of: node.run) { visit(disturbed, event, at: Self.early) }
            if let event = lateness(of: node.run) { visit(disturbed, event, at: Self.late) }
        }
    }

    private mutating func visit(_ node: Node, _ event: Event, at moment: Moment) {
        var next = node
        do {
            next.run = try node.run.evolved(by: event, at: moment)
        } catch {
            Issue.record("\(error.state.rawValue) refuses \(event.brief): \(error.expected)")
            return
        }
        expectInTurn(event, after: node)
        next.world.happen(event)
        events.insert(event)
        if seen.insert(next).inserted { frontier.append(next) }
    }
}

// What may happen next.
extension Walk {
    /// Where nothing disturbs it: one event, or each decision that a person may take.
    private func course(of run: Run) -> [Event] {
        switch run.nextAction(at: Self.early) {
        case .record(let event):
            return [event]
        case .perform(let effect):
            return [.done(receipt: Fixture.receipt(of: effect), adopted: false)]
        case .rest:
            guard case .halted(let halted) = run.upgrade else { return [] }
            return halted.decisions.map { decision(of: $0, in: halted) }
        }
    }

    private func faults(of run: Run) -> [Event] {
        let anywhere: [Event] = [.resumed, .paused(cause: .transient)]
        switch run.nextAction(at: Self.early) {
        case .record:
            return anywhere + orders(in: run)
        case .perform(let effect):
            let failures = [Failure.transient, .permanent].compactMap(run.decision(after:))
            return anywhere + failures + [.halted(cause: .transient)] + orders(in: run)
                + writes(under: effect)
        case .rest:
            if case .halted = run.upgrade { return [] }
            return orders(in: run)
        }
    }

    /// A person may order a rollback of whatever is not on its way back yet.
    private func orders(in run: Run) -> [Event] {
        switch run.upgrade {
        case .rollingBack, .rolledBack, .halted: []
        default: [.rollbackOrdered(cause: .transient)]
        }
    }

    /// The database may stand elsewhere than it did.
    private func writes(under effect: Effect) -> [Event] {
        switch effect {
        case .raiseFence, .backUp:
            [.done(receipt: Fixture.receipt(of: effect, at: Fixture.later), adopted: false)]
        default: []
        }
    }

    /// What too much time makes of it, where that is something else.
    private func lateness(of run: Run) -> Event? {
        guard case .record(let event) = run.nextAction(at: Self.late),
            run.nextAction(at: Self.early) != .record(event)
        else { return nil }
        return event
    }

    private func decision(of decision: Halted.Decision, in halted: Halted) -> Event {
        switch decision {
        case .retry: return .retried(reason: "why")
        case .rollBack: return .rollbackOrdered(cause: .transient)
        case .settleUndone(let step):
            return .settled(step: step, settlement: .undone, reason: "why")
        case .settleDone(let step):
            let receipt = halted.undetermined?.receiptWhenDone ?? .tidied(removed: [])
            return .settled(step: step, settlement: .done(receipt: receipt), reason: "why")
        }
    }
}

// What must hold.
extension Walk {
    /// I5 and the order of the effects: nothing destructive before a backup, nothing started under
    /// a fence, no old version on data that a new one may have migrated.
    private func expectInTurn(_ event: Event, after node: Node) {
        let world = node.world
        switch event {
        case .began(let effect):
            #expect(node.run.open == nil, "an intent within another")
            let needsBackup: Set<Step> = [.stop, .start, .restoreData]
            if plan.database.isPresent, needsBackup.contains(effect.step) {
                #expect(world.hasBackup && node.run.upgrade.backup != nil, "\(effect.brief)")
            }
            if [.start, .startPrevious, .restoreData].contains(effect.step) {
                #expect(!world.fenceMayStand, "\(effect.brief) under a fence")
            }
            if effect.step == .startPrevious {
                #expect(!world.candidateMayRun, "beside the candidate")
                #expect(!world.dataMayBeTouched || !plan.database.isPresent, "on migrated data")
            }
        case .done(let receipt, _):
            #expect(node.run.open?.step == receipt.step, "an outcome without its intent")
        case .failed(let step, _), .attemptFailed(let step, _), .withdrawn(let step, _):
            #expect(node.run.open?.step == step, "an outcome without its intent")
        default: break
        }
    }

    private mutating func expectSound(_ node: Node) {
        let state = node.run.upgrade.name
        let action = node.run.nextAction(at: Self.early)
        if action == .rest { verdicts.insert(state) }
        switch state {
        case .rolledBack:
            #expect(action == .rest)
            #expect(!node.world.serviceMayBeDown, "rolled back with the service down")
            #expect(!node.world.fenceMayStand, "rolled back behind a fence")
            #expect(!node.world.candidateMayRun, "rolled back beside the candidate")
            #expect(!node.world.dataMayBeTouched || !plan.database.isPresent, "on migrated data")
        case .verified:
            #expect(!node.world.serviceMayBeDown && !node.world.fenceMayStand)
        case .halted:
            #expect(action == .rest && node.run.open == nil)
        default:
            #expect(action != .rest, "stuck in \(state.rawValue)")
        }
    }

    /// I9: with no further disturbance, well or ill, every run comes to an end or a rest.
    private mutating func expectAnEnd(of node: Node, failing: Bool) {
        var run = node.run
        var passed: [Run] = []
        for _ in 0..<Self.stepsToAnEnd {
            let event: Event
            if ending[failing ? 1 : 0].contains(run) {
                ending[failing ? 1 : 0].formUnion(passed)
                return
            }
            passed.append(run)
            switch run.nextAction(at: Self.early) {
            case .rest:
                ending[failing ? 1 : 0].formUnion(passed)
                return
            case .record(let decision): event = decision
            case .perform(let effect):
                event =
                    failing
                    ? run.decision(after: .transient) ?? .resumed
                    : .done(receipt: Fixture.receipt(of: effect), adopted: true)
            }
            do {
                run = try run.evolved(by: event, at: Self.early)
            } catch {
                Issue.record("\(error.state.rawValue) refuses \(event.brief)")
                return
            }
        }
        Issue.record("no end after \(Self.stepsToAnEnd) events, in \(run.upgrade.name.rawValue)")
    }
}
