internal import DockerEngine
internal import UpgradeMachine

/// One image of an archive, all of whose parts were found whole.
struct ArchivedImage: Hashable, Sendable {
    /// Digest of its configuration: the id that an engine gives it.
    let id: String
    /// With tags, such as `myst-studio:7.1.0`, in the archive's order.
    var names: [String]
    /// Tags without a repository, as an OCI layout may have them.
    var tags: [String]
    /// Digests of its manifest and of the indices that lead there: ids in containerd's image store.
    var manifests: [String]
    let platform: ImagePlatform
    let labels: [String: String]
    /// Paths of the layers within the archive.
    let layers: [String]
    /// Path of the configuration within the archive.
    let configuration: String
}

/// What a machine has to be for an image to run on it, in the words of Go.
///
/// Source: OCI Image Format Specification 1.0, "Image Configuration".
struct ImagePlatform: Hashable, Sendable, CustomStringConvertible {
    let system: String
    let architecture: String

    var description: String { "\(system)/\(architecture)" }

    /// Whether an engine of this platform runs images of another without an emulator.
    ///
    /// Source: `platformVector` of containerd's `platforms` module.
    func runs(_ other: ImagePlatform) -> Bool {
        guard system == other.system else { return false }
        return switch (architecture, other.architecture) {
        case ("amd64", "386"), ("arm64", "arm"): true
        case (let own, let its): own == its
        }
    }
}

/// An image archive on this host: `docker save`'s, or an OCI layout in a tar file.
///
/// Source: Docker Image Specification 1.2, "Combined Image JSON + Filesystem Changeset Format", for
/// `manifest.json`; OCI Image Format Specification 1.0, "Image Layout", for the other.
struct ImageArchive: Sendable {
    let path: String
    /// How long reading it may take.
    let limit: Duration
    /// None where no step of an upgrade is at work.
    var tag: StepTag?

    /// What reading it found.
    struct Contents: Sendable {
        /// `sha256:…` of the file as it lies there.
        let digest: String
        /// Of the file as it lies there.
        let fileSizeInBytes: Int
        /// Of all that it holds, unpacked once.
        let sizeInBytes: Int
        let images: [ArchivedImage]
        /// Whether it has no `manifest.json`, which older engines need.
        let isLayoutAlone: Bool
        let compression: ArchiveCompression?
        /// Whether layers are compressed within it, and take more room once they are unpacked.
        let hasCompressedLayers: Bool
    }

    /// Reads it whole, once, without unpacking it to disk.
    ///
    /// - Throws: `bad-archive` where it is cut, altered or no image archive; it says where.
    func read() async throws(Failure) -> Contents {
        let reader = try ArchiveReader(path)
        let intake = Intake(path)
        try await reader.unpack(within: limit, tag: tag) { bytes throws(Failure) in
            try intake.take(bytes)
        }
        let inventory = try intake.finish()
        // Whatever the unpacking had no need to read is a part of the file as well.
        let digest = try reader.rest(isStopped: { Task.isCancelled })
        let contents = ImageContents(inventory)
        do throws(TarFault) {
            let images = try contents.images()
            return Contents(
                digest: digest, fileSizeInBytes: reader.done,
                sizeInBytes: inventory.sizeInBytes, images: images,
                isLayoutAlone: inventory.file(ImageContents.manifestName) == nil,
                compression: reader.compression,
                hasCompressedLayers: images.flatMap(\.layers).contains {
                    inventory.file($0)?.isCompressed == true
                })
        } catch {
            throw .badArchive(path, error.reason)
        }
    }

    /// Filled on the reading's own thread.
    private final class Intake: @unchecked Sendable {
        private let path: String
        private let inventory = ImageInventory()
        private var tar: TarReader

        init(_ path: String) {
            self.path = path
            tar = TarReader(inventory)
        }

        func take(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
            do throws(TarFault) { try tar.take(bytes) } catch {
                throw .badArchive(path, error.reason)
            }
        }

        func finish() throws(Failure) -> ImageInventory {
            do throws(TarFault) { try tar.finish() } catch {
                throw .badArchive(path, error.reason)
            }
            return inventory
        }
    }
}

/// The images that an inventory's documents describe, checked against its files.
struct ImageContents {
    static let manifestName = "manifest.json"
    private static let indexName = "index.json"
    /// An archive has a handful of images, each with a few names.
    private static let imageLimit = 1000
    private static let nameLimit = 100
    private static let depthLimit = 4

    private let inventory: ImageInventory

    init(_ inventory: ImageInventory) { self.inventory = inventory }

    func images() throws(TarFault) -> [ArchivedImage] {
        var found: [ArchivedImage] = []
        if inventory.file(Self.manifestName) != nil {
            let list = try document(Self.manifestName).arrayValue ?? []
            for item in list.prefix(Self.imageLimit) { try add(try saved(item), to: &found) }
        }
        if inventory.file(Self.indexName) != nil {
            for descriptor in try document(Self.indexName)["manifests"]?.arrayValue ?? [] {
                try walk(descriptor, through: [], names: [], into: &found)
            }
        } else if inventory.file(Self.manifestName) == nil {
            throw TarFault(
                reason: "it has neither manifest.json nor index.json, so that it is no image "
                    + "archive (docker save, or an OCI layout)")
        }
        guard !found.isEmpty else { throw TarFault(reason: "it holds no image") }
        return found
    }

    /// One image may be described twice: in both formats, or under several names.
    private func add(_ image: ArchivedImage, to found: inout [ArchivedImage]) throws(TarFault) {
        guard image.names.count <= Self.nameLimit,
            image.names.allSatisfy({ $0.utf8.count <= 512 })
        else { throw TarFault(reason: "an image in it has more names than \(Self.nameLimit)") }
        guard let index = found.firstIndex(where: { $0.id == image.id }) else {
            guard found.count < Self.imageLimit else {
                throw TarFault(reason: "it holds more than \(Self.imageLimit) images")
            }
            return found.append(image)
        }
        found[index].names = (found[index].names + image.names).uniqued
        found[index].tags = (found[index].tags + image.tags).uniqued
        found[index].manifests = (found[index].manifests + image.manifests).uniqued
    }

    // MARK: - docker save

    private func saved(_ item: JSONValue) throws(TarFault) -> ArchivedImage {
        guard let path = item["Config"]?.stringValue,
            let layers = item["Layers"]?.stringsValue
        else { throw TarFault(reason: "manifest.json has an image without Config or Layers") }
        return try image(
            configuration: path, layers: layers, names: item["RepoTags"]?.stringsValue ?? [],
            tags: [], manifests: [])
    }

    private func image(
        configuration path: String, layers: [String], names: [String], tags: [String],
        manifests: [String]
    ) throws(TarFault) -> ArchivedImage {
        let configuration = try document(path)
        guard let file = inventory.file(path) else { throw Self.missing(path) }
        try check(file, path, digest: Self.digestInName(path))
        let layersOfImage = configuration["rootfs", "diff_ids"]?.stringsValue ?? []
        guard layersOfImage.count == layers.count else {
            throw TarFault(
                reason: "\(path) tells of \(layersOfImage.count) layers, and \(layers.count) are "
                    + "listed for it")
        }
        for (layer, content) in zip(layers, layersOfImage) {
            guard let file = inventory.file(layer) else { throw Self.missing(layer) }
            if layer.hasPrefix("blobs/sha256/") {
                try check(file, layer, digest: Self.digestInName(layer))
            }
            // A compressed one is checked by the engine, once it has unpacked it.
            if !file.isCompressed { try check(file, layer, digest: content) }
        }
        return ArchivedImage(
            id: "sha256:\(file.sha256)", names: names, tags: tags, manifests: manifests,
            platform: ImagePlatform(
                system: configuration["os"]?.stringValue ?? "linux",
                architecture: configuration["architecture"]?.stringValue ?? "unknown"),
            labels: configuration["config", "Labels"]?.stringMembers ?? [:], layers: layers,
            configuration: path)
    }

    // MARK: - OCI layout

    /// Follows a descriptor to its images.
    ///
    /// Source: OCI Image Format Specification 1.0, "Content Descriptors" and "Image Index".
    private func walk(
        _ descriptor: JSONValue, through parents: [String], names: [String],
        into found: inout [ArchivedImage]
    ) throws(TarFault) {
        let names = names + Self.names(of: descriptor)
        guard let digest = descriptor["digest"]?.stringValue, ImageReference.isDigest(digest),
            parents.count < Self.depthLimit
        else { throw TarFault(reason: "index.json names a manifest without a SHA-256") }
        // What is known of how it was built, and signatures, are no images.
        if descriptor["annotations", "vnd.docker.reference.type"] != nil { return }
        let path = Self.blob(digest)
        // An engine saves the platforms that it has, beside the index of all.
        if inventory.file(path) == nil, !parents.isEmpty { return }
        try checkBlob(descriptor)
        let manifest = try document(path)
        let chain = [digest] + parents
        if let children = manifest["manifests"]?.arrayValue {
            for child in children { try walk(child, through: chain, names: names, into: &found) }
            return
        }
        guard let configuration = manifest["config"], let layers = manifest["layers"]?.arrayValue
        else { throw TarFault(reason: "\(path) is no manifest of an image") }
        let kind = configuration["mediaType"]?.stringValue ?? ""
        guard kind.contains("image.config") || kind.contains("container.image") else { return }
        for part in [configuration] + layers { try checkBlob(part) }
        let full = names.filter { $0.contains(":") || $0.contains("/") }
        let image = try image(
            configuration: Self.blob(configuration["digest"]?.stringValue ?? ""),
            layers: layers.map { Self.blob($0["digest"]?.stringValue ?? "") }, names: full,
            tags: names.filter { !full.contains($0) }, manifests: chain)
        try add(image, to: &found)
    }

    /// The whole name where containerd or Podman wrote it; a tag alone is what the format has.
    private static func names(of descriptor: JSONValue) -> [String] {
        let keys = ["io.containerd.image.name", "org.opencontainers.image.ref.name"]
        let values = keys.compactMap { descriptor["annotations", $0]?.stringValue }
        // Of both, the tag says nothing more.
        return Array(values.filter { !$0.isEmpty }.prefix(1))
    }

    private func checkBlob(_ descriptor: JSONValue) throws(TarFault) {
        let digest = descriptor["digest"]?.stringValue ?? ""
        guard ImageReference.isDigest(digest) else {
            throw TarFault(reason: "a part is named by \(digest.prefix(80)), which is no SHA-256")
        }
        let path = Self.blob(digest)
        guard let file = inventory.file(path) else { throw Self.missing(path) }
        try check(file, path, digest: digest)
        if let size = descriptor["size"]?.integerValue, size != file.sizeInBytes {
            throw TarFault(
                reason: "\(path) has \(file.sizeInBytes) bytes, and should have \(size)")
        }
    }

    // MARK: - Parts

    private static func blob(_ digest: String) -> String {
        "blobs/" + digest.replacing(":", with: "/", maxReplacements: 1)
    }

    private func document(_ path: String) throws(TarFault) -> JSONValue {
        guard let file = inventory.file(path) else { throw Self.missing(path) }
        guard let bytes = file.document else {
            throw TarFault(reason: "\(path) is no JSON document of a usual size")
        }
        do {
            return try JSONValue(parsing: bytes)
        } catch {
            throw TarFault(reason: "\(path) is not JSON")
        }
    }

    /// - Parameter digest: `sha256:…`; none where nothing is known beforehand.
    private func check(
        _ file: ImageInventory.File, _ path: String, digest: String?
    ) throws(TarFault) {
        guard let digest, digest != "sha256:\(file.sha256)" else { return }
        throw TarFault(
            reason: "\(path) is not as it was written: its SHA-256 is \(file.sha256), and should "
                + "be \(digest.drop { $0 != ":" }.dropFirst())")
    }

    /// The digest that a file is named after, as in `HEX.json` or `blobs/sha256/HEX`.
    private static func digestInName(_ path: String) -> String? {
        let name = path.split(separator: "/").last ?? ""
        return name.split { !$0.isHexDigit }.first { $0.count == 64 }
            .map { "sha256:\($0.lowercased())" }
    }

    private static func missing(_ path: String) -> TarFault {
        TarFault(reason: "\(path) is not in it")
    }
}
