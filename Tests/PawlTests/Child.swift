import Foundation
import Glibc
import Testing

/// A program that runs beside the test, with its outputs in files, so that none of it ever waits.
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

    private let process = Process()
    private let directory: URL
    private let arguments: [String]
    var pid: pid_t { process.processIdentifier }

    /// - Parameter environment: Added to the test's own.
    init(
        _ program: String, _ arguments: [String], in workingDirectory: String,
        environment: [String: String] = [:]
    ) throws {
        self.arguments = [program] + arguments
        directory = FileManager.default.temporaryDirectory
            .appending(path: "pawl-child-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: workingDirectory)
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try Self.file(directory.appending(path: "stdout"))
        process.standardError = try Self.file(directory.appending(path: "stderr"))
        try process.run()
    }

    deinit {
        if process.isRunning { kill(pid, SIGKILL) }
        // What is left of it under the temporary directory does no harm.
        try? FileManager.default.removeItem(at: directory)
    }

    private static func file(_ url: URL) throws -> FileHandle {
        FileManager.default.createFile(atPath: url.path, contents: nil)
        return try FileHandle(forWritingTo: url)
    }

    func signal(_ number: Int32) { kill(pid, number) }

    func end() throws -> End {
        let began = ContinuousClock.now
        while process.isRunning {
            guard began.duration(to: .now) < Self.limit else {
                signal(SIGKILL)
                throw Unexpected("\(arguments) ran for more than \(Self.limit)")
            }
            usleep(2000)
        }
        return End(
            code: process.terminationStatus,
            wasKilled: process.terminationReason == .uncaughtSignal,
            output: try text("stdout"), errors: try text("stderr"))
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: directory.appending(path: name)), as: UTF8.self)
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
