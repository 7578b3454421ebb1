import Foundation
import Testing
import UpgradeMachine

/// Programs that a live test of the database runs beside the code under test.
enum MySQLShell {
    /// What came back is not what any test goes on with.
    struct Odd: Error {}

    struct Result: Sendable {
        let status: Int
        let output: String
    }

    final class Collected: @unchecked Sendable {
        // Filled on one thread, read when that has ended.
        private var bytes: [UInt8] = []
        func take(_ part: UnsafeRawBufferPointer) { bytes += part }
        var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    final class Unread: @unchecked Sendable {
        private var rest: ArraySlice<UInt8>
        init(_ text: String) { rest = Array(text.utf8)[...] }

        func take(into buffer: UnsafeMutableRawBufferPointer) -> Int {
            let part = rest.prefix(buffer.count)
            buffer.copyBytes(from: part)
            rest = rest.dropFirst(part.count)
            return part.count
        }
    }

    static func run(_ words: String..., arguments: [String] = []) async throws {
        let result = try await output(arguments: words + arguments)
        try #require(result.status == 0, "\(words.first ?? ""): \(result.output)")
    }

    static func output(_ words: String..., input: String = "") async throws -> Result {
        try await output(arguments: words, input: input)
    }

    /// Not for what goes into the background: Foundation waits for that as well.
    static func process(_ arguments: [String], environment: [String: String] = [:]) -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        return process
    }

    static func output(
        arguments: [String], environment: [String: String] = [:], input: String = ""
    ) async throws -> Result {
        let process = process(arguments, environment: environment)
        // A file, not a pipe: a program that ends early would end the test with SIGPIPE.
        let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try Data(input.utf8).write(to: file)
        let output = Pipe()
        process.standardInput = try FileHandle(forReadingFrom: file)
        try FileManager.default.removeItem(at: file)
        (process.standardOutput, process.standardError) = (output, output)
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    with: Swift.Result {
                        try process.run()
                        let data = output.fileHandleForReading.readDataToEndOfFile()
                        process.waitUntilExit()
                        return Result(
                            status: Int(process.terminationStatus),
                            output: String(decoding: data, as: UTF8.self))
                    })
            }
        }
    }

    /// Waits for something to become true; the deadline is the test's failure.
    static func eventually(
        within limit: Duration = .seconds(20), _ condition: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + limit
        while !(try await condition()) {
            try #require(ContinuousClock.now < deadline, "not within \(limit)")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// What a step failed with; none where it did not.
    static func failure(_ body: () async throws -> Receipt) async -> Failure? {
        do {
            _ = try await body()
            return nil
        } catch {
            return error as? Failure
        }
    }
}
