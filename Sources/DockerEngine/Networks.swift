internal import HTTPClient

/// A network as the engine has it.
public struct NetworkDetails: Sendable {
    public let id: String
    public let name: String
    public let driver: String
    public let labels: [String: String]
    /// The ids of the running containers in it.
    public let containers: [String]
    public let raw: JSONValue
}

/// A volume as the engine has it.
public struct VolumeDetails: Sendable {
    public let name: String
    public let driver: String
    /// The folder on the engine's host.
    public let mountpoint: String
    public let labels: [String: String]
    public let raw: JSONValue
}

extension DockerEngine {
    /// Reads a network by id or name.
    ///
    /// Source: `GET /networks/{id}`, Docker Engine API 1.40.
    public func inspectNetwork(_ id: String) async throws(DockerError) -> NetworkDetails {
        let call = Call(.get, "networks", id, what: "network \(id)")
        let raw = try await document(call)
        return NetworkDetails(
            id: try raw.required(call.what, "Id", as: \.stringValue),
            name: try raw.required(call.what, "Name", as: \.stringValue),
            driver: raw["Driver"]?.stringValue ?? "",
            labels: raw["Labels"]?.stringMembers ?? [:],
            containers: (raw["Containers"]?.objectValue ?? [:]).keys.sorted(),
            raw: raw)
    }

    /// Makes a network; a second one of the same name is refused.
    ///
    /// Source: `POST /networks/create`, Docker Engine API 1.40.
    ///
    /// - Parameter settings: Further members of the body, such as `Driver`, `Internal`, `Labels`.
    /// - Returns: Its id.
    public func createNetwork(
        name: String, settings: JSONValue = [:]
    ) async throws(DockerError) -> String {
        var call = Call(.post, "networks", "create", what: "network \(name)")
        var body = settings
        body["Name"] = .string(name)
        body["CheckDuplicate"] = true
        call.body = body
        return try await document(call, expecting: 201).required(
            call.what, "Id", as: \.stringValue)
    }

    /// Removes a network without containers.
    ///
    /// Source: `DELETE /networks/{id}`, Docker Engine API 1.40.
    public func removeNetwork(_ id: String) async throws(DockerError) {
        let call = Call(.delete, "networks", id, what: "network \(id)")
        try await send(call, expecting: 204)
    }

    /// Puts a container into a network.
    ///
    /// Source: `POST /networks/{id}/connect`, Docker Engine API 1.40.
    ///
    /// - Parameter settings: The `EndpointConfig`: `Aliases`, `IPAMConfig`, `Links`, `DriverOpts`.
    public func connectNetwork(
        _ id: String, container: String, settings: JSONValue = [:]
    ) async throws(DockerError) {
        var call = Call(
            .post, "networks", id, "connect", what: "container \(container) in network \(id)")
        call.needsOthers = true
        // Older ones leave out the priority of the gateway.
        if settings["GwPriority"] != nil { call.newest = .newestForCreation }
        call.body = ["Container": .string(container), "EndpointConfig": settings]
        try await send(call, expecting: 200)
    }

    /// Takes a container out of a network.
    ///
    /// Source: `POST /networks/{id}/disconnect`, Docker Engine API 1.40.
    ///
    /// - Parameter force: Also where the container is in a bad state.
    public func disconnectNetwork(
        _ id: String, container: String, force: Bool = false
    ) async throws(DockerError) {
        var call = Call(
            .post, "networks", id, "disconnect", what: "container \(container) in network \(id)")
        call.body = ["Container": .string(container), "Force": .bool(force)]
        try await send(call, expecting: 200)
    }

    /// Reads a volume.
    ///
    /// Source: `GET /volumes/{name}`, Docker Engine API 1.40.
    public func inspectVolume(_ name: String) async throws(DockerError) -> VolumeDetails {
        let call = Call(.get, "volumes", name, what: "volume \(name)")
        let raw = try await document(call)
        return VolumeDetails(
            name: try raw.required(call.what, "Name", as: \.stringValue),
            driver: raw["Driver"]?.stringValue ?? "",
            mountpoint: try raw.required(call.what, "Mountpoint", as: \.stringValue),
            labels: raw["Labels"]?.stringMembers ?? [:],
            raw: raw)
    }
}
