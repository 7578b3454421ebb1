/// How the instance's application is run.
public enum Runtime: Hashable, Sendable, Codable {
    case containers(settings: ContainerRuntime)
    case host(settings: HostRuntime)
}

/// An application in containers of a Docker Engine, or of Podman behind the same API.
public struct ContainerRuntime: Hashable, Sendable, Codable {
    /// The engine's address, as in `unix:///var/run/docker.sock`.
    public let engine: String
    /// The image without a tag, as in `registry.example/studio`.
    public let repository: String
    /// A name of this host for the image that serves, such as `studio:latest`; it moves with
    /// the start, so that nobody else's restart is an upgrade.
    public let localTag: String?
    /// All that may write the database, in the order in which they start.
    public let containers: [PlannedContainer]
    /// Time between a container's stop signal and its kill.
    public let stopGrace: Seconds
    /// The registry's account; none to use what `docker login` kept.
    public let registry: RegistryAccount?
    /// What is told, after each start, that the containers are new; none in older plans.
    public let reloads: [ProxyReload]?

    public init(
        engine: String, repository: String, localTag: String?, containers: [PlannedContainer],
        stopGrace: Seconds, registry: RegistryAccount?, reloads: [ProxyReload]? = nil
    ) {
        self.engine = engine
        self.repository = repository
        self.localTag = localTag
        self.containers = containers
        self.stopGrace = stopGrace
        self.registry = registry
        self.reloads = reloads
    }
}

/// A command for a container that remembers where others are, such as a proxy in front of them.
public struct ProxyReload: Hashable, Sendable, Codable {
    /// The container's name; it is no part of the upgrade otherwise.
    public let container: String
    /// A program in it and its arguments; may be repeated.
    public let command: [String]

    public init(container: String, command: [String]) {
        self.container = container
        self.command = command
    }
}

/// A customer's own key to a registry.
public struct RegistryAccount: Hashable, Sendable, Codable {
    public let user: String
    public let password: SecretReference

    public init(user: String, password: SecretReference) {
        self.user = user
        self.password = password
    }
}

/// A container as planning found it.
public struct PlannedContainer: Hashable, Sendable, Codable {
    /// What an upgrade does with it.
    public enum Role: String, Hashable, Sendable, Codable {
        /// Recreated with the candidate's image.
        case replaced
        /// Writes the database as well: stopped for the upgrade and started again as it is.
        case paused
    }

    public let name: String
    public let role: Role
    /// The container's id when the plan was made; another one later is somebody else's doing.
    public let id: String
    /// Id of the image that it runs.
    public let imageID: String
    /// Given back to a kept container, which has none while it is kept.
    public let restartPolicy: RestartPolicy
    /// SHA-256 of its inspected settings; they may hold secrets, so that they are not kept.
    public let settingsDigest: String

    public init(
        name: String, role: Role, id: String, imageID: String, restartPolicy: RestartPolicy,
        settingsDigest: String
    ) {
        self.name = name
        self.role = role
        self.id = id
        self.imageID = imageID
        self.restartPolicy = restartPolicy
        self.settingsDigest = settingsDigest
    }
}

/// When the engine starts a container by itself.
///
/// Source: `HostConfig.RestartPolicy`, Docker Engine API 1.41.
public struct RestartPolicy: Hashable, Sendable, Codable {
    /// `no`, `always`, `unless-stopped` or `on-failure`.
    public let name: String
    /// For `on-failure` alone; 0 is without a limit.
    public let maximumRetryCount: Int

    public init(name: String, maximumRetryCount: Int) {
        self.name = name
        self.maximumRetryCount = maximumRetryCount
    }

    public static let never = RestartPolicy(name: "no", maximumRetryCount: 0)
}

/// Releases unpacked side by side, the serving one behind a `current` link.
public struct HostRuntime: Hashable, Sendable, Codable {
    /// Holds `releases/VERSION` and the link `current`.
    public let directory: String
    /// Started in `current`, with the arguments as they stand and no shell between.
    public let start: [String]
    public let stop: [String]
    /// Ends 0 where the application runs, 1 to 3 where not (LSB, `systemctl is-active`).
    public let status: [String]
    /// The application's own log, for the checks that read it.
    public let logFile: String?

    public init(
        directory: String, start: [String], stop: [String], status: [String], logFile: String?
    ) {
        self.directory = directory
        self.start = start
        self.stop = stop
        self.status = status
        self.logFile = logFile
    }
}
