public import DockerEngine
internal import HTTPClient
public import UpgradeMachine

/// What planning has to know of containers and releases; it changes nothing.
public struct ContainerPlanner: Sendable {
    let engine: DockerEngine
    let credentials: RegistryCredentials
    /// For engines that do not ask a registry without pulling.
    private let manifests: RegistryManifests

    public init(engine: DockerEngine, credentials: RegistryCredentials) {
        self.engine = engine
        self.credentials = credentials
        manifests = RegistryManifests(
            http: HTTPClient(RegistryManifests.configuration),
            certificates: credentials.certificates)
    }

    /// What a version is, by asking the registry for its digest.
    ///
    /// Source: `GET /distribution/{name}/json`, Docker Engine API 1.40; for Podman, which has it
    /// not, `HEAD /v2/{name}/manifests/{tag}` of the OCI Distribution Specification.
    ///
    /// - Parameter repository: Without a tag, such as `registry.example:5000/studio`.
    /// - Throws: `version-unknown`, `registry-unauthorized`, `registry-unreachable`,
    ///   `registry-untrusted`, `registry-rate-limit`, `invalid-repository`, `invalid-version`.
    public func release(
        _ version: String, in repository: String, account: RegistryAccount?
    ) async throws(Failure) -> Release {
        guard let image = ImageReference(repository), image.tag == nil, image.digest == nil else {
            throw .invalidRepository(repository)
        }
        guard ImageReference.isTag(version) else {
            throw .invalidVersion(version, repository)
        }
        let login = try await credentials.login(for: image.host, account: account)
        let reference = "\(repository):\(version)"
        return Release(
            version: version, reference: reference,
            digest: try await digest(of: version, reference, image, login))
    }

    /// What a version is that is on this host already, such as one from an archive.
    ///
    /// - Parameter image: Its name or id. Without a registry's digest the image's own id is taken.
    /// - Throws: `image-missing` where there is no such image.
    public func localRelease(
        _ image: String, version: String, in repository: String
    ) async throws(Failure) -> Release {
        let details = try await askedIfPresent { () throws(DockerError) in
            try await engine.inspectImage(image)
        }
        guard let details else {
            throw .imageMissing(image, advice: "load it first, with `docker load`")
        }
        return Release(
            version: version, reference: "\(repository):\(version)",
            digest: details.digests(in: repository).first ?? details.id)
    }

    /// The labels of a release's image: of this host's, where it has been pulled, or else the
    /// registry's.
    ///
    /// - Throws: What the registry throws; an engine may reach one that this host does not.
    public func labels(
        of release: Release, in repository: String, account: RegistryAccount?
    ) async throws(Failure) -> [String: String] {
        guard let image = ImageReference(repository) else { throw .invalidRepository(repository) }
        let local = try await askedIfPresent { () throws(DockerError) in
            try await engine.inspectImage("\(repository)@\(release.digest)")
        }
        if let local { return local.config["Labels"]?.stringMembers ?? [:] }
        let login = try await credentials.login(for: image.host, account: account)
        return try await manifests.labels(
            of: release.digest, in: image, for: try await platform(), login: login)
    }

    private func digest(
        of version: String, _ reference: String, _ image: ImageReference, _ login: RegistryLogin
    ) async throws(Failure) -> String {
        let engineVersion = try await asked { () throws(DockerError) in
            try await engine.version()
        }
        guard !engineVersion.isPodman else {
            return try await manifests.digest(of: version, in: image, login: login)
        }
        do {
            let credential = login.credential(for: image.host)
            return try await engine.inspectDistribution(reference, credential: credential).digest
        } catch {
            throw .pull(error, image, version: version, login: login)
        }
    }

    // MARK: - The serving release

    /// The release that a container runs, as far as the engine can tell.
    ///
    /// The version is the tag that it was made with or, where that says nothing (`latest`, a local
    /// name), the image's label `org.opencontainers.image.version`, or another tag of the
    /// repository, or the image's id. The digest is the registry's, or the image's id where it was
    /// imported.
    func release(
        of container: ContainerDetails, in repository: String
    ) async throws(Failure) -> Release {
        let image = try await askedIfPresent { () throws(DockerError) in
            try await engine.inspectImage(container.imageID)
        }
        let short = String(container.imageID.drop { $0 != ":" }.dropFirst().prefix(12))
        let version = version(of: container, image, in: repository) ?? short
        return Release(
            version: version, reference: "\(repository):\(version)",
            digest: image?.digests(in: repository).first ?? container.imageID)
    }

    private func version(
        of container: ContainerDetails, _ image: ImageDetails?, in repository: String
    ) -> String? {
        let made = ImageReference(container.configImage)
        let tag = made?.tag.flatMap { $0 == "latest" ? nil : $0 }
        if let made, let tag, made.isSameRepository(as: repository) { return tag.withoutMark }
        let labels = image?.config["Labels"]?.stringMembers ?? [:]
        if let label = ImageLabels.version(labels, of: repository) { return label }
        let tags = (image?.tags(in: repository) ?? []).filter { $0 != "latest" }
        // The longest says the most: of 7, 7.1 and 7.1.3 it is the whole version.
        let plain = tags.filter { !$0.hasPrefix(PawlTag.prefix) }
        let longest = (plain.isEmpty ? tags : plain).max { $0.count < $1.count }
        return longest?.withoutMark ?? tag
    }

    /// Whether the containers run the candidate already, so that there is nothing to do.
    ///
    /// The same version with another digest is an upgrade: it was patched.
    public func isServing(
        _ candidate: Release, by containers: [PlannedContainer], in repository: String
    ) async throws(Failure) -> Bool {
        for planned in containers where planned.role == .replaced {
            let image = try await askedIfPresent { () throws(DockerError) in
                try await engine.inspectImage(planned.imageID)
            }
            let isSame =
                image?.isRelease(candidate, of: repository)
                ?? (planned.imageID == candidate.digest)
            if !isSame { return false }
        }
        return true
    }
}

extension String {
    /// A version out of a tag that a pull has set.
    fileprivate var withoutMark: String {
        hasPrefix(PawlTag.prefix) ? String(dropFirst(PawlTag.prefix.count)) : self
    }
}
