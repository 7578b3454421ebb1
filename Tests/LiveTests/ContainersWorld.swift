import DockerEngine
import Drivers
import Foundation
import HTTPClient
import Synchronization
import Testing
import UpgradeMachine

extension Trait where Self == ConditionTrait {
    static var needsContainers: Self {
        .enabled(
            if: ContainersWorld.isThere || ContainersWorld.isRequired,
            "needs a Docker engine with a registry: eval \"$(tools/testbed env)\"")
    }
}

/// One instance's corner of the testbed's engine: its names collide with nobody's, and all goes
/// with it.
final class ContainersWorld: Sendable {
    private static func variable(_ name: String) -> String? {
        ProcessInfo.processInfo.environment["PAWL_TEST_\(name)"]
    }

    /// Where a test that must not be skipped finds nothing, it fails.
    static var isRequired: Bool { variable("REQUIRE_ALL") != nil }

    static var isThere: Bool {
        variable("DOCKER_HOST") != nil && variable("RELEASE_IMAGE") != nil
            && variable("REGISTRY_PASSWORD") != nil
    }

    let engine: DockerEngine
    let service: ContainerService
    let planner: ContainerPlanner
    let repository: String
    let registry: String
    let openRegistry: String
    let user: String
    let password: String
    /// Begins all names of this world.
    let prefix = "pawl-t\(UInt32.random(in: 0...UInt32.max))"
    private let networks = Mutex<[String]>([])
    private let tags = Mutex<[String]>([])

    private init() throws {
        engine = DockerEngine(
            endpoint: try DockerEngine.Endpoint(dockerHost: Self.variable("DOCKER_HOST")))
        repository = try #require(Self.variable("RELEASE_IMAGE"))
        registry = try #require(Self.variable("REGISTRY"))
        openRegistry = try #require(Self.variable("OPEN_REGISTRY"))
        user = try #require(Self.variable("REGISTRY_USER"))
        let password = try #require(Self.variable("REGISTRY_PASSWORD"))
        self.password = password
        let credentials = RegistryCredentials(environment: [:]) { reference in
            // A reference's name is the password itself where a test wants a wrong one.
            if case .environment(let name) = reference, name != "RIGHT" { return Secret(name) }
            return Secret(password)
        }
        service = ContainerService(engine: engine, credentials: credentials)
        planner = ContainerPlanner(engine: engine, credentials: credentials)
    }

    /// Gives a test its world, and removes what it left, however it ends.
    static func run(_ body: (ContainersWorld) async throws -> Void) async throws {
        let world = try ContainersWorld()
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(world))
        } catch {
            result = .failure(error)
        }
        try await world.remove()
        try result.get()
    }

    private func remove() async throws {
        var volumes: Set<String> = []
        for container in try await engine.listContainers(all: true) {
            let names = container.raw["Names"]?.stringsValue ?? []
            guard names.contains(where: { $0.contains(prefix) }) else { continue }
            for mount in container.raw["Mounts"]?.arrayValue ?? [] {
                if let volume = mount["Name"]?.stringValue { volumes.insert(volume) }
            }
            try await engine.removeContainer(container.id, force: true)
        }
        try await removeVolumes(volumes)
        for network in networks.withLock({ $0 }) { try await engine.removeNetwork(network) }
        // A tag that a test did not get as far as making is not there.
        for tag in tags.withLock({ $0 }) { try? await engine.removeImage(tag) }
    }

    /// Source: `DELETE /volumes/{name}`, Docker Engine API 1.40.
    private func removeVolumes(_ names: Set<String>) async throws {
        guard case .unix(let path) = engine.endpoint else { return }
        let http = HTTPClient(.init(unixSocketPath: path))
        for name in names {
            let request = HTTPRequest(.delete, "http://docker/v1.40/volumes/\(name)")
            let answer = try await http.send(request, limitInBytes: 1 << 16)
            // One that only a removed container had may have gone with it.
            try #require([204, 404].contains(answer.status), "\(answer.text)")
        }
    }

    // MARK: - What a test needs to be there

    func account(password reference: String = "RIGHT") -> RegistryAccount {
        RegistryAccount(user: user, password: .environment(name: reference))
    }

    func release(_ version: String) async throws -> Release {
        try await planner.release(version, in: repository, account: account())
    }

    /// The release's image, pulled by the service itself.
    @discardableResult
    func pulled(_ version: String) async throws -> ImageDetails {
        let release = try await release(version)
        let plan = try await plan(candidate: release, containers: [])
        _ = try await service.perform(.pull(release: release), in: plan.silent)
        return try await engine.inspectImage("\(repository)@\(release.digest)")
    }

    func network(_ name: String, settings: JSONValue = [:]) async throws -> String {
        let name = "\(prefix)-\(name)"
        _ = try await engine.createNetwork(name: name, settings: settings)
        networks.withLock { $0.append(name) }
        return name
    }

    func localTag(_ name: String = "studio") -> String {
        let tag = "\(prefix)-\(name):latest"
        tags.withLock { $0.append(tag) }
        return tag
    }

    /// A process that does what it is told by SIGTERM; the images' own needs a database.
    static let sleeper: JSONValue = [
        "sh", "-c", "trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done",
    ]

    /// Makes and starts `PREFIX-NAME` from a version of the sample.
    @discardableResult
    func container(
        _ name: String = "web", version: String = "1.0.0", host: JSONValue = [:],
        start: Bool = true, config: [String: JSONValue] = [:], networking: JSONValue? = nil
    ) async throws -> ContainerDetails {
        let image = try await pulled(version)
        var body: JSONValue = ["Image": .string(image.id), "Cmd": Self.sleeper]
        for (name, value) in config { body[name] = value }
        var host = host
        if host["NetworkMode"] == nil { host["NetworkMode"] = "none" }
        body["HostConfig"] = host
        body["NetworkingConfig"] = networking
        let full = "\(prefix)-\(name)"
        let created = try await engine.createContainer(name: full, body: body)
        if start { try await engine.startContainer(created.id) }
        return try await engine.inspectContainer(created.id)
    }

    /// An image of this world's own: a version of the sample with other defaults.
    ///
    /// Source: `POST /commit`, Docker Engine API 1.40.
    ///
    /// - Parameter changes: Lines of a Dockerfile.
    func image(
        _ name: String, stopSignal: String, changes: [String]
    ) async throws -> String {
        guard case .unix(let path) = engine.endpoint else { throw Unavailable() }
        let base = try await container(
            "base-\(name)", start: false, config: ["StopSignal": .string(stopSignal)])
        let (repository, tag) = ("\(prefix)-\(name)", "1")
        tags.withLock { $0.append("\(repository):\(tag)") }
        var query = URLComponents()
        query.queryItems = [
            URLQueryItem(name: "container", value: base.id),
            URLQueryItem(name: "repo", value: repository), URLQueryItem(name: "tag", value: tag),
            URLQueryItem(name: "changes", value: changes.joined(separator: "\n")),
        ]
        let http = HTTPClient(.init(unixSocketPath: path))
        // URLComponents leaves it as it is, and Go refuses it.
        let text = (query.percentEncodedQuery ?? "").replacing(";", with: "%3B")
        let url = "http://docker/v1.40/commit?\(text)"
        let answer = try await http.send(HTTPRequest(.post, url), limitInBytes: 1 << 16)
        try #require(answer.status == 201, "\(answer.text)")
        try await engine.removeContainer(base.id)
        return "\(repository):\(tag)"
    }

    struct Unavailable: Error {}

    /// Runs a command in a container to its end.
    func run(_ command: [String], in name: String) async throws -> String {
        let output = Mutex<[UInt8]>([])
        _ = try await engine.runExec(
            in: name, ExecCommand(command), limits: ExecLimits(whole: .seconds(30)),
            output: { bytes in
                nonisolated(unsafe) let bytes = bytes
                output.withLock { $0 += bytes }
            })
        return String(decoding: output.withLock { $0 }, as: UTF8.self)
    }

    // MARK: - Plans

    func name(_ name: String) -> String { "\(prefix)-\(name)" }

    func selection(
        _ members: KeyValuePairs<String, PlannedContainer.Role>, localTag: String? = nil
    ) -> ContainerSelection {
        ContainerSelection(
            repository: repository, localTag: localTag,
            members: members.map { .init(name: name($0.key), role: $0.value) })
    }

    /// A plan as planning makes it, from what runs.
    func plan(
        to version: String,
        _ members: KeyValuePairs<String, PlannedContainer.Role> = ["web": .replaced],
        localTag: String? = nil, upgrade: String = "u1"
    ) async throws -> Plan {
        let survey = try await planner.survey(selection(members, localTag: localTag))
        return try await plan(
            current: survey.current, candidate: try await release(version),
            containers: survey.containers, localTag: localTag, upgrade: upgrade)
    }

    func plan(
        current: Release? = nil, candidate: Release, containers: [PlannedContainer],
        localTag: String? = nil, upgrade: String = "u1", account: RegistryAccount? = nil,
        repository: String? = nil
    ) async throws -> Plan {
        let runtime = ContainerRuntime(
            engine: "\(engine.endpoint)", repository: repository ?? self.repository,
            localTag: localTag, containers: containers, stopGrace: 5,
            registry: account ?? self.account())
        return Plan(
            upgrade: "\(prefix)-\(upgrade)", instance: prefix, current: current ?? candidate,
            candidate: candidate, runtime: .containers(settings: runtime), database: .none,
            fence: .none, backups: "/nowhere", checks: [], steadyFor: 0, limits: Limits())
    }
}

extension Plan {
    var silent: Context { Context(plan: self, report: { _ in }) }
}

/// Performs a step twice, as a crash after it may have it, and looks before and after.
func twice(
    _ effect: Effect, _ world: ContainersWorld, _ plan: Plan,
    _ location: SourceLocation = #_sourceLocation
) async throws -> Receipt {
    let service = world.service
    let first = try await service.perform(effect, in: plan.silent)
    #expect(
        try await service.observe(effect, in: plan.silent) == .present(first),
        sourceLocation: location)
    let second = try await service.perform(effect, in: plan.silent)
    #expect(first == second, sourceLocation: location)
    return first
}

func failure(_ body: () async throws -> Void) async -> Failure? {
    do {
        try await body()
        return nil
    } catch {
        return error as? Failure
    }
}
