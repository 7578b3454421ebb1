internal import HTTPClient
internal import Synchronization

/// An image as the engine has it.
public struct ImageDetails: Sendable {
    /// The digest of its configuration, `sha256:` with 64 digits.
    public let id: String
    /// Such as `registry.example:5000/myst-studio:5.2`.
    public let repoTags: [String]
    /// Such as `registry.example:5000/myst-studio@sha256:…`; empty for an image that was loaded.
    public let repoDigests: [String]
    /// What containers of it start with: `Env`, `Cmd`, `Entrypoint`, `Labels`, `Volumes`, …
    public let config: JSONValue
    public let sizeInBytes: Int64
    public let raw: JSONValue

    init(_ raw: JSONValue, _ what: String) throws(DockerError) {
        id = try raw.required(what, "Id", as: \.stringValue)
        repoTags = raw["RepoTags"]?.stringsValue ?? []
        repoDigests = raw["RepoDigests"]?.stringsValue ?? []
        config = raw["Config"] ?? [:]
        sizeInBytes = raw["Size"]?.integerValue ?? 0
        self.raw = raw
    }
}

/// An image as a list has it.
public struct ImageSummary: Sendable {
    public let id: String
    public let repoTags: [String]
    public let repoDigests: [String]
    public let labels: [String: String]
    public let created: Timestamp
    public let sizeInBytes: Int64
    public let raw: JSONValue

    init(_ raw: JSONValue) throws(DockerError) {
        id = try raw.required("image list", "Id", as: \.stringValue)
        // Without tag or digest Docker 20.10 says "<none>:<none>", which names nothing.
        let names = { (value: JSONValue?) in
            (value?.stringsValue ?? []).filter { !$0.contains("<none>") }
        }
        repoTags = names(raw["RepoTags"])
        repoDigests = names(raw["RepoDigests"])
        labels = raw["Labels"]?.stringMembers ?? [:]
        created = Timestamp(seconds: raw["Created"]?.integerValue ?? 0)
        sizeInBytes = raw["Size"]?.integerValue ?? 0
        self.raw = raw
    }
}

/// What a registry has under a name.
public struct RegistryDescriptor: Sendable, Equatable {
    /// The digest of the manifest, or of the list of manifests for several platforms.
    public let digest: String
    public let mediaType: String
    public let sizeInBytes: Int64
}

extension DockerEngine {
    /// Reads an image by name, `NAME@sha256:…` or id.
    ///
    /// Source: `GET /images/{name}/json`, Docker Engine API 1.40.
    ///
    /// - Throws: ``DockerError/notFound(_:message:)`` for 404.
    public func inspectImage(_ name: String) async throws(DockerError) -> ImageDetails {
        let call = Call(.get, "images", name, "json", what: "image \(name)")
        return try ImageDetails(try await document(call), call.what)
    }

    /// Lists images, without those in between layers.
    ///
    /// Source: `GET /images/json`, Docker Engine API 1.40.
    ///
    /// - Parameter filters: Such as `reference`, `label`, `dangling`.
    public func listImages(filters: EngineFilters = [:]) async throws(DockerError) -> [ImageSummary]
    {
        var call = Call(.get, "images", "json", what: "image list")
        try call.setFilters(filters)
        let list = try await document(call)
        var images: [ImageSummary] = []
        for element in list.arrayValue ?? [] { images.append(try ImageSummary(element)) }
        return images
    }

    /// Asks the registry what a name stands for, without pulling it.
    ///
    /// Source: `GET /distribution/{name}/json`, Docker Engine API 1.40. Podman 4.3 has it not
    /// (404).
    ///
    /// - Parameter name: With tag or digest, such as `127.0.0.1:5101/acme/app:2.0`.
    /// - Throws: ``DockerError/unauthorized(_:message:)`` with the registry's words,
    ///   ``DockerError/notFound(_:message:)``.
    public func inspectDistribution(
        _ name: String, credential: RegistryCredential? = nil
    ) async throws(DockerError) -> RegistryDescriptor {
        var call = Call(.get, "distribution", name, "json", what: "image \(name) in its registry")
        call.asksRegistry = true
        if let credential { call.fields.append("X-Registry-Auth", try credential.fieldValue()) }
        let raw = try await document(call)
        return RegistryDescriptor(
            digest: try raw.required(call.what, "Descriptor", "digest", as: \.stringValue),
            mediaType: raw["Descriptor", "mediaType"]?.stringValue ?? "",
            sizeInBytes: raw["Descriptor", "size"]?.integerValue ?? 0)
    }

    /// Gives an image one more name; a name that another image had moves.
    ///
    /// Source: `POST /images/{name}/tag`, Docker Engine API 1.40.
    public func tagImage(
        _ name: String, repository: String, tag: String
    ) async throws(DockerError) {
        var call = Call(.post, "images", name, "tag", what: "image \(name)")
        call.query = [("repo", repository), ("tag", tag)]
        try await send(call, expecting: 201)
    }

    /// Takes a name from an image, and the image away with its last name.
    ///
    /// Source: `DELETE /images/{name}`, Docker Engine API 1.40.
    ///
    /// - Throws: ``DockerError/conflict(_:message:)`` where a container uses it.
    public func removeImage(_ name: String, force: Bool = false) async throws(DockerError) {
        var call = Call(.delete, "images", name, what: "image \(name)")
        call.query = [("force", "\(force)")]
        call.idle = .seconds(300)
        try await send(call, expecting: 200)
    }
}
