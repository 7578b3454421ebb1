internal import DockerEngine
internal import UpgradeMachine

/// A container like a kept one, with another image: the settings to create it with.
///
/// All that the kept container's inspection shows is taken over as it stands, unknown settings too;
/// this type says what differs, and why.
struct ContainerCopy {
    /// As `docker compose` marks the image that it has made a container from (version 2).
    private static let composeImage = "com.docker.compose.image"

    /// The container as it was inspected, stopped and renamed; for one that is only tried out, as
    /// it runs.
    let kept: ContainerDetails
    let planned: PlannedContainer
    /// The `Config` of the image that it was made from.
    let oldImage: JSONValue
    let newImageID: String
    /// The name that the copy is made with.
    let imageName: String
    /// What marks it as this upgrade's, or as what else it is.
    var labels: [String: String]
    /// Containers that were copied before this one: from the kept one's id to the copy's.
    let copies: [String: String]
    /// Places in the container that other containers' volumes are put to by `VolumesFrom`.
    let inherited: Set<String>
    /// Containers whose volumes it shares by `VolumesFrom`, and which have been removed since.
    let gone: Set<String>
    /// From the names of kept containers to the planned ones, which their copies have.
    let plannedNames: [String: String]
    /// Whether the API takes a MAC address for each network (1.44 and newer).
    let allowsNetworkMAC: Bool
    /// Podman calls every mode `bridge`, whatever the network.
    let isPodman: Bool
    /// What docker-compose 1 expects to be written on it; none to leave what is.
    var composeHash: String?

    /// The body of `POST /containers/create`, Docker Engine API 1.40.
    var body: JSONValue {
        var body = OwnSettings(config: kept.raw["Config"] ?? [:], image: oldImage).own
        body["Image"] = .string(imageName)
        setLabels(&body)
        body["HostConfig"] = hostSettings
        exposePublishedPorts(&body)
        setIdentity(&body)
        if let primary {
            let settings = settings(of: primary)
            if settings != [:] {
                body["NetworkingConfig"] = [
                    "EndpointsConfig": .object([primary.name: settings])
                ]
            }
        }
        return body
    }

    private func setLabels(_ body: inout JSONValue) {
        var all = body["Labels"]?.objectValue ?? [:]
        for name in ContainerDouble.all { all[name] = nil }
        if let composeHash { all[ComposeProject.hashLabel] = .string(composeHash) }
        for (name, value) in labels { all[name] = .string(value) }
        // Else its `up` would take the copy for one of an old image, and make it anew.
        if all[Self.composeImage] != nil { all[Self.composeImage] = .string(newImageID) }
        body["Labels"] = .object(all)
    }

    private func setIdentity(_ body: inout JSONValue) {
        let short = String(kept.id.prefix(NetworkSettings.shortIDLength))
        if body["Hostname"]?.stringValue == short { body["Hostname"] = nil }
        // An engine refuses what the joined container decides.
        if mode.hasPrefix("container:") {
            for name in ["Hostname", "Domainname", "ExposedPorts", "MacAddress"] {
                body[name] = nil
            }
        }
        if kept.raw["HostConfig", "UTSMode"]?.stringValue == "host" { body["Hostname"] = nil }
        if allowsNetworkMAC { body["MacAddress"] = nil }
    }

    /// An engine publishes what is exposed alone, and the new image may not expose what the old one
    /// did.
    ///
    /// Source: `buildCreateEndpointOptions` (moby, `daemon/network.go`).
    private func exposePublishedPorts(_ body: inout JSONValue) {
        let published = kept.raw["HostConfig", "PortBindings"]?.objectValue ?? [:]
        guard !published.isEmpty else { return }
        var ports = body["ExposedPorts"]?.objectValue ?? [:]
        for port in published.keys where ports[port] == nil { ports[port] = [:] }
        body["ExposedPorts"] = .object(ports)
    }

    // MARK: - Host settings

    private var hostSettings: JSONValue {
        var host = kept.raw["HostConfig"] ?? [:]
        host["RestartPolicy"] = planned.restartPolicy.ofEngine.json
        host["AutoRemove"] = false
        host["Links"] = host["Links"]?.stringsValue.map { JSONValue($0.map(link)) } ?? .null
        host["VolumesFrom"] =
            host["VolumesFrom"]?.stringsValue.map { references in
                JSONValue(references.filter { !gone.contains($0) }.map(redirected))
            } ?? .null
        for name in ["NetworkMode", "PidMode", "IpcMode"] {
            guard let mode = host[name]?.stringValue, mode.hasPrefix("container:") else { continue }
            host[name] = .string("container:" + redirected(String(mode.dropFirst(10))))
        }
        attachMounts(&host)
        if isPodman { Self.translateForPodman(&host) }
        return host
    }

    /// Podman 4 shows a limit as `RLIMIT_NOFILE` and takes it as `nofile` alone.
    static func translateForPodman(_ host: inout JSONValue) {
        guard let limits = host["Ulimits"]?.arrayValue else { return }
        host["Ulimits"] = .array(
            limits.map { limit in
                var limit = limit
                let name = limit["Name"]?.stringValue ?? ""
                if name.hasPrefix("RLIMIT_") {
                    limit["Name"] = .string(name.dropFirst("RLIMIT_".count).lowercased())
                }
                return limit
            })
    }

    /// An inspection writes `/db:/web/alias` with the names of now, and creation takes `db:alias`.
    private func link(_ text: String) -> String {
        let parts = text.split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { return text }
        let alias = parts[1].split(separator: "/").last ?? parts[1]
        let name = String(parts[0].drop { $0 == "/" })
        return "\(plannedNames[name] ?? name):\(alias)"
    }

    /// A container that was copied before is joined by the copy's id; a name leads there by itself.
    private func redirected(_ reference: String) -> String {
        let parts = reference.split(separator: ":", maxSplits: 1)
        guard let id = parts.first, id.count >= NetworkSettings.shortIDLength,
            let copy = copies.first(where: { $0.key.hasPrefix(id) })?.value
        else { return reference }
        return parts.count == 2 ? "\(copy):\(parts[1])" : copy
    }

    /// A volume without a name of the user's stays with the copy, and its data with it; so does
    /// what came from a container that is gone.
    private func attachMounts(_ host: inout JSONValue) {
        var binds = host["Binds"]?.stringsValue ?? []
        var mounts = host["Mounts"]?.arrayValue ?? []
        let bound = Set(binds.compactMap(Self.destination))
        for mount in kept.mounts.sorted(by: { $0.destination < $1.destination }) {
            let place = ContainerPath.cleaned(mount.destination)
            guard !bound.contains(place), !inherited.contains(place) else { continue }
            let index = mounts.firstIndex {
                ContainerPath.cleaned($0["Target"]?.stringValue ?? "") == place
            }
            let source: String
            switch mount.type {
            case "volume": source = mount.volume ?? ""
            // Whatever else it has of the host's stands among its own settings.
            case "bind" where !gone.isEmpty && index == nil: source = mount.source
            default: continue
            }
            guard !source.isEmpty else { continue }
            if let index {
                if mounts[index]["Source"]?.isEmpty ?? true {
                    mounts[index]["Source"] = .string(source)
                }
            } else {
                binds.append("\(source):\(place)" + (mount.isWritable ? "" : ":ro"))
            }
        }
        if !binds.isEmpty { host["Binds"] = JSONValue(binds) }
        if !mounts.isEmpty { host["Mounts"] = .array(mounts) }
    }

    /// The second part of `source:destination:mode`, as an inspection shows it.
    private static func destination(_ bind: String) -> String? {
        let parts = bind.split(separator: ":")
        return parts.count >= 2 ? ContainerPath.cleaned(String(parts[1])) : nil
    }

    // MARK: - Networks

    private var mode: String { kept.raw["HostConfig", "NetworkMode"]?.stringValue ?? "default" }

    /// Whether the container has a place of its own in networks.
    private var hasNetworks: Bool {
        !["host", "none"].contains(mode) && !mode.hasPrefix("container:")
    }

    /// The network that the copy is created in.
    private var primary: ContainerNetwork? {
        guard hasNetworks else { return nil }
        return kept.networks.first { isPrimary($0) } ?? (isPodman ? kept.networks.first : nil)
    }

    private func isPrimary(_ network: ContainerNetwork) -> Bool {
        if mode == "default" { return ["bridge", "podman"].contains(network.name) }
        let isByID = mode.count >= NetworkSettings.shortIDLength
        return network.name == mode || isByID && network.networkID.hasPrefix(mode)
    }

    /// The networks to connect it to before its start; the API took but one before 1.44.
    var furtherNetworks: [(name: String, settings: JSONValue)] {
        guard hasNetworks else { return [] }
        let first = primary?.name
        return kept.networks.filter { $0.name != first }.map { ($0.name, settings(of: $0)) }
    }

    /// The network that creation puts it into, where the kept container was taken out of it since.
    var networkToLeave: String? {
        guard hasNetworks, primary == nil, !isPodman else { return nil }
        return mode == "default" ? "bridge" : mode
    }

    private func settings(of network: ContainerNetwork) -> JSONValue {
        var settings = NetworkSettings.ofUser(network, of: kept, allowsMAC: allowsNetworkMAC)
        let address = kept.raw["Config", "MacAddress"]
        if allowsNetworkMAC, network.name == primary?.name, let address, !address.isEmpty {
            settings["MacAddress"] = address
        }
        return settings
    }
}
