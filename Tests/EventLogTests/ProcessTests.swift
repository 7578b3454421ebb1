import EventLog
import Foundation
import Glibc
import Testing
import UpgradeMachine

@Suite("Several processes")
struct ProcessTests {
    /// Runs a second process that says a line when it is ready, and ends when its input does.
    private final class Python: Sendable {
        static let path = "/usr/bin/python3"
        static var isThere: Bool { access(path, X_OK) == 0 }

        private let process = Process()
        private let input = Pipe()

        init(_ script: String, _ arguments: String...) throws {
            let output = Pipe()
            process.executableURL = URL(fileURLWithPath: Self.path)
            process.arguments = ["-c", script] + arguments
            process.standardInput = input
            process.standardOutput = output
            try process.run()
            _ = output.fileHandleForReading.availableData
        }

        func end() {
            try? input.fileHandleForWriting.close()
            process.waitUntilExit()
        }
    }

    private static let holding = """
        import fcntl, sys
        lock = open(sys.argv[1], 'r+')
        fcntl.flock(lock, fcntl.LOCK_EX)
        print('held', flush=True)
        sys.stdin.read()
        """

    @Test(
        "An instance that another process holds is not taken, and it is said who has it",
        .enabled(if: Python.isThere, "there is no python3 to hold the lock"))
    func isHeld() throws {
        let folder = try Folder()
        var lock: InstanceLock? = try InstanceLock(
            instance: "studio", directory: folder.path, holder: Sample.holder)
        #expect(lock?.instance == "studio")
        lock = nil
        let other = try Python(Self.holding, folder.path + "/studio.lock")
        let error = refusal {
            try InstanceLock(instance: "studio", directory: folder.path, holder: Sample.holder)
        }
        guard case .held(let instance, let holder)? = error else {
            Issue.record("it was taken: \(String(describing: error))")
            return
        }
        #expect(instance == "studio")
        #expect(
            holder
                == "ada on server, process 42 (pawl upgrade 7.1.0), since 2026-11-23T02:14:07.042Z")
        // Another instance is free, and this one is again when its holder has gone.
        _ = try InstanceLock(instance: "other", directory: folder.path, holder: Sample.holder)
        other.end()
        _ = try InstanceLock(instance: "studio", directory: folder.path, holder: Sample.holder)
    }

    @Test func `A lock whose file says nothing is a lock`() throws {
        let folder = try Folder()
        let lock = try InstanceLock(
            instance: "studio", directory: folder.path, holder: Sample.holder)
        truncate(folder.path + "/studio.lock", 0)
        let error = refusal {
            try InstanceLock(instance: "studio", directory: folder.path, holder: Sample.holder)
        }
        #expect(error?.description.contains("a process that has only just begun") == true)
        withExtendedLifetime(lock) {}
    }

    @Test func `A lock that cannot be made is reported`() {
        let error = refusal {
            try InstanceLock(instance: "studio", directory: "/dev/null", holder: Sample.holder)
        }
        #expect(error?.kind == "unreadable")
    }

    /// The child is killed at an arbitrary moment of its appending; what it was told was durable,
    /// it has written down elsewhere before it went on.
    @Test("No acknowledged event is lost by a kill", arguments: [3_000, 11_000, 37_000, 80_000])
    func isKilled(microseconds: UInt32) async throws {
        let folder = try Folder()
        try folder.append([Sample.events[0]])
        let path = folder.path
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = path as String, microseconds = microseconds as UInt32] in
            try Child.appendUntilKilled(in: path, after: microseconds)
        }
        let acknowledged = try Data(contentsOf: URL(fileURLWithPath: path + "/acknowledged")).count
        #expect(acknowledged > 0)
        let chain = try EventLog(path: folder.log, for: .writing).verifyChain()
        #expect(chain.events >= 1 + 2 * acknowledged)
        // One append in flight at most, whole or not at all.
        #expect(chain.events <= 1 + 2 * (acknowledged + 1))
        #expect(chain.events % 2 == 1)
        let next = try folder.append([.resumed])
        #expect(next.map(\.sequence) == [chain.events + 1])
        #expect(next.map(\.fenceNumber) == [3])
    }

    @Test func `Readers and the writer wait for each other`() async throws {
        let folder = try Folder()
        try folder.append([Sample.events[0]])
        let path = folder.path
        let readings = Self.counts(in: folder, until: 151)
        await #expect(processExitsWith: .success) { [path = path as String] in
            try Child.append(150, in: path)
        }
        var counts: [Int] = []
        for try await count in readings { counts.append(count) }
        #expect(counts == counts.sorted())
        #expect(Set(counts).count > 1)
        #expect(counts.last == 151)
    }

    /// How many events each of many readings found, every one of them in order.
    private static func counts(
        in folder: Folder, until last: Int
    ) -> AsyncThrowingStream<Int, any Error> {
        AsyncThrowingStream { continuation in
            // A thread of its own, for other tests may keep those of tasks busy.
            Thread.detachNewThread {
                let deadline = ContinuousClock.now + .seconds(60)
                var count = 0
                do {
                    while count != last, ContinuousClock.now < deadline {
                        let log = try EventLog(path: folder.log, for: .reading)
                        count = try log.verifyChain().events
                        continuation.yield(count)
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
        }
    }
}

/// What a process of its own does.
enum Child {
    /// Appends pairs of events and writes down each that was acknowledged, until it is killed.
    static func appendUntilKilled(in path: String, after microseconds: UInt32) throws {
        let log = try EventLog(path: path + "/log.sqlite", for: .writing)
        let lock = try InstanceLock(instance: "studio", directory: path, holder: Sample.holder)
        let writer = try Writer(log: log, lock: lock, author: Sample.author)
        let acknowledged = open(path + "/acknowledged", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        for number in 1... {
            try writer.append(
                Sample.entries([.resumed, .resumed]), to: "u1", planDigest: Sample.planDigest)
            write(acknowledged, "a", 1)
            if number > 1 { continue }
            Thread.detachNewThread {
                usleep(microseconds)
                kill(getpid(), SIGKILL)
            }
        }
    }

    static func append(_ count: Int, in path: String) throws {
        let log = try EventLog(path: path + "/log.sqlite", for: .writing)
        let lock = try InstanceLock(instance: "studio", directory: path, holder: Sample.holder)
        let writer = try Writer(log: log, lock: lock, author: Sample.author)
        for _ in 0..<count {
            try writer.append(
                Sample.entries([.resumed]), to: "u1", planDigest: Sample.planDigest)
            // An upgrade leaves readers time as well: it does something between two events.
            usleep(2_000)
        }
    }
}
