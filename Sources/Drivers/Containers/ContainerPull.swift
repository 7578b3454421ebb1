internal import DockerEngine
internal import Synchronization
internal import UpgradeMachine

// Bringing the candidate's image to this host.
//
// It is pulled by digest, so that what is run is what was planned, and is given a tag of Pawl's
// own: without a tag it would be dangling, and the next `docker image prune` would take it away.
// The plain version tag is left alone until the start: a compose file may name it, and moving it
// before the backup would turn anybody's restart into an upgrade.
extension ContainerService {
    /// The engine tells of every step of a pull; one that is silent for this long hangs.
    private static let pullSilence = Duration.seconds(300)

    func observePull(of release: Release, _ scene: Scene) async throws(Failure) -> Observation {
        guard let image = try await scene.image(of: release),
            image.hasTag(scene.pawlTag(of: release), in: scene.runtime.repository)
        else { return .absent }
        return .present(.pulled(release: release, imageID: image.id))
    }

    func pull(_ release: Release, _ scene: Scene) async throws(Failure) -> Receipt {
        if try await scene.image(of: release) == nil {
            if let file = release.file {
                try await load(file, release, scene)
            } else {
                try await fetch(release, scene)
            }
        }
        guard let image = try await scene.image(of: release) else {
            throw .imageNotVerified(release, scene.runtime.repository)
        }
        if let file = release.file { try await giveBackNames(file) }
        // The tag says that this is done as well.
        try await tryCopies(of: image, release, scene)
        let tag = scene.pawlTag(of: release)
        try await asked { () throws(DockerError) in
            try await engine.tagImage(image.id, repository: scene.runtime.repository, tag: tag)
        }
        return .pulled(release: release, imageID: image.id)
    }

    private func fetch(_ release: Release, _ scene: Scene) async throws(Failure) {
        let repository = scene.runtime.repository
        guard let image = ImageReference(repository) else { throw .invalidRepository(repository) }
        let login = try await credentials.login(for: image.host, account: scene.runtime.registry)
        let credential = login.credential(for: image.host)
        let layers = LayerProgress(report: scene.context.report)
        do {
            _ = try await engine.pullImage(
                repository, reference: release.digest, credential: credential,
                idle: Self.pullSilence
            ) { layers.take($0) }
        } catch {
            throw .pull(error, image, version: release.version, login: login)
        }
    }
}

extension Scene {
    /// The image that is the release: by the registry's digest, or by its own id where it was
    /// imported.
    func image(of release: Release) async throws(Failure) -> ImageDetails? {
        for name in ["\(runtime.repository)@\(release.digest)"] + release.digests {
            let image = try await askedIfPresent { () throws(DockerError) in
                try await engine.inspectImage(name)
            }
            if let image, image.isRelease(release, of: runtime.repository) { return image }
        }
        return nil
    }

    /// What a person may call a version can hold signs that a tag cannot.
    func pawlTag(of release: Release) -> String {
        let version = release.version.map { $0.isASCII && "\($0)".isTagPart ? $0 : "-" }
        return PawlTag.prefix + String(version.prefix(100))
    }
}

/// Tags that keep a pulled image from being pruned, as in `pawl-7.1.0`.
enum PawlTag {
    static let prefix = "pawl-"
}

extension String {
    fileprivate var isTagPart: Bool { ImageReference.isTag("a" + self) }
}

extension ImageDetails {
    /// The digests under which the repository's registry knows it.
    func digests(in repository: String) -> [String] {
        repoDigests.compactMap { ImageReference($0) }
            .filter { $0.isSameRepository(as: repository) }.compactMap(\.digest).sorted()
    }

    /// Whether it is the very release; any of the digests that it may be known by will do.
    func isRelease(_ release: Release, of repository: String) -> Bool {
        let known = [id] + digests(in: repository)
        return release.digests.contains { known.contains($0) }
    }

    func tags(in repository: String) -> [String] {
        repoTags.compactMap { ImageReference($0) }
            .filter { $0.isSameRepository(as: repository) }.compactMap(\.tag).sorted()
    }

    func hasTag(_ tag: String, in repository: String) -> Bool {
        tags(in: repository).contains(tag)
    }
}

extension Failure {
    fileprivate static func imageNotVerified(
        _ release: Release, _ repository: String
    ) -> Failure {
        let name = "\(repository)@\(release.digest)"
        return Failure(
            code: "image-not-verified",
            message: "after getting \(release.reference) no image with the digest "
                + "\(release.digest) is on this host",
            advice: release.file.map {
                "load it by hand (`docker load --input \($0.path)`) and see under what id it is "
                    + "in `docker images --no-trunc`"
            } ?? "pull it by hand (`docker pull \(name)`) and see what the engine says")
    }

    static func invalidRepository(_ name: String) -> Failure {
        Failure(
            code: "invalid-repository", message: "`\(name)` is not the name of a repository",
            advice: "write it without a tag, as in registry.example:5000/studio",
            isPermanent: true)
    }
}

/// Bytes of all layers together, as a pull goes on.
final class LayerProgress: Sendable {
    private struct Layer {
        var done: Int64
        var total: Int64
    }

    /// An image has at most 127 layers.
    private static let layerLimit = 256
    private let layers = Mutex<[String: Layer]>([:])
    private let report: @Sendable (Progress) -> Void

    init(report: @escaping @Sendable (Progress) -> Void) { self.report = report }

    /// Extracting counts each layer once more, so that only the transfer is counted.
    func take(_ step: ImageProgress) {
        guard let id = step.layer else { return }
        let sum: (done: Int64, total: Int64)? = layers.withLock { layers in
            switch step.text {
            case "Downloading":
                guard let done = step.currentInBytes,
                    layers[id] != nil || layers.count < Self.layerLimit
                else { return nil }
                layers[id] = Layer(done: done, total: max(done, step.totalInBytes ?? done))
            case "Download complete", "Pull complete":
                guard let layer = layers[id], layer.done < layer.total else { return nil }
                layers[id]?.done = layer.total
            default: return nil
            }
            return layers.values.reduce((0, 0)) { ($0.0 + $1.done, $0.1 + $1.total) }
        }
        guard let sum else { return }
        report(.bytes(done: Int(sum.done), total: Int(sum.total)))
    }
}
