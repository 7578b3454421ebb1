import Foundation
import Testing

/// The place with real containers that `tools/testbed` provides.
enum Testbed {
    static func variable(_ name: String) -> String? {
        ProcessInfo.processInfo.environment["PAWL_TEST_\(name)"]
    }

    static var isThere: Bool { variable("DOCKER_HOST") != nil && variable("REGISTRY") != nil }
    /// Where nothing may be skipped, a test that finds no testbed runs, and fails.
    static var isRequired: Bool { variable("REQUIRE_ALL") == "1" }

    static func required(_ name: String) throws -> String {
        try #require(
            variable(name), "PAWL_TEST_\(name) is not set: eval \"$(tools/testbed env)\"")
    }

    /// Where the registries of the testbed keep what belongs to them.
    static var directory: String {
        ProcessInfo.processInfo.environment["PAWL_TESTBED"] ?? "/var/tmp/pawl-testbed"
    }

    /// The checkout that this file is in.
    static let checkout = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../..").standardizedFileURL.path

    /// The program under test: `PAWL_BINARY`, or what was built beside these tests.
    static func pawl() throws -> String {
        if let path = ProcessInfo.processInfo.environment["PAWL_BINARY"] { return path }
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let path = URL(filePath: tests).deletingLastPathComponent().appending(path: "pawl").path
        try #require(
            FileManager.default.isExecutableFile(atPath: path),
            "\(path) is not there: name it in PAWL_BINARY, or swift build --product pawl")
        return path
    }

    @discardableResult
    static func docker(
        _ words: String..., arguments: [String] = [], environment: [String: String] = [:],
        input: String = "", mayFail: Bool = false
    ) async throws -> String {
        let host = try required("DOCKER_HOST")
        let result = try await Program.run(
            ["docker", "--host", host] + words + arguments,
            environment: environment.merging([
                "DOCKER_CONFIG": variable("DOCKER_CONFIG") ?? "/nonexistent",
                // The classic builder needs nothing but the daemon.
                "DOCKER_BUILDKIT": "0",
            ]) { $1 }, input: Data(input.utf8))
        if !mayFail {
            try #require(result.status == 0, "docker \(words): \(result.errors)\(result.output)")
        }
        return result.output
    }

    /// Whose engine the tests have, of those that `tools/testbed` can start.
    static let engine = ProcessInfo.processInfo.environment["PAWL_TESTBED_ENGINE"] ?? "docker"

    /// The restart policy under which a container is kept: Podman can change none.
    static func keptPolicy(of container: InspectedContainer) -> String {
        engine == "podman" ? container.policy : "no"
    }

    /// Runs `tools/testbed`.
    @discardableResult
    static func testbed(
        _ words: [String], environment: [String: String] = [:]
    ) async throws -> String {
        let result = try await Program.run(
            ["\(checkout)/tools/testbed"] + words,
            environment: environment.merging([
                "PAWL_TESTBED": directory, "PAWL_TESTBED_ENGINE": engine,
            ]) { $1 },
            within: .seconds(240))
        try #require(result.status == 0, "tools/testbed \(words): \(result.errors)")
        return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

extension Trait where Self == ConditionTrait {
    static var needsTestbed: Self {
        .enabled(
            if: Testbed.isThere || Testbed.isRequired,
            "needs a Docker daemon and a registry of its own: eval \"$(tools/testbed env)\"")
    }
}

/// Waits for something to become true; the deadline is the test's failure.
func eventually(
    within limit: Duration = .seconds(60), _ what: String = "",
    _ location: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while !(try await condition()) {
        try #require(
            ContinuousClock.now < deadline, "not within \(limit): \(what)",
            sourceLocation: location)
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// Blocks a thread of its own, never one of those that all tests share.
func onOwnThread<Value: Sendable>(
    _ work: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try work() }) }
    }
}
