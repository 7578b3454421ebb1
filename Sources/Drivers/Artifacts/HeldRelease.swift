internal import DockerEngine
internal import Foundation
public import UpgradeMachine

/// A release that is on this host, whether it serves or not.
public struct HeldRelease: Hashable, Sendable {
    public let version: String
    /// Digests by which it is known: a registry's, an image's id, an archive's.
    public let digests: [String]
    /// When it was made, or unpacked, in seconds since 1970; none where nothing says so.
    public let madeAt: Int64?
    /// None where it would have to be counted.
    public let sizeInBytes: Int?
}

extension ContainerPlanner {
    /// The images of a repository that are on this host, by their tags, newest first.
    public func held(in repository: String) async throws(Failure) -> [HeldRelease] {
        let images = try await asked { () throws(DockerError) in try await engine.listImages() }
        var releases: [HeldRelease] = []
        for image in images.sorted(by: { $0.created > $1.created }) {
            let digests = image.repoDigests.compactMap { ImageReference($0)?.digest }
            for name in image.repoTags {
                guard let (held, tag) = TagName.parts(of: name), held == repository else {
                    continue
                }
                releases.append(
                    HeldRelease(
                        version: tag, digests: digests + [image.id], madeAt: image.created.seconds,
                        sizeInBytes: Int(image.sizeInBytes)))
            }
        }
        return releases
    }
}

extension HostService {
    /// The releases that lie side by side, by name.
    public static func held(_ settings: HostRuntime) throws(Failure) -> [HeldRelease] {
        let store = ReleaseStore(directory: settings.directory)
        var releases: [HeldRelease] = []
        for name in try Files.list(store.releases).sorted() where !name.hasPrefix(".") {
            let marker = try store.marker(in: name)
            let status = try Files.status(of: store.path(of: name))
            guard status?.isDirectory == true else { continue }
            releases.append(
                HeldRelease(
                    version: marker?.version ?? name,
                    digests: [marker?.digest, store.path(of: name)].compactMap { $0 },
                    madeAt: status.map { Int64($0.st_mtim.tv_sec) }, sizeInBytes: nil))
        }
        return releases
    }
}
