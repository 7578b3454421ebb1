import Foundation
import Glibc
import Synchronization
import Testing

/// A program that a test runs beside itself, its output kept in files.
///
/// Source: posix_spawn(3), which can give a program the signals that a shell would give it.
final class Program: Sendable {
    struct Result: Sendable {
        /// As the shell has it: 128 and the signal's number where one has ended it.
        let status: Int32
        let output: String
        let errors: String

        var text: String { "exit \(status)\n\(output)\(errors)" }
    }

    let pid: pid_t
    /// Of standard input, output and error.
    private let files: [String]
    private let status = Mutex<Int32?>(nil)

    /// Starts a program that is found in `PATH`.
    ///
    /// - Parameters:
    ///   - environment: All of it, beside `PATH`: nothing of the tests' own is inherited.
    ///   - directory: Where it runs.
    init(
        _ words: [String], environment: [String: String] = [:], directory: String = "/",
        input: Data = Data()
    ) throws {
        let base = FileManager.default.temporaryDirectory
            .appending(path: "pawl-program-\(UInt64.random(in: 0...UInt64.max))").path
        files = ["in", "out", "err"].map { "\(base).\($0)" }
        try input.write(to: URL(filePath: files[0]))
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let entries = environment.merging(["PATH": path]) { own, _ in own }
        pid = try Self.spawn(
            // It is replaced by the program, which keeps its number.
            ["env", "-C", directory] + words, entries.map { "\($0)=\($1)" }, files: files)
        Thread.detachNewThread { self.reap() }
    }

    deinit { for file in files { unlink(file) } }

    private static func spawn(
        _ words: [String], _ environment: [String], files: [String]
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, files[0], O_RDONLY, 0)
        for (descriptor, file) in [(Int32(1), files[1]), (2, files[2])] {
            let mode = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND
            posix_spawn_file_actions_addopen(&actions, descriptor, file, mode, 0o600)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Whoever runs the tests may have ignored some of them.
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        var pid: pid_t = 0
        let arguments = words.map { strdup($0) } + [nil]
        let variables = environment.map { strdup($0) } + [nil]
        defer { for text in arguments + variables { free(text) } }
        let result = posix_spawnp(&pid, words[0], &actions, &attributes, arguments, variables)
        try #require(result == 0, "\(words[0]): \(String(cString: strerror(result)))")
        return pid
    }

    /// Waits for the end; the number stays the process's own until its status is known here.
    private func reap() {
        var information = siginfo_t()
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        status.withLock { status in
            var raw: Int32 = 0
            waitpid(pid, &raw, 0)
            let signal = raw & 0x7F
            status = signal == 0 ? (raw >> 8) & 0xFF : 128 + signal
        }
    }

    var hasEnded: Bool { status.withLock { $0 != nil } }
    var output: String { Self.text(files[1]) }
    var errors: String { Self.text(files[2]) }

    static func text(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }

    func signal(_ number: Int32) {
        status.withLock { if $0 == nil { kill(pid, number) } }
    }

    /// Waits for its end; one that does not come is the test's failure.
    func end(within limit: Duration = .seconds(180)) async throws -> Result {
        let deadline = ContinuousClock.now + limit
        while !hasEnded {
            if ContinuousClock.now > deadline {
                signal(SIGKILL)
                try #require(hasEnded, "not within \(limit): \(output)\(errors)")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        return Result(
            status: status.withLock { $0 ?? -1 }, output: output, errors: errors)
    }

    static func run(
        _ words: [String], environment: [String: String] = [:], directory: String = "/",
        input: Data = Data(), within limit: Duration = .seconds(180)
    ) async throws -> Result {
        try await Program(words, environment: environment, directory: directory, input: input)
            .end(within: limit)
    }

    /// Stops it where it is, all of its threads, before anything else is asked.
    ///
    /// Source: proc(5), the state in `/proc/PID/task/TID/stat`.
    func freeze() throws {
        signal(SIGSTOP)
        let deadline = ContinuousClock.now + .seconds(5)
        while !hasEnded, !isFrozen {
            try #require(ContinuousClock.now < deadline, "process \(pid) does not stop")
            usleep(100)
        }
    }

    private var isFrozen: Bool {
        let tasks = "/proc/\(pid)/task"
        // One that has just ended has no threads to wait for.
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []
        return threads.allSatisfy { thread in
            let stat = Self.text("\(tasks)/\(thread)/stat")
            guard let end = stat.lastIndex(of: ")") else { return true }
            let state = stat[end...].dropFirst(2).first ?? "X"
            return "TtZX".contains(state)
        }
    }
}
