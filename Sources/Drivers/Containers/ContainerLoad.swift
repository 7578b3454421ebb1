internal import DockerEngine
internal import Synchronization
internal import UpgradeMachine

// Bringing the candidate's image to this host from an archive, instead of a registry.
//
// The file is read whole once more before the engine gets any of it, and hashed again while it is
// sent: its last part is held back until the SHA-256 is that of the plan, so that an archive that
// was replaced meanwhile is never loaded. An engine gives the image the names that the archive has
// for it; those that stood for another image are given back, because somebody's restart would
// otherwise be an upgrade without a backup. The plan says which, so that a crash in between costs
// nothing.
extension ContainerService {
    /// The engine unpacks what it has got before it answers; one that is silent for longer hangs.
    private static let loadSilence = Duration.seconds(900)

    func load(_ file: ImageFile, _ release: Release, _ scene: Scene) async throws(Failure) {
        let archive = ImageArchive(
            path: file.path, limit: scene.plan.limits.pull.duration,
            tag: StepTag(upgrade: scene.plan.upgrade, step: .pull))
        scene.context.report(.note("reading \(file.path)"))
        let contents = try await archive.read()
        guard contents.digest == "sha256:\(file.sha256)",
            let image = contents.images.first(where: { $0.id == release.digest })
        else {
            throw ReleaseArchive.changed(
                file.path, planned: "sha256:\(file.sha256)", found: contents.digest)
        }
        let version = try await asked { () throws(DockerError) in try await engine.version() }
        let isNeeded = contents.isLayoutAlone && !version.isPodman
        let upload = try ArchiveUpload(
            file, manifest: isNeeded ? image.savedManifest() : nil, report: scene.context.report)
        do {
            _ = try await engine.loadImages(
                sizeInBytes: upload.sizeInBytes, idle: Self.loadSilence
            ) { try upload.fill($0) }
        } catch {
            // Whatever the engine makes of a file that was not sent to its end.
            if let failure = upload.failure { throw failure }
            throw .load(error, file.path)
        }
    }

    /// Names that the load has moved; those whose image is gone have nobody to go back to.
    func giveBackNames(_ file: ImageFile) async throws(Failure) {
        for moved in file.movedNames {
            guard let (repository, tag) = TagName.parts(of: moved.name) else { continue }
            _ = try await askedIfPresent { () throws(DockerError) in
                try await engine.tagImage(moved.imageID, repository: repository, tag: tag)
            }
        }
    }
}

/// An archive's bytes as an engine takes them: as they are, but for Zstandard's.
///
/// Docker takes gzip itself in every version, and Zstandard only where its host has it (20.10 does
/// not). Source: `DecompressStream` (moby, `pkg/archive`).
final class ArchiveUpload: @unchecked Sendable {
    // Used on the transfer's own thread, and after its end.
    private let file: ImageFile
    private let reader: ArchiveReader
    private let zstd: ZstdStream?
    private let report: @Sendable (Progress) -> Void
    /// Of all that is sent; none where it is known only in the end.
    let sizeInBytes: Int64?
    /// Bytes to send before anything else is read.
    private var ready: [UInt8]
    private var position = 0
    /// The newest part of the file, which is not sent before there is one behind it.
    private var held: [UInt8] = []
    /// Whether all of the file has been taken.
    private var isSent = false
    private var hasEnded = false
    /// Why it was not sent to its end.
    private(set) var failure: Failure?

    /// - Parameter manifest: A `manifest.json` to put before an archive that has none.
    init(
        _ file: ImageFile, manifest: [UInt8]?, report: @escaping @Sendable (Progress) -> Void
    ) throws(Failure) {
        self.file = file
        self.report = report
        reader = try ArchiveReader(file.path)
        zstd = reader.compression == .zstd ? try ZstdStream(of: file.path) : nil
        let entry = manifest.map { TarWriter.file(ImageContents.manifestName, $0) } ?? []
        ready = entry.isEmpty || reader.compression != .gzip ? entry : Gzip.stored(entry)
        sizeInBytes = zstd == nil ? Int64(ready.count + reader.size) : nil
    }

    /// - Throws: `archive-changed` in place of the file's last part.
    func fill(_ buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
        do throws(Failure) {
            while position == ready.count, !hasEnded { try refill() }
        } catch {
            failure = error
            throw error
        }
        let part = ready[position...].prefix(buffer.count)
        buffer.copyBytes(from: part)
        position += part.count
        return part.count
    }

    private func refill() throws(Failure) {
        ready.removeAll(keepingCapacity: true)
        position = 0
        if let block = try zstd?.next() {
            ready += block
            return
        }
        if isSent {
            try zstd?.finish()
            hasEnded = true
            return
        }
        if let part = try reader.next() {
            let next = [UInt8](part)
            send(held)
            held = next
            report(.bytes(done: reader.done, total: reader.size))
            return
        }
        let found = reader.digest()
        guard found == "sha256:\(file.sha256)" else {
            throw ReleaseArchive.changed(
                file.path, planned: "sha256:\(file.sha256)", found: found)
        }
        send(held)
        isSent = true
    }

    private func send(_ bytes: [UInt8]) {
        if let zstd { zstd.begin(bytes) } else { ready += bytes }
    }
}

extension ArchivedImage {
    /// The `manifest.json` that Docker before 25 needs to load an OCI layout; without names, so
    /// that it moves none.
    ///
    /// Source: Docker Image Specification 1.2.
    fileprivate func savedManifest() throws(Failure) -> [UInt8] {
        let manifest: JSONValue = [
            ["Config": .string(configuration), "RepoTags": .null, "Layers": JSONValue(layers)]
        ]
        do {
            return try manifest.serialized()
        } catch {
            throw .badArchive(configuration, "\(error)")
        }
    }
}

extension Failure {
    fileprivate static func load(_ error: DockerError, _ path: String) -> Failure {
        let failure = Failure(error)
        guard failure.code == "engine-refused" else { return failure }
        return Failure(
            code: "archive-refused",
            message: "the engine does not take \(path): \(failure.message)",
            advice: "nothing was stopped; load it by hand (`docker load --input \(path)`) and see "
                + "what it says, and look at the engine's log")
    }
}
