/// A container as the engine has it; what is not typed here is in `raw`.
public struct ContainerDetails: Sendable {
    public let id: String
    /// Without the leading slash.
    public let name: String
    /// The image it was made from, `sha256:` with 64 digits.
    public let imageID: String
    /// The name it was made with, which may stand for another image by now.
    public let configImage: String
    public let state: ContainerState
    /// How often the engine has started it again by its restart policy.
    public let restartCount: Int
    public let labels: [String: String]
    public let mounts: [ContainerMount]
    public let networks: [ContainerNetwork]
    public let restartPolicy: RestartPolicy
    /// Whether it is gone as soon as it has stopped.
    public let autoRemove: Bool
    /// Whether it has a terminal; then its output is not multiplexed.
    public let hasTerminal: Bool
    public let raw: JSONValue

    init(_ raw: JSONValue, _ what: String) throws(DockerError) {
        id = try raw.required(what, "Id", as: \.stringValue)
        let name = try raw.required(what, "Name", as: \.stringValue)
        self.name = String(name.drop { $0 == "/" })
        imageID = try raw.required(what, "Image", as: \.stringValue)
        configImage = try raw.required(what, "Config", "Image", as: \.stringValue)
        state = try ContainerState(raw["State"] ?? [:], what)
        restartCount = Int(raw["RestartCount"]?.integerValue ?? 0)
        labels = raw["Config", "Labels"]?.stringMembers ?? [:]
        mounts = (raw["Mounts"]?.arrayValue ?? []).map { ContainerMount($0) }
        networks = (raw["NetworkSettings", "Networks"]?.objectValue ?? [:])
            .map { ContainerNetwork(name: $0.key, raw: $0.value) }
            .sorted { $0.name < $1.name }
        restartPolicy = RestartPolicy(raw["HostConfig", "RestartPolicy"] ?? [:])
        autoRemove = raw["HostConfig", "AutoRemove"]?.boolValue ?? false
        hasTerminal = raw["Config", "Tty"]?.boolValue ?? false
        self.raw = raw
    }
}

/// Whether a container runs, and how it ended.
public struct ContainerState: Sendable, Equatable {
    public enum Health: String, Sendable {
        case none, starting, healthy, unhealthy
    }

    /// `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`.
    public let status: String
    public let isRunning: Bool
    /// Between two starts by its restart policy; `isRunning` may be true as well.
    public let isRestarting: Bool
    /// Of the last end; 0 while it has never run.
    public let exitCode: Int
    /// Whether the kernel ended it for want of memory.
    public let wasOutOfMemory: Bool
    /// `nil` where it was never started.
    public let startedAt: Timestamp?
    /// `nil` where it never ended.
    public let finishedAt: Timestamp?
    /// `none` without a health check.
    public let health: Health
    /// Why it could not be started.
    public let error: String

    init(_ raw: JSONValue, _ what: String) throws(DockerError) {
        status = try raw.required("\(what), State", "Status", as: \.stringValue)
        isRunning = try raw.required("\(what), State", "Running", as: \.boolValue)
        isRestarting = raw["Restarting"]?.boolValue ?? false
        exitCode = Int(raw["ExitCode"]?.integerValue ?? 0)
        wasOutOfMemory = raw["OOMKilled"]?.boolValue ?? false
        startedAt = raw["StartedAt"]?.stringValue.flatMap { Timestamp(rfc3339: $0) }
        finishedAt = raw["FinishedAt"]?.stringValue.flatMap { Timestamp(rfc3339: $0) }
        health = raw["Health", "Status"]?.stringValue.flatMap { Health(rawValue: $0) } ?? .none
        error = raw["Error"]?.stringValue ?? ""
    }
}

/// A file or folder of the host, or a volume, as a container sees it.
public struct ContainerMount: Sendable, Equatable {
    /// `bind`, `volume`, `tmpfs`, …
    public let type: String
    /// The volume's name; `nil` for other types.
    public let volume: String?
    /// On the engine's host.
    public let source: String
    /// In the container.
    public let destination: String
    public let isWritable: Bool

    init(_ raw: JSONValue) {
        type = raw["Type"]?.stringValue ?? ""
        volume = raw["Name"]?.stringValue
        source = raw["Source"]?.stringValue ?? ""
        destination = raw["Destination"]?.stringValue ?? ""
        isWritable = raw["RW"]?.boolValue ?? true
    }
}

/// A network that a container is in.
public struct ContainerNetwork: Sendable {
    public let name: String
    public let networkID: String
    public let aliases: [String]
    /// Empty while the container does not run.
    public let address: String
    /// The whole `EndpointSettings`.
    public let raw: JSONValue

    init(name: String, raw: JSONValue) {
        self.name = name
        networkID = raw["NetworkID"]?.stringValue ?? ""
        aliases = raw["Aliases"]?.stringsValue ?? []
        address = raw["IPAddress"]?.stringValue ?? ""
        self.raw = raw
    }
}

/// When the engine starts a container again by itself.
public struct RestartPolicy: Sendable, Equatable {
    /// `no`, `always`, `unless-stopped` or `on-failure`.
    public let name: String
    /// For `on-failure`; 0 is without limit.
    public let maximumRetryCount: Int

    public init(name: String, maximumRetryCount: Int = 0) {
        self.name = name
        self.maximumRetryCount = maximumRetryCount
    }

    public static let no = RestartPolicy(name: "no")

    init(_ raw: JSONValue) {
        let name = raw["Name"]?.stringValue ?? ""
        self.name = name.isEmpty ? "no" : name
        maximumRetryCount = Int(raw["MaximumRetryCount"]?.integerValue ?? 0)
    }

    public var json: JSONValue {
        ["Name": .string(name), "MaximumRetryCount": .integer(Int64(maximumRetryCount))]
    }
}

/// A container as a list has it.
public struct ContainerSummary: Sendable {
    public let id: String
    /// Without the leading slash; the first of its names.
    public let name: String
    public let image: String
    public let imageID: String
    /// As in ``ContainerState/status``.
    public let status: String
    public let labels: [String: String]
    public let raw: JSONValue

    init(_ raw: JSONValue) throws(DockerError) {
        id = try raw.required("container list", "Id", as: \.stringValue)
        name = String((raw["Names"]?[0]?.stringValue ?? "").drop { $0 == "/" })
        image = raw["Image"]?.stringValue ?? ""
        imageID = raw["ImageID"]?.stringValue ?? ""
        status = raw["State"]?.stringValue ?? ""
        labels = raw["Labels"]?.stringMembers ?? [:]
        self.raw = raw
    }
}
