internal import CCurl  // also names the thread types, which its headers bring along
internal import Glibc
internal import Synchronization

/// The wish that blocking work ends early; raised by a task, seen by the work's own thread.
public final class StopFlag: Sendable {
    private struct State {
        var isRaised = false
        var wake: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    public init() {}

    public var isRaised: Bool { state.withLock { $0.isRaised } }

    public func raise() {
        state.withLock { state in
            state.isRaised = true
            state.wake?()
        }
    }

    /// Does work that `wake` brings out of its sleep, and forgets `wake` before it returns.
    ///
    /// `wake` is called under the lock, so what it refers to is alive while it runs.
    func waking<Value>(by wake: @escaping @Sendable () -> Void, _ work: () -> Value) -> Value {
        state.withLock { state in
            state.wake = wake
            if state.isRaised { wake() }
        }
        defer { state.withLock { $0.wake = nil } }
        return work()
    }
}

/// Does blocking work on a thread of its own, so that the cooperative pool stays free.
///
/// The flag that the work is given is raised when the task around it is asked to stop; the work has
/// to look at it. `SIGPIPE` is blocked on the thread (`pthread_sigmask(3)`): a peer that is gone is
/// an error, never the end of the process.
///
/// - Throws: ``HTTPError/unreachable(target:reason:systemError:)`` where there is no thread to be
///   had.
public func onOwnThread<Value: Sendable>(
    _ work: @escaping @Sendable (StopFlag) -> Value
) async throws(HTTPError) -> Value {
    let stop = StopFlag()
    let result: Result<Value, HTTPError> = await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
            let failure = OwnThread.start { continuation.resume(returning: .success(work(stop))) }
            if failure != 0 {
                let reason = "pthread_create(3): \(String(cString: strerror(failure)))"
                continuation.resume(
                    returning: .failure(
                        .unreachable(target: "thread", reason: reason, systemError: failure)))
            }
        }
    } onCancel: {
        stop.raise()
    }
    return try result.get()
}

enum OwnThread {
    /// Deep enough for libcurl with OpenSSL, and for what a sink does.
    private static let stackSizeInBytes = 1 << 20

    private final class Work {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Answers 0, or the `errno` for which there is no thread; then `body` is never called.
    static func start(_ body: @escaping @Sendable () -> Void) -> Int32 {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, stackSizeInBytes)
        let work = Unmanaged.passRetained(Work(body))
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, &attributes,
            { context in
                var signals = sigset_t()
                sigemptyset(&signals)
                sigaddset(&signals, SIGPIPE)
                pthread_sigmask(SIG_BLOCK, &signals, nil)
                if let context { Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body() }
                return nil
            }, work.toOpaque())
        if failure != 0 { work.release() }
        return failure
    }
}
