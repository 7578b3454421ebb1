import DockerEngine
import Drivers
import Settings
import Synchronization

/// The containers of an engine, as adoption looks at them; nothing is changed by looking.
struct Inventory {
    /// A start-up log is what stands at its begin.
    private static let logLimitInBytes = 4 << 20

    let engine: DockerEngine

    func containers() async throws(DockerError) -> [FoundContainer] {
        var found: [FoundContainer] = []
        for summary in try await engine.listContainers(all: true) {
            do throws(DockerError) {
                found.append(try await container(summary.id))
            } catch .notFound {
                // It has gone since the list was made.
            }
        }
        return found.sorted { $0.name < $1.name }
    }

    /// What a container has logged since its present start.
    func log(of name: String) async throws(DockerError) -> [String] {
        let details = try await engine.inspectContainer(name)
        let bytes = Mutex<[UInt8]>([])
        _ = try await engine.readLog(
            of: details.id, LogSelection(since: details.state.finishedAt),
            limitInBytes: Self.logLimitInBytes
        ) { _, part in
            let part = Array(part)
            bytes.withLock { $0 += part }
        }
        let text = bytes.withLock { String(decoding: $0, as: UTF8.self) }
        return text.split(whereSeparator: \.isNewline).map(String.init)
    }

    private func container(_ id: String) async throws(DockerError) -> FoundContainer {
        let details = try await engine.inspectContainer(id)
        do throws(DockerError) {
            return FoundContainer(details, try await engine.inspectImage(details.imageID))
        } catch .notFound {
            // A container outlives an image that was removed from under it.
            return FoundContainer(details, nil)
        }
    }
}

extension FoundContainer {
    /// Source: `GET /containers/{id}/json` and `GET /images/{name}/json`, Docker Engine API 1.40.
    fileprivate init(_ details: ContainerDetails, _ image: ImageDetails?) {
        let config = details.raw["Config"] ?? [:]
        let check = config["Healthcheck", "Test"]?.stringsValue ?? []
        let exposed = (config["ExposedPorts"]?.objectValue ?? [:]).keys.compactMap(Self.tcpPort)
        self.init(
            name: details.name, image: details.configImage,
            repositories: Self.repositories(of: image),
            version: Self.version(of: image), isRunning: details.state.isRunning,
            hasHealthCheck: !check.isEmpty && check.first != "NONE",
            healthPath: Self.healthPath(in: check), exposedPorts: exposed.sorted(),
            ports: Self.ports(of: details), compose: Compose(details.labels),
            networks: Set(details.networks.map(\.name)),
            aliases: Set(details.networks.flatMap(\.aliases)),
            environment: FoundEnvironment(Self.variables(config["Env"]?.stringsValue ?? [])),
            hostFolders: details.mounts.filter { $0.type == "bind" }.map(\.source))
    }

    private static func variables(_ lines: [String]) -> [String: String] {
        let pairs = lines.map { line in
            let name = line.prefix { $0 != "=" }
            return (String(name), String(line.dropFirst(name.count + 1)))
        }
        return Dictionary(pairs) { $1 }
    }

    private static func repositories(of image: ImageDetails?) -> [String] {
        let names = (image?.repoDigests ?? []).map { String($0.prefix { $0 != "@" }) }
        return Set(names).sorted()
    }

    private static func version(of image: ImageDetails?) -> String? {
        let label = image?.config["Labels", "org.opencontainers.image.version"]?.stringValue
        if let label, !label.isEmpty { return label }
        return image?.repoTags.lazy.compactMap { ImageReference($0)?.tag }.first { $0 != "latest" }
    }

    private static func tcpPort(_ text: String) -> Int? {
        guard text.hasSuffix("/tcp") else { return nil }
        return Int(text.dropLast(4))
    }

    /// Where the engine has bound its ports; one that is bound to every address is asked here.
    private static func ports(of details: ContainerDetails) -> [Port] {
        let published = details.raw["NetworkSettings", "Ports"]?.objectValue ?? [:]
        var ports: [Port] = []
        for (name, bindings) in published {
            guard let inside = tcpPort(name), let binding = bindings.arrayValue?.first,
                let port = binding["HostPort"]?.stringValue.flatMap({ Int($0) })
            else { continue }
            let address = binding["HostIp"]?.stringValue ?? ""
            let isEvery = ["", "0.0.0.0", "::"].contains(address)
            ports.append(
                Port(inside: inside, address: isEvery ? "127.0.0.1" : address, port: port))
        }
        return ports.sorted { $0.inside < $1.inside }
    }
}

extension FoundContainer.Compose {
    /// Source: `compose/const.py` of docker-compose 1.29, `pkg/api/labels.go` of version 2.
    fileprivate init?(_ labels: [String: String]) {
        guard let project = labels["com.docker.compose.project"],
            let service = labels["com.docker.compose.service"]
        else { return nil }
        self.init(
            project: project, service: service,
            folder: labels["com.docker.compose.project.working_dir"],
            files: labels["com.docker.compose.project.config_files"])
    }
}
