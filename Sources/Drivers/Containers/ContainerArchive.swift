internal import DockerEngine
public import UpgradeMachine

/// A release as an image archive brings it, with what planning should know of the archive.
public struct ArchivedRelease: Sendable {
    public let release: Release
    /// The image's own, as ``VersionRules/label`` is.
    public let labels: [String: String]
    public let findings: [ContainerSurvey.Finding]
    /// What loading it takes on the engine's disk, at most.
    public let neededInBytes: Int64
}

/// Which archive is meant, and how to know that it is the right one.
public struct ArchiveRequest: Sendable {
    public let path: String
    /// None to take what the archive says.
    public let version: String?
    /// What its vendor says that its SHA-256 is.
    public let sha256: String?
    /// The image's name within archives, where it is not the repository's last part.
    public let archivedAs: String?
    /// How long reading it may take.
    public let limit: Seconds

    public init(
        path: String, version: String?, sha256: String?, archivedAs: String?, limit: Seconds
    ) {
        self.path = path
        self.version = version
        self.sha256 = sha256
        self.archivedAs = archivedAs
        self.limit = limit
    }
}

extension ContainerPlanner {
    /// The release that an image archive of this host holds; reads it whole, and loads nothing.
    ///
    /// The release's digest is the image's id: that of its configuration. In containerd's image
    /// store an image has its manifest's digest for an id; an archive of Docker 25 or newer, or an
    /// OCI layout, says it, and is accepted by either.
    ///
    /// - Parameter repository: Under which it is tagged on this host.
    /// - Throws: `bad-archive`, `bad-checksum`, `wrong-checksum`, `wrong-image`, `several-images`,
    ///   `wrong-platform`, `wrong-version`, `version-unsaid`, `invalid-version`,
    ///   `archive-compression`, `archive-without-manifest`.
    public func release(
        from request: ArchiveRequest, in repository: String
    ) async throws(Failure) -> ArchivedRelease {
        let path = request.path
        let checksums = try ArchiveChecksum.known(of: path, given: request.sha256)
        let archive = ImageArchive(path: path, limit: request.limit.duration)
        let contents = try await archive.read()
        for checksum in checksums { try checksum.check(contents.digest, of: path) }
        let choice = ImageChoice(
            repository: repository, archivedAs: request.archivedAs, platform: try await platform(),
            version: request.version)
        let image = try choice.image(of: contents.images, in: path)
        let version = try choice.version(of: image, in: path)
        guard ImageReference.isTag(version) else {
            throw .invalidVersion(version, repository)
        }
        try await checkEngine(takes: contents, path)
        try await checkStore(image, path)
        let file = ImageFile(
            path: path, sha256: String(contents.digest.dropFirst("sha256:".count)),
            sizeInBytes: contents.fileSizeInBytes, manifests: image.manifests,
            movedNames: try await movedNames(by: contents.images))
        return ArchivedRelease(
            release: Release(
                version: version, reference: "archive:\(path)", digest: image.id, file: file),
            labels: image.labels,
            findings: findings(of: contents, image, path, checksums, repository),
            neededInBytes: Self.space(for: contents))
    }

    /// Source: `GET /version`, Docker Engine API 1.40, `Os` and `Arch`.
    func platform() async throws(Failure) -> ImagePlatform {
        let version = try await asked { () throws(DockerError) in try await engine.version() }
        return ImagePlatform(
            system: version.raw["Os"]?.stringValue ?? "linux",
            architecture: version.raw["Arch"]?.stringValue ?? "amd64")
    }

    /// Podman 4.3 takes an OCI layout in gzip, and what Docker saves only as it is.
    ///
    /// Zstandard is unpacked on the way to any engine.
    private func checkEngine(
        takes contents: ImageArchive.Contents, _ path: String
    ) async throws(Failure) {
        guard contents.compression == .gzip, !contents.isLayoutAlone else { return }
        let version = try await asked { () throws(DockerError) in try await engine.version() }
        guard version.isPodman else { return }
        throw Failure(
            code: "archive-compression",
            message: "Podman does not take \(path), which is compressed with gzip",
            advice: "unpack it first (gunzip --keep \(path)), or compress it with zstd instead",
            isPermanent: true)
    }

    /// Without a manifest's digest nobody could say later that the loaded image is the planned one.
    private func checkStore(_ image: ArchivedImage, _ path: String) async throws(Failure) {
        guard image.manifests.isEmpty else { return }
        let info = try await asked { () throws(DockerError) in try await engine.info() }
        guard info.hasContainerdStore else { return }
        throw Failure(
            code: "archive-without-manifest",
            message: "the engine keeps its images in containerd's store, which knows them by their "
                + "manifests, and \(path) has none: an engine before Docker 25 has saved it",
            advice: "make an OCI layout of it: skopeo copy docker-archive:\(path) "
                + "oci-archive:NEW.tar:VERSION, or load it and `docker save` it here",
            isPermanent: true)
    }

    /// Names that loading gives to another image than they stand for now.
    private func movedNames(
        by images: [ArchivedImage]
    ) async throws(Failure) -> [ImageFile.MovedName] {
        var moved: [ImageFile.MovedName] = []
        for image in images {
            for name in image.names where ImageReference(name)?.tag != nil {
                let local = try await askedIfPresent { () throws(DockerError) in
                    try await engine.inspectImage(name)
                }
                guard let local, !([image.id] + image.manifests).contains(local.id) else {
                    continue
                }
                moved.append(ImageFile.MovedName(name: name, imageID: local.id))
            }
        }
        return moved
    }

    /// An engine unpacks the archive beside its images, and then the layers.
    ///
    /// Source: `Load` (moby, `image/tarexport/load.go`). Layers that are compressed within the
    /// archive are taken to become three times as large.
    private static func space(for contents: ImageArchive.Contents) -> Int64 {
        Int64(contents.sizeInBytes) * (contents.hasCompressedLayers ? 4 : 2)
    }

    private func findings(
        of contents: ImageArchive.Contents, _ image: ArchivedImage, _ path: String,
        _ checksums: [ArchiveChecksum], _ repository: String
    ) -> [ContainerSurvey.Finding] {
        var findings: [ContainerSurvey.Finding] = []
        let sha256 = contents.digest.dropFirst("sha256:".count)
        if checksums.isEmpty {
            findings.append(
                .init(
                    .note, "archive-unchecked",
                    "the SHA-256 of \(path) is \(sha256): compare it with what its vendor says, "
                        + "or give that with --sha256 or in \(path).sha256"))
        } else {
            let sources = checksums.map(\.source).joined(separator: " and ")
            findings.append(
                .init(
                    .note, "archive-checked",
                    "the SHA-256 of \(path) is \(sha256), as \(sources) says"))
        }
        let others = contents.images.filter { $0.id != image.id }
        if !others.isEmpty {
            let names = others.map { $0.names.first ?? String($0.id.prefix(19)) }
            findings.append(
                .init(
                    .warning, "archive-with-others",
                    "\(path) holds \(others.count) more images, which are loaded as well: "
                        + names.prefix(8).joined(separator: ", ")))
        }
        if image.names.isEmpty {
            findings.append(
                .init(
                    .note, "archive-without-name",
                    "the image in \(path) has no name that could be compared with \(repository)"))
        }
        return findings
    }
}

extension Failure {
    static func invalidVersion(_ version: String, _ repository: String) -> Failure {
        Failure(
            code: "invalid-version",
            message: "`\(version)` cannot be a version of \(repository): it is no tag",
            advice: "a tag is made of letters, digits, `_`, `.` and `-`", isPermanent: true)
    }
}
