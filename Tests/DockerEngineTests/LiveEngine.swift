import DockerEngine
import Foundation
import Testing

/// The engine and registry that live tests use, named by the environment.
enum LiveEngine {
    static let host = ProcessInfo.processInfo.environment["PAWL_TEST_DOCKER_HOST"]
    static let registry = ProcessInfo.processInfo.environment["PAWL_TEST_REGISTRY"]

    static func engine() throws -> DockerEngine {
        DockerEngine(endpoint: try DockerEngine.Endpoint(dockerHost: host))
    }

    static func credential(password: String? = nil) throws -> RegistryCredential {
        let environment = ProcessInfo.processInfo.environment
        return RegistryCredential(
            server: try #require(registry),
            user: try #require(environment["PAWL_TEST_REGISTRY_USER"]),
            password: try password ?? #require(environment["PAWL_TEST_REGISTRY_PASSWORD"]))
    }

    /// An image of the engine that has a shell.
    static func image() throws -> String {
        try #require(ProcessInfo.processInfo.environment["PAWL_TEST_MARIADB_IMAGE"])
    }

    /// Makes a container that sleeps, and removes it at the end, however the body ends.
    static func withContainer(
        command: [String] = ["sleep", "600"], start: Bool = true, terminal: Bool = false,
        _ body: (DockerEngine, String) async throws -> Void
    ) async throws {
        let engine = try engine()
        let name = "engine-test-\(UInt32.random(in: 0...UInt32.max))"
        let created = try await engine.createContainer(
            name: name,
            body: [
                "Image": .string(try image()), "Cmd": JSONValue(command),
                "Entrypoint": [], "Tty": .bool(terminal),
                "Labels": ["pawl.test": .string(name)],
                "HostConfig": ["NetworkMode": "none", "RestartPolicy": ["Name": "always"]],
            ])
        let result: Result<Void, any Error>
        do {
            if start { try await engine.startContainer(created.id) }
            result = .success(try await body(engine, name))
        } catch {
            result = .failure(error)
        }
        try await engine.removeContainer(created.id, force: true)
        try result.get()
    }
}

extension Trait where Self == ConditionTrait {
    static var needsEngine: Self {
        .enabled(
            if: LiveEngine.host != nil,
            "needs a Docker engine: set PAWL_TEST_DOCKER_HOST=unix:///PATH")
    }
    static var needsRegistry: Self {
        .enabled(
            if: LiveEngine.host != nil && LiveEngine.registry != nil,
            """
            needs an engine and a registry: set PAWL_TEST_DOCKER_HOST, PAWL_TEST_REGISTRY=HOST:PORT,
            PAWL_TEST_REGISTRY_USER and PAWL_TEST_REGISTRY_PASSWORD
            """)
    }
}

/// A number that repeats for a seed (SplitMix64), to make data that can be checked without keeping
/// it.
struct SeededBytes {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func fill(_ buffer: UnsafeMutableRawBufferPointer) {
        for offset in stride(from: 0, to: buffer.count - 7, by: 8) {
            state &+= 0x9e37_79b9_7f4a_7c15
            var value = state
            value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
            buffer.storeBytes(of: value ^ (value >> 27), toByteOffset: offset, as: UInt64.self)
        }
    }
}

/// sha256sum(1) of the machine that runs the test, which has no part in the code under test.
final class HostChecksum: Sendable {
    private let process = Process()
    private let (input, output) = (Pipe(), Pipe())

    init() throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/sha256sum")
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    func update(_ bytes: UnsafeRawBufferPointer) throws {
        try input.fileHandleForWriting.write(contentsOf: Data(bytes))
    }

    /// The sum as the program prints it for its standard input.
    func finalize() throws -> String {
        try input.fileHandleForWriting.close()
        return String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }
}

/// Waits for something to become true; the deadline is the test's failure.
func eventually(
    within limit: Duration = .seconds(20), _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while !(try await condition()) {
        try #require(ContinuousClock.now < deadline, "not within \(limit)")
        try await Task.sleep(for: .milliseconds(20))
    }
}
