internal import Glibc
internal import HTTPClient
public import UpgradeMachine

/// Marks processes as those of one step of one upgrade, by a variable of their environment.
///
/// A dead Pawl's processes are found by it, with exactly this value.
public struct StepTag: Hashable, Sendable {
    public static let variable = "PAWL_STEP"
    /// As in `upgrade-7/stop`.
    public let value: String

    public init(upgrade: String, step: Step) { value = "\(upgrade)/\(step.rawValue)" }

    /// Ends every process that carries the tag, and proves them gone.
    ///
    /// Not for a step that starts the application, which inherits the tag: see
    /// ``HostService``. Processes that gave their environment up (`sudo`, a service started by
    /// systemd) carry no tag.
    ///
    /// - Parameter grace: Time between SIGTERM and SIGKILL.
    /// - Throws: `process-survives` where one is there after SIGKILL.
    public func endAll(grace: Duration = .seconds(5)) async throws(Failure) {
        let entry = Array("\(Self.variable)=\(value)".utf8)
        try await Sessions.end(grace: grace) {
            Sessions.processes().filter { $0.isAlive && $0.carries(entry) }
        }
    }

    /// Whether a process carries the tag.
    func isCarried() -> Bool {
        let entry = Array("\(Self.variable)=\(value)".utf8)
        return Sessions.processes().contains { $0.isAlive && $0.carries(entry) }
    }
}

/// Processes as `/proc` shows them (`proc(5)`), to be ended by what they have in common.
enum Sessions {
    struct Process: Hashable, Sendable {
        let id: pid_t
        let session: pid_t
        /// Clock ticks since the boot; with `id` it names a process beyond its end.
        let startTicks: UInt64
        let state: Character

        /// A zombie does nothing any more; it waits to be reaped.
        var isAlive: Bool { state != "Z" && state != "X" }

        func carries(_ entry: [UInt8]) -> Bool {
            guard id != getpid() else { return false }
            // A process of another user, or one that has just gone: not ours, as far as we see.
            guard let bytes = try? Files.read("/proc/\(id)/environ", limitInBytes: 4 << 20) else {
                return false
            }
            return bytes.split(separator: 0).contains { $0.elementsEqual(entry) }
        }
    }

    static func processes() -> [Process] {
        // Without /proc nothing can be found, and a start would have said so.
        let names = (try? Files.list("/proc")) ?? []
        return names.compactMap { pid_t($0) }.compactMap(process)
    }

    static func process(_ id: pid_t) -> Process? {
        // One that has gone meanwhile is none.
        guard let bytes = try? Files.read("/proc/\(id)/stat", limitInBytes: 8192) else {
            return nil
        }
        // The command's name stands in brackets and may hold anything, brackets too.
        let text = String(decoding: bytes, as: UTF8.self)
        guard let bracket = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: bracket)...].split(separator: " ")
        guard fields.count > 19, let state = fields[0].first, let session = pid_t(fields[3]),
            let ticks = UInt64(fields[19])
        else { return nil }
        return Process(id: id, session: session, startTicks: ticks, state: state)
    }

    /// SIGTERM, grace, SIGKILL, until `find` finds none.
    static func end(
        grace: Duration, _ find: @escaping @Sendable () -> [Process]
    ) async throws(Failure) {
        let survivors = try await Blocking.run { stop in endNow(grace: grace, stop: stop, find) }
        guard survivors.isEmpty else { throw .processSurvives(survivors) }
    }

    /// The same for a thread that may block; answers what survived SIGKILL.
    ///
    /// - Parameter stop: When raised, the grace is over.
    static func endNow(
        grace: Duration, stop: StopFlag, _ find: () -> [Process]
    ) -> [Process] {
        var found = find()
        if found.isEmpty { return [] }
        for process in found { kill(process.id, SIGTERM) }
        let clock = ContinuousClock()
        let politeUntil = clock.now + grace
        while !found.isEmpty, clock.now < politeUntil, !stop.isRaised {
            usleep(5_000)
            found = find()
        }
        let killUntil = clock.now + .seconds(5)
        while !found.isEmpty, clock.now < killUntil {
            // Anew in each round: a process may fork between the look and the signal.
            for process in found { kill(process.id, SIGKILL) }
            usleep(5_000)
            found = find()
        }
        return found
    }
}

/// Blocking work on a thread of its own.
enum Blocking {
    static func run<Value: Sendable>(
        _ work: @escaping @Sendable (StopFlag) -> Value
    ) async throws(Failure) -> Value {
        do {
            return try await onOwnThread(work)
        } catch {
            throw Failure(
                code: "no-thread", message: "\(error)",
                advice: "look at the limits on processes and memory (ulimit -u, cgroup)")
        }
    }

    /// The same for work that may fail; the flag is raised when the task is asked to stop.
    static func attempt<Value: Sendable>(
        _ work: @escaping @Sendable (StopFlag) throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        try await run { stop in
            Result { () throws(Failure) in try work(stop) }
        }.get()
    }

    static func attempt<Value: Sendable>(
        _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        try await attempt { _ throws(Failure) in try work() }
    }
}

extension Failure {
    static func processSurvives(_ processes: [Sessions.Process]) -> Failure {
        let ids = processes.map { "\($0.id) (\($0.state))" }.joined(separator: ", ")
        return Failure(
            code: "process-survives", message: "still there 5 s after SIGKILL: \(ids)",
            advice: "look what they wait for (state D is a device or a network file system)")
    }
}
