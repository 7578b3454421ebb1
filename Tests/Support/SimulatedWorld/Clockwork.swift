import Runner
import UpgradeMachine

/// Time, and whose turn it is: runs all tasks of one simulation one after the other.
///
/// Nothing depends on threads or on how long anything takes, so a seed says all. When every task
/// sleeps, time goes on to the next one that wakes; what the world does by itself happens on the
/// way. Belongs to the thread that drives it.
final class Clockwork: TaskExecutor, Timekeeper, @unchecked Sendable {
    private typealias Wake = UnsafeContinuation<Void, any Error>

    private struct Sleeper {
        let id: Int
        let wake: Int64
        let continuation: Wake

        /// Who slept first wakes first.
        var order: (Int64, Int) { (wake, id) }
    }

    private var jobs: [UnownedJob] = []
    private var nextJob = 0
    private var sleepers: [Sleeper] = []
    private var sleeps = 0
    /// Since the simulation began.
    private(set) var nanoseconds: Int64 = 0
    private(set) var boot = 1
    private var bootedAt: Int64 = 0
    /// Has the world catch up with the time.
    var timePasses: (Int64) -> Void = { _ in }

    init() {}

    func enqueue(_ job: consuming ExecutorJob) { jobs.append(UnownedJob(job)) }

    /// Does `work` to its end; blocks meanwhile.
    func run(_ work: @escaping @Sendable () async -> Void) {
        final class Flag: @unchecked Sendable { var isRaised = false }
        let end = Flag()
        Task(executorPreference: self) {
            await work()
            end.isRaised = true
        }
        while true {
            if nextJob < jobs.count {
                let job = jobs[nextJob]
                nextJob += 1
                if nextJob == jobs.count { (jobs, nextJob) = ([], 0) }
                job.runSynchronously(on: asUnownedTaskExecutor())
            } else if end.isRaised {
                return
            } else {
                wakeNext()
            }
        }
    }

    private func wakeNext() {
        guard let next = sleepers.indices.min(by: { sleepers[$0].order < sleepers[$1].order })
        else { preconditionFailure("everybody waits for somebody else") }
        let sleeper = sleepers.remove(at: next)
        if sleeper.wake > nanoseconds {
            nanoseconds = sleeper.wake
            timePasses(nanoseconds)
        }
        sleeper.continuation.resume()
    }

    /// Passes time while no task runs.
    func skip(_ duration: Duration) {
        nanoseconds += duration.nanoseconds
        timePasses(nanoseconds)
    }

    /// The host starts anew: another boot, whose monotonic clock begins at 0.
    func reboot() {
        boot += 1
        bootedAt = nanoseconds
    }

    func now() -> Moment {
        Moment(
            wallMilliseconds: 1_790_000_000_000 + nanoseconds / 1_000_000,
            monotonicNanoseconds: nanoseconds - bootedAt, bootID: "boot-\(boot)")
    }

    func sleep(for duration: Duration) async throws {
        sleeps += 1
        let id = sleeps
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: Wake) in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                park(id, duration, continuation)
            }
        } onCancel: {
            guard let index = sleepers.firstIndex(where: { $0.id == id }) else { return }
            sleepers.remove(at: index).continuation.resume(throwing: CancellationError())
        }
    }

    /// Passes time that nothing cuts short.
    func pass(_ duration: Duration) async {
        sleeps += 1
        // Nobody resumes it with an error: only `sleep` is ended early.
        let _: Void? = try? await withUnsafeThrowingContinuation { (continuation: Wake) in
            park(sleeps, duration, continuation)
        }
    }

    private func park(_ id: Int, _ duration: Duration, _ continuation: Wake) {
        let wake = nanoseconds + max(0, duration.nanoseconds)
        sleepers.append(Sleeper(id: id, wake: wake, continuation: continuation))
    }
}

extension Duration {
    var nanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}
