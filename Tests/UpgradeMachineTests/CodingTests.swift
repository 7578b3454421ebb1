import Foundation
import Testing
import UpgradeMachine

@Suite("Events as JSON")
struct CodingTests {
    private static func json(_ event: Event) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(event), as: UTF8.self)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let event: Event
        let json: String
        var testDescription: String { json }
    }

    @Test(
        "An event is stored under its labels",
        arguments: [
            Case(event: .resumed, json: #"{"resumed":{}}"#),
            Case(event: .began(effect: .stop), json: #"{"began":{"effect":{"stop":{}}}}"#),
            Case(
                event: .began(effect: .liftFence(proving: Position("gtid:0-1-42"))),
                json: #"{"began":{"effect":{"liftFence":{"proving":"gtid:0-1-42"}}}}"#),
            Case(
                event: .began(effect: .startPrevious(kept: nil)),
                json: #"{"began":{"effect":{"startPrevious":{}}}}"#),
            Case(
                event: .done(receipt: .tidied(removed: []), adopted: true),
                json: #"{"done":{"adopted":true,"receipt":{"tidied":{"removed":[]}}}}"#),
            Case(
                event: .settled(step: .stop, settlement: .undone, reason: "seen"),
                json: #"{"settled":{"reason":"seen","settlement":{"undone":{}},"step":"stop"}}"#),
        ])
    func isStored(_ given: Case) throws {
        #expect(try Self.json(given.event) == given.json)
        let read = try JSONDecoder().decode(Event.self, from: Data(given.json.utf8))
        #expect(read == given.event)
    }

    @Test("A plan comes back as it was", arguments: [Fixture.fenced, Fixture.withoutDatabase])
    func planComesBack(_ plan: Plan) throws {
        let json = try Self.json(.planned(plan: plan))
        #expect(!json.contains(#""_"#))
        #expect(try JSONDecoder().decode(Event.self, from: Data(json.utf8)) == .planned(plan: plan))
    }

    @Test("An event says its own type", arguments: EventType.allCases)
    func saysItsType(_ type: EventType) throws {
        let event = Self.example(of: type)
        #expect(event.type == type)
        #expect(try Self.json(event).hasPrefix(#"{"\#(type.rawValue)":"#))
        #expect(!event.brief.isEmpty)
    }

    private static func example(of type: EventType) -> Event {
        switch type {
        case .planned: .planned(plan: Fixture.fenced)
        case .began: .began(effect: .tidy)
        case .attemptFailed: .attemptFailed(step: .pull, failure: .transient)
        case .done: .done(receipt: .fenceLifted, adopted: false)
        case .failed: .failed(step: .pull, failure: .permanent)
        case .withdrawn: .withdrawn(step: .backUp, cause: .transient)
        case .halted: .halted(cause: .transient)
        case .backupInvalidated:
            .backupInvalidated(backup: Fixture.backup("b"), position: Fixture.later)
        case .rollbackOrdered: .rollbackOrdered(cause: .transient)
        case .resumed: .resumed
        case .paused: .paused(cause: .transient)
        case .retried: .retried(reason: "why")
        case .settled: .settled(step: .stop, settlement: .undone, reason: "why")
        }
    }

    @Test func `An effect and its receipt are of one step`() {
        let kept = Fixture.kept
        let effects: [Effect] = [
            .pull(release: Fixture.candidate), .raiseFence, .backUp(name: "b"), .stop,
            .liftFence(proving: nil), .start(release: Fixture.candidate),
            .verify(release: Fixture.candidate), .tidy, .removeCandidate, .saveData(name: "m"),
            .restoreData(from: Fixture.backup("b")), .startPrevious(kept: kept),
            .verifyPrevious(release: Fixture.current),
            .loadDump(dump: Dump(path: "/srv/d.sql", sha256: "dd", sizeInBytes: 1)),
        ]
        #expect(effects.map(\.step) == Step.allCases)
        for effect in effects {
            #expect(Fixture.receipt(of: effect).step == effect.step)
            #expect(effect.receiptWhenDone.map { $0.step == effect.step } ?? true)
            #expect(effect.brief.hasPrefix(effect.step.rawValue))
        }
    }
}
