import Runner
import Synchronization
import UpgradeMachine

/// Time that passes when a test says so.
///
/// A sleep of a second or more, which is a back-off, passes at once and is remembered; whoever
/// sleeps for less, to look again, is woken when time is moved on.
final class FakeTime: Timekeeper {
    private struct State {
        var nanoseconds: Int64 = 0
        var backOffs: [Duration] = []
        var sleepers: [Int: (wake: Int64, continuation: CheckedContinuation<Void, any Error>)] = [:]
        var woken: Set<Int> = []
        var sleeps = 0
    }

    private let state = Mutex(State())

    func now() -> Moment {
        let nanoseconds = state.withLock { $0.nanoseconds }
        return Moment(
            wallMilliseconds: 1_790_000_000_000 + nanoseconds / 1_000_000,
            monotonicNanoseconds: nanoseconds, bootID: "boot")
    }

    var backOffs: [Duration] { state.withLock { $0.backOffs } }

    func sleep(for duration: Duration) async throws {
        if duration >= .seconds(1) {
            state.withLock { $0.backOffs.append(duration) }
            return move(by: duration)
        }
        let id = state.withLock { state in
            state.sleeps += 1
            return state.sleeps
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.woken.contains(id) { return true }
                    let wake = state.nanoseconds + duration.nanoseconds
                    state.sleepers[id] = (wake, continuation)
                    return false
                }
                if isOver { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                state.woken.insert(id)
                return state.sleepers.removeValue(forKey: id)
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    func move(by duration: Duration) {
        let due = state.withLock { state in
            state.nanoseconds += duration.nanoseconds
            let due = state.sleepers.filter { $0.value.wake <= state.nanoseconds }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    /// Moves time on in steps of which the one who watches sees each, until the task is cancelled.
    ///
    /// - Returns: Whether it was not.
    func pass(_ duration: Duration) async -> Bool {
        await waitForSleeper()
        let seen = state.withLock { $0.sleeps }
        move(by: duration)
        let deadline = ContinuousClock.now + .seconds(20)
        while !Task.isCancelled, state.withLock({ $0.sleeps }) == seen,
            ContinuousClock.now < deadline
        { await Task.yield() }
        return !Task.isCancelled
    }

    private func waitForSleeper() async {
        let deadline = ContinuousClock.now + .seconds(20)
        while !Task.isCancelled, state.withLock({ $0.sleepers.isEmpty }),
            ContinuousClock.now < deadline
        { await Task.yield() }
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}
