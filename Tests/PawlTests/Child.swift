import Foundation
import Glibc
import Testing

/// A program that runs beside the test, with its outputs in files, so that none of it ever waits.
///
/// Foundation's `Process` will not do: it takes what an application's start command leaves in the
/// background for the command itself, and waits for both.
final class Child {
    /// How it ended: its exit code, or the signal that ended it.
    struct End {
        let code: Int32
        let wasKilled: Bool
        let output: String
        let errors: String
    }

    /// No command here takes so long; a test that hangs is a test that fails.
    private static let limit: Duration = .seconds(90)

    let pid: pid_t
    private let arguments: [String]
    private let directory: Scratch
    private var hasEnded = false

    /// - Parameter environment: Added to the test's own.
    init(
        _ program: String, _ arguments: [String], in workingDirectory: String,
        environment: [String: String] = [:]
    ) throws {
        self.arguments = [program] + arguments
        directory = try Scratch()
        pid = try Self.spawn(
            [program] + arguments, in: workingDirectory,
            ProcessInfo.processInfo.environment.merging(environment) { $1 }, directory)
    }

    deinit {
        guard !hasEnded else { return }
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
    }

    private static func spawn(
        _ arguments: [String], in workingDirectory: String, _ environment: [String: String],
        _ outputs: Scratch
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        for (descriptor, name) in [(STDOUT_FILENO, "stdout"), (STDERR_FILENO, "stderr")] {
            posix_spawn_file_actions_addopen(
                &actions, descriptor, "\(outputs.path)/\(name)", O_WRONLY | O_CREAT, 0o600)
        }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

        // The shell changes the directory and becomes the program.
        let line = ["/bin/sh", "-c", #"cd "$0" && exec "$@""#, workingDirectory] + arguments
        var words: [UnsafeMutablePointer<CChar>?] = line.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] =
            environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for word in words + variables { free(word) } }
        var pid: pid_t = 0
        let error = posix_spawn(&pid, "/bin/sh", &actions, &attributes, &words, &variables)
        guard error == 0 else {
            throw Unexpected("\(arguments): \(String(cString: strerror(error)))")
        }
        return pid
    }

    func signal(_ number: Int32) { kill(pid, number) }

    func end() throws -> End {
        let began = ContinuousClock.now
        var status: Int32 = 0
        while waitpid(pid, &status, WNOHANG) == 0 {
            guard began.duration(to: .now) < Self.limit else {
                throw Unexpected("\(arguments) ran for more than \(Self.limit)")
            }
            usleep(2000)
        }
        hasEnded = true
        // Source: wait(2), WIFEXITED and WEXITSTATUS.
        let signal = status & 0x7F
        return End(
            code: signal == 0 ? (status >> 8) & 0xFF : signal, wasKilled: signal == SIGKILL,
            output: try text("stdout"), errors: try text("stderr"))
    }

    private func text(_ name: String) throws -> String {
        let bytes = try Data(contentsOf: URL(filePath: "\(directory.path)/\(name)"))
        return String(decoding: bytes, as: UTF8.self)
    }
}

struct Unexpected: Error {
    let found: String
    init(_ found: String) { self.found = found }
}

/// The program under test: `PAWL_BINARY`, or the one that was built beside these tests.
enum Pawl {
    static let path: String =
        ProcessInfo.processInfo.environment["PAWL_BINARY"]
        ?? URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "pawl").path

    /// Runs it in a directory to its end.
    @discardableResult
    static func run(
        _ arguments: [String], in directory: String = "/", environment: [String: String] = [:]
    ) throws -> Child.End {
        try Child(path, arguments, in: directory, environment: environment).end()
    }

    /// Runs a shell's line, in which `$PAWL` is the program.
    static func shell(_ line: String, in directory: String = "/") throws -> Child.End {
        try Child(
            "/bin/sh", ["-c", line], in: directory, environment: ["PAWL": path]
        ).end()
    }
}

/// A directory that goes with the test.
final class Scratch {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory
            .appending(path: "pawl-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit {
        // What is left under the temporary directory does no harm.
        try? FileManager.default.removeItem(atPath: path)
    }

    func write(_ text: String, to name: String) throws {
        try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
    }
}

extension Child.End {
    /// The one JSON document that stdout has to be.
    func document() throws -> [String: Any] {
        let value = try JSONSerialization.jsonObject(with: Data(output.utf8))
        return try #require(value as? [String: Any])
    }
}

/// Whether this machine has what the sample application needs.
let hasPython = access("/usr/bin/python3", X_OK) == 0
