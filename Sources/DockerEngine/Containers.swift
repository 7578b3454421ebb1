internal import HTTPClient

/// What came of making a container.
public struct CreatedContainer: Sendable, Equatable {
    public let id: String
    public let warnings: [String]
}

/// How a container ended.
public struct ContainerExit: Sendable, Equatable {
    public let exitCode: Int
    /// Why it could not be waited for or started; empty as a rule.
    public let error: String
}

/// The processes of a container, as `ps` shows them.
public struct ContainerProcesses: Sendable, Equatable {
    public let titles: [String]
    /// One row a process, one column a title.
    public let rows: [[String]]
}

extension DockerEngine {
    /// Lists containers.
    ///
    /// Source: `GET /containers/json`, Docker Engine API 1.40.
    ///
    /// - Parameters:
    ///   - all: Also those that do not run.
    ///   - filters: Such as `label`, `name`, `status`, `ancestor`, `volume`.
    public func listContainers(
        all: Bool = false, filters: EngineFilters = [:]
    ) async throws(DockerError) -> [ContainerSummary] {
        var call = Call(.get, "containers", "json", what: "container list")
        call.query = [("all", "\(all)")]
        try call.setFilters(filters)
        let list = try await document(call)
        var containers: [ContainerSummary] = []
        for element in list.arrayValue ?? [] { containers.append(try ContainerSummary(element)) }
        return containers
    }

    /// Reads a container by id or name.
    ///
    /// Source: `GET /containers/{id}/json`, Docker Engine API 1.40.
    ///
    /// - Throws: ``DockerError/notFound(_:message:)`` for 404.
    public func inspectContainer(_ id: String) async throws(DockerError) -> ContainerDetails {
        let call = Call(.get, "containers", id, "json", what: "container \(id)")
        return try ContainerDetails(try await document(call), call.what)
    }

    /// Lists the paths in a container that are not as its image has them; mounts are not looked at.
    ///
    /// Source: `GET /containers/{id}/changes`, Docker Engine API 1.40. Folders on the way to a
    /// changed path are listed with it.
    public func containerChanges(_ id: String) async throws(DockerError) -> [String] {
        let call = Call(.get, "containers", id, "changes", what: "container \(id)")
        return (try await document(call).arrayValue ?? []).compactMap { $0["Path"]?.stringValue }
    }

    /// Makes a container, and does not start it.
    ///
    /// Source: `POST /containers/create`, Docker Engine API 1.40.
    ///
    /// - Parameters:
    ///   - body: The container's `Config`, with `HostConfig` and `NetworkingConfig`. Below API 1.44
    ///     the latter takes one network; for others see
    ///     ``connectNetwork(_:container:settings:)``.
    ///   - limit: The longest to wait: an engine copies what an image has into empty volumes.
    /// - Throws: ``DockerError/conflict(_:message:)`` where the name is in use,
    ///   ``DockerError/rejected(status:message:endpoint:)`` with 404 where the image, or a container
    ///   that it refers to, is not there.
    public func createContainer(
        name: String, body: JSONValue, within limit: Duration = .seconds(60)
    ) async throws(DockerError) -> CreatedContainer {
        var call = Call(.post, "containers", "create", what: "container \(name)")
        call.query = [("name", name)]
        call.body = body
        call.newest = .needed(toCreate: body)
        call.needsOthers = true
        call.idle = nil
        call.whole = limit
        let raw = try await document(call, expecting: 201)
        return CreatedContainer(
            id: try raw.required(call.what, "Id", as: \.stringValue),
            warnings: raw["Warnings"]?.stringsValue ?? [])
    }

    /// Starts a container; one that runs already is a success (304).
    ///
    /// Source: `POST /containers/{id}/start`, Docker Engine API 1.40.
    ///
    /// - Parameter limit: The longest to wait.
    public func startContainer(
        _ id: String, within limit: Duration = .seconds(60)
    ) async throws(DockerError) {
        var call = Call(.post, "containers", id, "start", what: "container \(id)")
        call.needsOthers = true
        call.idle = nil
        call.whole = limit
        try await send(call, expecting: 204, 304)
    }

    /// Asks a container to stop, and kills it when the grace period is over.
    ///
    /// Safe to repeat: a container that has already stopped is a success (304).
    ///
    /// Source: `POST /containers/{id}/stop`, Docker Engine API 1.40.
    ///
    /// - Parameters:
    ///   - id: Container id or name.
    ///   - grace: Time between the stop signal and the kill; whole seconds, 1 s or more.
    public func stopContainer(_ id: String, grace: Duration) async throws(DockerError) {
        // Shorter than a second is 0 to the engine, which kills at once.
        let seconds = grace.components.seconds
        guard seconds >= 1 else { throw .invalid("stop \(id): a grace period below 1 s") }
        var call = Call(.post, "containers", id, "stop", what: "container \(id)")
        call.query = [("t", "\(seconds)")]
        call.idle = grace + .seconds(60)
        try await send(call, expecting: 204, 304)
    }

    /// Sends a signal to a container's first process.
    ///
    /// Source: `POST /containers/{id}/kill`, Docker Engine API 1.40.
    ///
    /// - Throws: ``DockerError/conflict(_:message:)`` where it does not run.
    public func killContainer(_ id: String, signal: String = "SIGKILL") async throws(DockerError) {
        var call = Call(.post, "containers", id, "kill", what: "container \(id)")
        call.query = [("signal", signal)]
        try await send(call, expecting: 204)
    }

    /// Removes a container; its volumes stay, unless those without a name are to go with it.
    ///
    /// Source: `DELETE /containers/{id}`, Docker Engine API 1.40.
    ///
    /// - Parameters:
    ///   - force: Kill it first where it runs.
    ///   - volumes: Also remove the volumes that the engine has made for it, where no other
    ///     container uses them.
    /// - Throws: ``DockerError/conflict(_:message:)`` where it runs, or is being removed already.
    public func removeContainer(
        _ id: String, force: Bool = false, volumes: Bool = false
    ) async throws(DockerError) {
        var call = Call(.delete, "containers", id, what: "container \(id)")
        call.query = [("force", "\(force)"), ("v", "\(volumes)")]
        // Podman answers 200 with a list of what it removed.
        try await send(call, expecting: 204, 200)
    }

    /// Gives a container another name.
    ///
    /// Source: `POST /containers/{id}/rename`, Docker Engine API 1.40.
    ///
    /// - Throws: ``DockerError/conflict(_:message:)`` where the name is in use.
    public func renameContainer(_ id: String, to name: String) async throws(DockerError) {
        guard !name.isEmpty else { throw .invalid("rename \(id): the new name is empty") }
        var call = Call(.post, "containers", id, "rename", what: "container \(id)")
        call.query = [("name", name)]
        try await send(call, expecting: 204)
    }

    /// Sets when the engine starts a container again by itself.
    ///
    /// Source: `POST /containers/{id}/update`, Docker Engine API 1.40. Podman 4.3 has it not.
    ///
    /// - Returns: The engine's warnings.
    @discardableResult
    public func updateContainer(
        _ id: String, restartPolicy: RestartPolicy
    ) async throws(DockerError) -> [String] {
        var call = Call(.post, "containers", id, "update", what: "container \(id)")
        call.body = ["RestartPolicy": restartPolicy.json]
        return try await document(call)["Warnings"]?.stringsValue ?? []
    }

    /// Waits until a container does not run.
    ///
    /// Source: `POST /containers/{id}/wait`, Docker Engine API 1.40.
    ///
    /// - Parameter limit: The longest to wait.
    /// - Throws: ``DockerError/timedOut(_:after:)`` when the limit is over.
    public func waitContainer(
        _ id: String, within limit: Duration
    ) async throws(DockerError) -> ContainerExit {
        var call = Call(.post, "containers", id, "wait", what: "container \(id)")
        call.query = [("condition", "not-running")]
        call.idle = nil
        call.whole = limit
        let raw = try await document(call)
        return ContainerExit(
            exitCode: Int(try raw.required(call.what, "StatusCode", as: \.integerValue)),
            error: raw["Error", "Message"]?.stringValue ?? "")
    }

    /// Lists the processes of a running container.
    ///
    /// Source: `GET /containers/{id}/top`, Docker Engine API 1.40. Their ids are those of the
    /// engine's host.
    ///
    /// - Parameter arguments: For `ps(1)` on the engine's host; it must show the column PID.
    public func topContainer(
        _ id: String, arguments: String = "-ef"
    ) async throws(DockerError) -> ContainerProcesses {
        var call = Call(.get, "containers", id, "top", what: "container \(id)")
        call.query = [("ps_args", arguments)]
        let raw = try await document(call)
        return ContainerProcesses(
            titles: try raw.required(call.what, "Titles", as: \.stringsValue),
            rows: (raw["Processes"]?.arrayValue ?? []).map { $0.stringsValue ?? [] })
    }
}

extension APIVersion {
    /// In which version to make a container: an older one than these settings leaves them out
    /// without a word, or refuses them.
    static func needed(toCreate body: JSONValue) -> APIVersion {
        let networks = body["NetworkingConfig", "EndpointsConfig"]?.objectValue ?? [:]
        let hasPriority = networks.values.contains { ($0["GwPriority"]?.integerValue ?? 0) != 0 }
        let mounts = body["HostConfig", "Mounts"]?.arrayValue ?? []
        let hasImage = mounts.contains { $0["Type"]?.stringValue == "image" }
        return hasPriority || hasImage ? .newestForCreation : .newest
    }
}
