/// A version of the application and the exact bytes that are that version.
public struct Release: Hashable, Sendable, Codable {
    /// The vendor's name for it, as in `7.1.0`.
    public let version: String
    /// Where it is had: an image such as `registry.example/studio:7.1.0`, or a release archive.
    public let reference: String
    /// Content digest, as in `sha256:…`; names move, digests do not.
    public let digest: String

    public init(version: String, reference: String, digest: String) {
        self.version = version
        self.reference = reference
        self.digest = digest
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
