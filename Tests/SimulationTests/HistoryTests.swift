import SimulatedWorld
import Testing
import UpgradeMachine

/// Histories as the simulation makes them, and what becomes of one that was altered.
@Suite("Replaying simulated histories")
struct HistoryTests {
    private static let histories = 1...UInt64(120)
    private typealias Entry = (event: Event, moment: Moment)

    @Test("A history without one of its decisions or outcomes is refused")
    func dropped() throws {
        var refused = 0
        for entries in try Self.all() {
            for index in entries.indices.dropFirst().dropLast() {
                guard entries[index].event.isNeeded else { continue }
                let next = entries[(index + 1)...].lazy.map(\.event).first(where: \.isNeeded)
                // These follow whatever was open, and whatever was not.
                if let next, [.halted, .rollbackOrdered].contains(next.type) { continue }
                var altered = entries
                altered.remove(at: index)
                expectRefusal(altered, "without \(index), \(entries[index].event.brief)")
                refused += 1
            }
        }
        #expect(refused > 1000)
    }

    @Test("A history in which two events have changed places is refused")
    func swapped() throws {
        var refused = 0
        for entries in try Self.all() {
            for index in entries.indices.dropFirst().dropLast() {
                let (first, second) = (entries[index].event, entries[index + 1].event)
                guard first.isNeeded, second.isNeeded, first != second else { continue }
                var altered = entries
                altered[index].event = second
                altered[index + 1].event = first
                expectRefusal(altered, "with \(first.brief) after \(second.brief)")
                refused += 1
            }
        }
        #expect(refused > 1000)
    }

    @Test("A history in which something happened twice is refused")
    func repeated() throws {
        for entries in try Self.all() {
            for index in entries.indices.dropFirst() where entries[index].event.isNeeded {
                var altered = entries
                altered.insert(entries[index], at: index)
                expectRefusal(altered, "with \(entries[index].event.brief) twice")
            }
        }
    }

    @Test("Every beginning of a history is one, and says the same next thing each time")
    func beginnings() throws {
        for entries in try Self.all() {
            guard case .planned(let plan)? = entries.first?.event else { continue }
            var run = Run(plan)
            for (index, entry) in entries.enumerated().dropFirst() {
                run = try run.evolved(by: entry.event, at: entry.moment)
                let again = try Self.replayed(Array(entries[...index]))
                #expect(again == run)
                #expect(again.nextAction(at: entry.moment) == run.nextAction(at: entry.moment))
            }
        }
    }

    private static func all() throws -> [[Entry]] {
        try histories.map { try Simulation(seed: $0).run().entries }.filter { $0.count > 2 }
    }

    private static func replayed(_ entries: [Entry]) throws -> Run {
        guard case .planned(let plan)? = entries.first?.event else { throw NoPlan() }
        return try entries.dropFirst().reduce(Run(plan)) {
            try $0.evolved(by: $1.event, at: $1.moment)
        }
    }

    private func expectRefusal(_ entries: [Entry], _ what: String) {
        #expect(throws: IllegalEvent.self, "\(what)") { _ = try Self.replayed(entries) }
    }
}

private struct NoPlan: Error {}

extension Event {
    /// What the events after it stand on; a take-over, a pause or a try more may have been or not.
    fileprivate var isNeeded: Bool {
        switch self {
        case .resumed, .paused, .attemptFailed: false
        default: true
        }
    }
}
