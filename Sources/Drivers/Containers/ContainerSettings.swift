internal import Digests
internal import DockerEngine

/// What a container was made with, apart from what changes while it runs.
enum ContainerSettings {
    /// SHA-256 over the settings as canonical JSON; they may hold secrets, so that they are not
    /// kept.
    ///
    /// The same before and after a stop, a rename and a change of the restart policy, which the
    /// plan holds on its own. Links are left out: an engine lists them in any order, by the names
    /// that containers have now, and nobody can change them but by making the container anew.
    static func digest(of container: ContainerDetails) -> String {
        let document = document(of: container)
        // Every number in it came out of JSON, so that it can be written again.
        let bytes = (try? document.serialized()) ?? []
        return SHA256.hash(bytes).hex
    }

    private static func document(of container: ContainerDetails) -> JSONValue {
        var host = container.raw["HostConfig"] ?? [:]
        host["RestartPolicy"] = nil
        host["Links"] = nil
        let mounts = container.mounts.map {
            [$0.type, $0.volume ?? $0.source, $0.destination, $0.isWritable ? "rw" : "ro"]
        }.sorted { $0.lexicographicallyPrecedes($1) }
        let networks = container.networks.map { network in
            (network.name, NetworkSettings.ofUser(network, of: container, allowsMAC: false))
        }
        return [
            "Image": .string(container.imageID),
            "Config": container.raw["Config"] ?? [:],
            "HostConfig": host,
            "Mounts": .array(mounts.map { JSONValue($0) }),
            "Networks": .object(Dictionary(networks) { first, _ in first }),
        ]
    }
}

/// What a user gave a container's place in a network, apart from what the engine made of it.
enum NetworkSettings {
    /// Enough of an id to name a container, and what engines take for its default host name.
    static let shortIDLength = 12

    /// The `EndpointSettings` to create it with again.
    ///
    /// - Parameter allowsMAC: Whether the API takes a network's own MAC address (1.44 and newer).
    static func ofUser(
        _ network: ContainerNetwork, of container: ContainerDetails, allowsMAC: Bool
    ) -> JSONValue {
        var settings: JSONValue = [:]
        for name in ["IPAMConfig", "Links", "DriverOpts"] {
            guard let value = network.raw[name], !value.isNull else { continue }
            settings[name] = value
        }
        let aliases = aliases(of: network, of: container)
        if !aliases.isEmpty { settings["Aliases"] = JSONValue(aliases) }
        if let priority = network.raw["GwPriority"]?.integerValue, priority != 0 {
            settings["GwPriority"] = .integer(priority)
        }
        // While it runs the address may be one that the engine has made up.
        if allowsMAC, !container.state.isRunning, let address = network.raw["MacAddress"],
            !address.isEmpty
        {
            settings["MacAddress"] = address
        }
        return settings
    }

    /// Engines add the short id and the host name themselves, for each container anew.
    private static func aliases(
        of network: ContainerNetwork, of container: ContainerDetails
    ) -> [String] {
        let short = String(container.id.prefix(shortIDLength))
        let host = container.raw["Config", "Hostname"]?.stringValue
        let hasAdded = network.aliases.contains(short)
        return network.aliases.filter { $0 != short && !(hasAdded && $0 == host) }
    }
}

extension JSONValue {
    /// Whether it says nothing: null, or an empty text, list or object.
    var isEmpty: Bool {
        switch self {
        case .null: true
        case .string(let text): text.isEmpty
        case .array(let elements): elements.isEmpty
        case .object(let members): members.isEmpty
        case .bool, .integer, .double: false
        }
    }
}
