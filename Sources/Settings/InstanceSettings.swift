public import UpgradeMachine

/// One instance as its part of `pawl.yaml` describes it.
///
/// It says nothing about the world: planning asks the engine and the registry, and makes a
/// `Plan` of both.
public struct InstanceSettings: Hashable, Sendable {
    /// The key below `instances`.
    public let name: String
    /// `runtime`: how the application is run.
    public let runtime: RuntimeSettings
    /// `database`: what a rollback puts back; ``Database/none`` where the key is not there.
    public let database: Database
    /// `database.fence`: `hold` (default) or `none`.
    public let fence: FencePolicy
    /// `backups`: the directory for backups; none for the state directory's.
    public let backups: String?
    /// `checks`: each with a name of its own; `running` and `release` where the key is not there.
    public let checks: [Check]
    /// `steady_for`: checks must stay good for this long; default `10s`.
    public let steadyFor: Seconds
    /// `limits`: how long and how often anything may be tried.
    public let limits: Limits
    /// `limits.may_lose_migrated_data`: whether a rollback may go on without saving it; `false`.
    public let mayLoseMigratedData: Bool
    /// `volumes_not_covered`: `report` (default) or `accept`.
    public let volumesNotCovered: VolumePolicy
    /// `versions`: which versions it may be upgraded to; no floors and no downgrade.
    public let versions: VersionRules

    /// Where its backups go.
    ///
    /// - Parameter stateDirectory: Pawl's own, as in `/var/lib/pawl`.
    public func backupDirectory(stateDirectory: String) -> String {
        backups ?? "\(stateDirectory)/backups/\(name)"
    }

    /// All secrets that it refers to, each once: what is to be kept out of logs and reports.
    public var secrets: [SecretReference] {
        var found: [SecretReference] = []
        if case .docker(let docker) = runtime, let registry = docker.registry {
            found.append(registry.password)
        }
        if let password = database.password, !found.contains(password) {
            found.append(password)
        }
        for reference in checks.flatMap(\.secrets) where !found.contains(reference) {
            found.append(reference)
        }
        return found
    }
}

/// How an instance's application is run.
public enum RuntimeSettings: Hashable, Sendable {
    case docker(settings: DockerSettings)
    case host(settings: HostSettings)
}

/// `runtime.docker`: containers of a Docker Engine, or of Podman behind the same API.
public struct DockerSettings: Hashable, Sendable {
    /// `engine`: its address; none to take `DOCKER_HOST`, or the usual socket.
    public let engine: String?
    /// `image`: the repository without a tag.
    public let repository: String
    /// `local_tag`: a name of this host for the image that serves, always with a tag.
    public let localTag: String?
    /// `containers`: recreated with the candidate's image, in the order in which they start.
    public let containers: [String]
    /// `paused`: other writers, stopped for an upgrade and started again as they are.
    public let paused: [String]
    /// `stop_grace`: time between a container's stop signal and its kill; default `30s`.
    public let stopGrace: Seconds
    /// `registry`: the registry's account; none to use what `docker login` kept.
    public let registry: RegistryAccount?
    /// `archived_as`: the repository's name within image archives; none for its own last part.
    public let archivedAs: String?
    /// `reload`: commands for containers that remember where others are.
    public let reloads: [ProxyReload]

    /// Where an engine listens by itself.
    public static let usualEngine = "unix:///var/run/docker.sock"

    /// The engine to ask.
    ///
    /// - Parameter environment: Pawl's own; its `DOCKER_HOST` counts where the file names none.
    public func engineAddress(environment: [String: String]) -> String {
        engine ?? Self.engineAddress(environment: environment)
    }

    /// The engine where no settings name one, as for the database's container beside an
    /// application that runs on the host.
    public static func engineAddress(environment: [String: String]) -> String {
        environment["DOCKER_HOST"].flatMap { $0.isEmpty ? nil : $0 } ?? usualEngine
    }

    /// What a plan holds, once planning has inspected the containers.
    ///
    /// - Parameter inspected: Those of ``containers`` and ``paused``, in the order of their start.
    public func runtime(engine: String, inspected: [PlannedContainer]) -> ContainerRuntime {
        ContainerRuntime(
            engine: engine, repository: repository, localTag: localTag, containers: inspected,
            stopGrace: stopGrace, registry: registry, reloads: reloads.isEmpty ? nil : reloads)
    }
}

/// `runtime.host`: releases unpacked side by side, the serving one behind a `current` link.
public struct HostSettings: Hashable, Sendable {
    /// `directory`, `start`, `stop`, `status` and `log`, as a plan holds them.
    public let runtime: HostRuntime
    /// `archive`: a file of this host with `{version}` in its name; none where every upgrade
    /// names its archive.
    public let archive: String?

    /// The file that holds a version, where ``archive`` says so.
    public func archive(of version: String) -> String? {
        archive?.replacing(Self.versionMark, with: version)
    }

    /// Stands for the version in `archive` and in a check's command.
    public static let versionMark = "{version}"
}

/// `volumes_not_covered`: what planning says of data volumes that a rollback would not cover.
public enum VolumePolicy: String, Hashable, Sendable {
    /// Each is a finding of the plan.
    case report
    /// Somebody has decided that it is good so.
    case accept
}
