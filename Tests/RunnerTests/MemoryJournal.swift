import Runner
import Synchronization
import UpgradeMachine

/// The process has died; nothing that follows reaches the journal.
struct PowerCut: Error {}

/// Where a run dies.
enum CrashPoint: Hashable, Sendable {
    /// In the nth time that an effect is performed, counted from 0.
    case performing(Int, Extent)
    /// In the nth append, which has or has not reached the disk.
    case appending(Int, isDurable: Bool)
}

/// How far something has got.
enum Extent: Hashable, Sendable, CaseIterable {
    case absent, half, done
}

/// Goes out at a crash point; then neither journal nor world changes any more.
final class Power: Sendable {
    private struct State {
        var isOff = false
        var performs = 0
        var appends = 0
    }

    private let point: CrashPoint?
    private let state = Mutex(State())

    init(until point: CrashPoint? = nil) { self.point = point }

    var isOff: Bool { state.withLock { $0.isOff } }
    var counts: (performs: Int, appends: Int) { state.withLock { ($0.performs, $0.appends) } }

    /// How far the effect gets that is being performed, where the power goes out in it.
    func perform() -> Extent? {
        state.withLock { state in
            defer { state.performs += 1 }
            guard case .performing(state.performs, let extent) = point else { return nil }
            state.isOff = true
            return extent
        }
    }

    /// Whether the append reaches the disk, where the power goes out in it.
    func append() -> Bool? {
        state.withLock { state in
            defer { state.appends += 1 }
            guard case .appending(state.appends, let isDurable) = point else { return nil }
            state.isOff = true
            return isDurable
        }
    }
}

/// A log in memory that remembers which events came in one append.
final class MemoryJournal: Journal {
    typealias Entry = (event: Event, moment: Moment)
    private let appended: Mutex<[[Entry]]>
    private let power: Power

    init(_ batches: [[Entry]] = [], power: Power = Power()) {
        appended = Mutex(batches)
        self.power = power
    }

    /// What an append is refused with.
    enum Refusal: Error { case diskFull, takenOver }
    private let refusal = Mutex<(type: EventType, error: Refusal)?>(nil)

    /// From now on an append with an event of this type fails, and writes nothing.
    func refuse(_ type: EventType, with error: Refusal) {
        refusal.withLock { $0 = (type, error) }
    }

    func isTakenOver(_ error: any Error) -> Bool { error as? Refusal == .takenOver }

    var batches: [[Entry]] { appended.withLock { $0 } }
    var events: [Event] { batches.flatMap { $0.map(\.event) } }

    func append(_ entries: [Entry]) throws {
        if power.isOff { throw PowerCut() }
        if let refusal = refusal.withLock({ $0 }),
            entries.contains(where: { $0.event.type == refusal.type })
        {
            throw refusal.error
        }
        let isDurable = power.append()
        if isDurable ?? true { appended.withLock { $0.append(entries) } }
        if isDurable != nil { throw PowerCut() }
    }

    /// The run that the journal replays to.
    func replayed(_ plan: Plan) throws -> Run {
        try batches.joined().reduce(Run(plan)) { try $0.evolved(by: $1.event, at: $1.moment) }
    }
}
