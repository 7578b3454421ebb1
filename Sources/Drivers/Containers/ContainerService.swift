public import DockerEngine
public import UpgradeMachine

/// An application in containers of Docker's, or of Podman's behind the same API.
///
/// The serving containers are not changed by an upgrade: they are stopped, renamed and kept with
/// the restart policy `no`, and copies of them run the candidate. Nothing that Pawl does here lives
/// outside the engine, so that a dead Pawl leaves nothing running. Each method may be repeated
/// after a crash between any two calls: what has been done is read from the engine, by the plan's
/// container ids and by the labels of what this upgrade has made.
public struct ContainerService: Service {
    let engine: DockerEngine
    let credentials: RegistryCredentials

    public init(engine: DockerEngine, credentials: RegistryCredentials) {
        self.engine = engine
        self.credentials = credentials
    }

    /// Removes copies that were tried out; all else that was begun is the engine's own work, which
    /// `observe` and `perform` look at.
    public func endLeftovers(of effect: Effect, in context: Context) async throws(Failure) {
        guard case .pull(let release) = effect else { return }
        try await removeProbes(try Scene(engine, context))
        if let file = release.file { try await giveBackNames(file) }
    }

    public func observe(
        _ effect: Effect, in context: Context
    ) async throws(Failure) -> Observation {
        let scene = try Scene(engine, context)
        _ = try await Patience.usual.wait(in: context) { () throws(Failure) in
            try await asked { () throws(DockerError) in try await engine.ping() }
        }
        switch effect {
        case .pull(let release): return try await observePull(of: release, scene)
        case .stop: return try await observeStop(scene)
        case .start(let release): return try await observeStart(of: release, scene)
        case .removeCandidate: return try await observeRemoval(scene)
        case .startPrevious(let kept): return try await observePrevious(kept, scene)
        case .tidy: return try await observeTidy(scene)
        default: throw .notAService(effect)
        }
    }

    public func perform(_ effect: Effect, in context: Context) async throws(Failure) -> Receipt {
        let scene = try Scene(engine, context)
        switch effect {
        case .pull(let release): return try await pull(release, scene)
        case .stop: return try await stop(scene)
        case .start(let release): return try await start(release, scene)
        case .removeCandidate: return try await removeCandidate(scene)
        case .startPrevious(let kept): return try await startPrevious(kept, scene)
        case .tidy: return try await tidy(scene)
        default: throw .notAService(effect)
        }
    }

    /// Takes away what a half-done effect left.
    ///
    /// Only a start is ever torn; all else goes on from what is there.
    public func clear(_ effect: Effect, in context: Context) async throws(Failure) {
        let scene = try Scene(engine, context)
        switch effect {
        case .pull(let release):
            try await removeProbes(scene)
            // A load that was given up may have moved them.
            if let file = release.file { try await giveBackNames(file) }
        case .start: _ = try await removeCandidate(scene)
        default: break
        }
    }
}

/// The part of a plan that is a matter of containers, and the engine that they are in.
struct Scene: Sendable {
    let engine: DockerEngine
    let context: Context
    let runtime: ContainerRuntime

    init(_ engine: DockerEngine, _ context: Context) throws(Failure) {
        guard case .containers(let runtime) = context.plan.runtime else {
            throw Failure(
                code: "no-containers", message: "a plan without containers",
                advice: "this is a defect of Pawl: please report it", isPermanent: true)
        }
        self.engine = engine
        self.context = context
        self.runtime = runtime
    }

    var plan: Plan { context.plan }
    var replaced: [PlannedContainer] { runtime.containers.filter { $0.role == .replaced } }
    var paused: [PlannedContainer] { runtime.containers.filter { $0.role == .paused } }

    /// The name that a container waits under: its own where no candidate is to have it.
    func keptName(_ planned: PlannedContainer) -> String {
        switch planned.role {
        case .replaced where plan.operation != nil: planned.name
        case .replaced: planned.name + KeptName.mark + plan.upgrade
        case .paused: planned.name
        }
    }

    /// Whether nothing but Pawl is to start again what it stops, because the data is replaced
    /// meanwhile. What is only stopped keeps its policies for whoever starts it, by whatever means.
    var takesPolicies: Bool {
        switch plan.operation {
        case nil, .restore: true
        case .pull, .backUp, .stop, .start, .restart: false
        }
    }

    func container(_ id: String) async throws(Failure) -> ContainerDetails? {
        try await askedIfPresent { () throws(DockerError) in
            try await engine.inspectContainer(id)
        }
    }

    /// The containers that this upgrade has made; others are never touched.
    func candidates() async throws(Failure) -> [ContainerDetails] {
        let filters = [
            "label": [
                "\(ContainerLabel.upgrade)=\(plan.upgrade)",
                "\(ContainerLabel.instance)=\(plan.instance)",
            ]
        ]
        let list = try await asked { () throws(DockerError) in
            try await engine.listContainers(all: true, filters: filters)
        }
        var containers: [ContainerDetails] = []
        for summary in list {
            if let details = try await container(summary.id) { containers.append(details) }
        }
        return containers
    }

    /// Whether the engine can be told when to start a container by itself.
    ///
    /// Podman 4 has no such call; what it starts by itself is up to its units.
    func canSetPolicies() async throws(Failure) -> Bool {
        let version = try await asked { () throws(DockerError) in try await engine.version() }
        return !version.isPodman
    }

    func setPolicy(_ policy: UpgradeMachine.RestartPolicy, of id: String) async throws(Failure) {
        guard try await canSetPolicies() else { return }
        try await asked { () throws(DockerError) in
            _ = try await engine.updateContainer(id, restartPolicy: policy.ofEngine)
        }
    }
}

/// What Pawl writes on the containers that it makes.
enum ContainerLabel {
    static let upgrade = "io.pawl.upgrade"
    static let instance = "io.pawl.instance"
    /// On a copy that is only tried out; no candidate has it.
    static let probe = "io.pawl.probe"
}

/// Names of containers that are kept for a way back, as in `web.pawl-20260101-1`.
enum KeptName {
    static let mark = ".pawl-"

    /// Whether `name` is one under which `container` was kept, by whatever upgrade.
    static func isKept(_ name: String, of container: String) -> Bool {
        name.hasPrefix(container + mark) && name.count > (container + mark).count
    }
}

extension UpgradeMachine.RestartPolicy {
    var ofEngine: EnginePolicy {
        EnginePolicy(name: name.isEmpty ? "no" : name, maximumRetryCount: maximumRetryCount)
    }
}

extension Failure {
    fileprivate static func notAService(_ effect: Effect) -> Failure {
        Failure(
            code: "not-a-service", message: "\(effect.step.rawValue) asked of containers",
            advice: "this is a defect of Pawl: please report it", isPermanent: true)
    }
}
