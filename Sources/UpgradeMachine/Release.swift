/// A version of the application and the exact bytes that are that version.
public struct Release: Hashable, Sendable, Codable {
    /// The vendor's name for it, as in `7.1.0`.
    public let version: String
    /// Where it is had: an image such as `registry.example/studio:7.1.0`, a release archive of the
    /// host runtime by its path, or an image's as in `archive:/srv/studio-7.1.0.tar.gz`.
    public let reference: String
    /// Content digest, as in `sha256:…`; names move, digests do not.
    public let digest: String
    /// The image archive that it is loaded from; none where a registry is asked, and for the host.
    public let file: ImageFile?

    public init(version: String, reference: String, digest: String, file: ImageFile? = nil) {
        self.version = version
        self.reference = reference
        self.digest = digest
        self.file = file
    }

    /// All digests that an engine may know it by; the first is its own.
    public var digests: [String] { [digest] + (file?.manifests ?? []) }
}

/// An image archive of this host, as planning has read it.
public struct ImageFile: Hashable, Sendable, Codable {
    public let path: String
    /// SHA-256 of the file as it lies there, compressed or not, in hexadecimal.
    public let sha256: String
    public let sizeInBytes: Int
    /// Digests of the image's manifests, where the archive has them: an engine with containerd's
    /// image store takes one of them for the image's id.
    public let manifests: [String]
    /// Names that loading the archive moves to another image, each with what it stood for.
    public let movedNames: [MovedName]

    public init(
        path: String, sha256: String, sizeInBytes: Int, manifests: [String],
        movedNames: [MovedName]
    ) {
        self.path = path
        self.sha256 = sha256
        self.sizeInBytes = sizeInBytes
        self.manifests = manifests
        self.movedNames = movedNames
    }

    /// A name such as `studio:latest`, and the image that it is given back to.
    public struct MovedName: Hashable, Sendable, Codable {
        public let name: String
        public let imageID: String

        public init(name: String, imageID: String) {
            self.name = name
            self.imageID = imageID
        }
    }
}

/// A length of time in whole seconds, as configuration and log write it.
public struct Seconds: Hashable, Sendable, Codable, Comparable, ExpressibleByIntegerLiteral {
    public let count: Int

    public init(_ count: Int) { self.count = count }
    public init(integerLiteral value: Int) { self.init(value) }
    public init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(Int.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(count)
    }

    public var duration: Duration { .seconds(count) }
    public static func < (left: Seconds, right: Seconds) -> Bool { left.count < right.count }
}
