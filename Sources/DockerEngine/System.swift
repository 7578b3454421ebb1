internal import HTTPClient

/// What an engine says of itself without being asked for a version.
public struct EnginePing: Sendable {
    /// The newest API version that the engine speaks, such as `1.41`.
    public let apiVersion: String
    /// Such as `Docker/20.10.24 (linux)` or `Libpod/4.3.1 (linux)`.
    public let server: String?
}

/// What `docker version` shows of the server.
public struct EngineVersion: Sendable {
    public let version: String
    public let apiVersion: String
    public let oldestAPIVersion: String?
    public let isPodman: Bool
    public let raw: JSONValue
}

/// What `docker info` shows.
public struct EngineInfo: Sendable {
    /// The folder with images, volumes and container logs, on the engine's host.
    public let rootDirectory: String
    public let hostName: String?
    public let serverVersion: String?
    public let storageDriver: String?
    /// Whether containers outlive the daemon.
    public let isLiveRestoreEnabled: Bool
    public let raw: JSONValue

    /// Where images are unpacked, on the engine's host.
    ///
    /// With containerd's image store it is containerd's own folder, of which the engine says
    /// nothing: then its usual place.
    public var imageDirectory: String {
        hasContainerdStore ? "/var/lib/containerd" : rootDirectory
    }

    /// Whether an image's id is the digest of its manifest, and not of its configuration.
    ///
    /// Source: Docker's manual, "containerd image store with Docker Engine".
    public var hasContainerdStore: Bool {
        (raw["DriverStatus"]?.arrayValue ?? []).contains {
            $0[1]?.stringValue == "io.containerd.snapshotter.v1"
        }
    }
}

extension DockerEngine {
    /// Asks whether the engine is there, in any version.
    ///
    /// Source: `GET /_ping`, Docker Engine API 1.24 and newer.
    ///
    /// - Throws: ``DockerError/unreachable(endpoint:reason:advice:)``, or
    ///   ``DockerError/malformed(_:reason:)`` where it is no engine that answers.
    public func ping() async throws(DockerError) -> EnginePing {
        let call = Call(.get, "_ping", what: "engine")
        var request = HTTPRequest(.get, call.url(base: endpoint.base, version: nil))
        request.deadlines = HTTPDeadlines(idle: .seconds(30), whole: .seconds(60))
        let answer: HTTPResponse
        do {
            answer = try await http.send(request, limitInBytes: 1 << 16)
        } catch {
            throw self.error(error, call.what)
        }
        guard answer.status == 200 else { throw Self.refusal(answer, call) }
        guard let version = answer.fields["Api-Version"] else {
            throw .malformed("GET /_ping", reason: "no field Api-Version; is it an engine?")
        }
        return EnginePing(apiVersion: version, server: answer.fields["Server"])
    }

    /// Reads the engine's version and those of its parts.
    ///
    /// Source: `GET /version`, Docker Engine API 1.40.
    public func version() async throws(DockerError) -> EngineVersion {
        let what = "engine version"
        let raw = try await document(Call(.get, "version", what: what))
        let components = raw["Components"]?.arrayValue ?? []
        return EngineVersion(
            version: try raw.required(what, "Version", as: \.stringValue),
            apiVersion: try raw.required(what, "ApiVersion", as: \.stringValue),
            oldestAPIVersion: raw["MinAPIVersion"]?.stringValue,
            isPodman: components.contains { $0["Name"]?.stringValue == "Podman Engine" },
            raw: raw)
    }

    /// Reads the engine's settings and its host.
    ///
    /// Source: `GET /info`, Docker Engine API 1.40.
    public func info() async throws(DockerError) -> EngineInfo {
        let raw = try await document(Call(.get, "info", what: "engine info"))
        return EngineInfo(
            rootDirectory: try raw.required("engine info", "DockerRootDir", as: \.stringValue),
            hostName: raw["Name"]?.stringValue,
            serverVersion: raw["ServerVersion"]?.stringValue,
            storageDriver: raw["Driver"]?.stringValue,
            isLiveRestoreEnabled: raw["LiveRestoreEnabled"]?.boolValue ?? false,
            raw: raw)
    }
}
