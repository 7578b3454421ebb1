import Runner
import Synchronization
import UpgradeMachine

/// A driver that does as a test says, and remembers what it was asked.
final class Scripted: Driver {
    enum Call: Hashable, Sendable {
        case endLeftovers(Effect)
        case observe(Effect)
        case perform(Effect)
        case clear(Effect)
    }

    typealias Observing = @Sendable (Effect) throws(Failure) -> Observation
    typealias Performing = @Sendable (Effect, Context) async throws(Failure) -> Void
    typealias Ending = @Sendable (Effect) throws(Failure) -> Void

    private let record = Mutex<[Call]>([])
    private let observing: Observing
    private let performing: Performing
    private let ending: Ending

    init(
        performing: @escaping Performing = { _, _ throws(Failure) in },
        observing: @escaping Observing = { _ throws(Failure) in .absent },
        ending: @escaping Ending = { _ throws(Failure) in }
    ) {
        self.observing = observing
        self.ending = ending
        self.performing = performing
    }

    var calls: [Call] { record.withLock { $0 } }

    /// The effects that were performed, in order.
    var performed: [Effect] {
        calls.compactMap { if case .perform(let effect) = $0 { effect } else { nil } }
    }

    func endLeftovers(of effect: Effect, in context: Context) async throws(Failure) {
        record.withLock { $0.append(.endLeftovers(effect)) }
        try ending(effect)
    }

    func observe(
        _ effect: Effect, in context: Context
    ) async throws(Failure) -> Observation {
        record.withLock { $0.append(.observe(effect)) }
        return try observing(effect)
    }

    func perform(_ effect: Effect, in context: Context) async throws(Failure) -> Receipt {
        record.withLock { $0.append(.perform(effect)) }
        try await performing(effect, context)
        return Sample.receipt(of: effect)
    }

    func clear(_ effect: Effect, in context: Context) async throws(Failure) {
        record.withLock { $0.append(.clear(effect)) }
    }
}

/// A runner with all that it needs, for one case.
struct Bench {
    let time = FakeTime()
    let journal: MemoryJournal
    let stopRequest: StopRequest
    let notices = Notices()

    init(power: Power = Power(), stopRequest: StopRequest = StopRequest()) {
        journal = MemoryJournal(power: power)
        self.stopRequest = stopRequest
    }

    func runner(
        _ driver: Scripted, pauseBefore: @escaping @Sendable (Effect) -> Failure? = { _ in nil }
    ) -> Runner<Scripted> {
        Runner(
            driver: driver, journal: journal, timekeeper: time, stopRequest: stopRequest,
            pauseBefore: pauseBefore, notify: { [notices] in notices.take($0) })
    }
}

/// What a runner told, in order.
final class Notices: Sendable {
    private let events = Mutex<[Event]>([])

    var recorded: [Event] { events.withLock { $0 } }

    func take(_ notice: Notice) {
        guard case .recorded(let event, _) = notice else { return }
        events.withLock { $0.append(event) }
    }
}
