/// An image's name, taken apart: registry, path, tag and digest.
///
/// Source: the reference grammar of the OCI Distribution Specification and of `docker pull`; a name
/// without a host is one of Docker Hub's, and without a folder one of its `library`.
public struct ImageReference: Hashable, Sendable {
    public static let dockerHub = "docker.io"

    /// With the port where one is named, such as `registry.example:5000`.
    public let host: String
    /// Such as `acme/studio`, or `library/nginx`.
    public let path: String
    public let tag: String?
    /// `sha256:` with 64 digits.
    public let digest: String?

    /// Reads a name as a person or an engine writes it; `nil` where it is none.
    public init?(_ text: String) {
        var rest = text[...]
        var digest: String?
        if let at = rest.lastIndex(of: "@") {
            digest = String(rest[rest.index(after: at)...])
            rest = rest[..<at]
            guard Self.isDigest(digest ?? "") else { return nil }
        }
        var tag: String?
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
            tag = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
            guard Self.isTag(tag ?? "") else { return nil }
        }
        let parts = rest.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard let first = parts.first, !parts.contains("") else { return nil }
        if parts.count > 1, Self.isHost(first) {
            host = first == "index.docker.io" ? Self.dockerHub : first
            let path = parts.dropFirst().joined(separator: "/")
            let isOfLibrary = host == Self.dockerHub && parts.count == 2
            self.path = isOfLibrary ? "library/\(path)" : path
        } else {
            host = Self.dockerHub
            path = parts.count == 1 ? "library/\(first)" : parts.joined(separator: "/")
        }
        guard path.utf8.allSatisfy({ Self.isPathCharacter($0) }) else { return nil }
        self.tag = tag
        self.digest = digest
    }

    /// The whole name of the repository, so that two spellings of one are equal.
    public var repository: String { "\(host)/\(path)" }

    /// Whether it names the same repository as `text`, however that is spelled.
    public func isSameRepository(as text: String) -> Bool {
        ImageReference(text)?.repository == repository
    }

    /// Whether `text` is a content digest, as in `sha256:…`.
    public static func isDigest(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0] == "sha256" else { return false }
        return parts[1].count == 64 && parts[1].allSatisfy { $0.isHexDigit && !$0.isUppercase }
    }

    /// Whether `text` may be a tag: 1 to 128 letters, digits, `_`, `.` and `-`, the first no `.` or
    /// `-`.
    public static func isTag(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 128 else { return false }
        guard first != UInt8(ascii: "."), first != UInt8(ascii: "-") else { return false }
        return text.utf8.allSatisfy {
            isPathCharacter($0) && $0 != UInt8(ascii: "/")
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
        }
    }

    /// A first part is a host where it could not be a folder of Docker Hub's.
    private static func isHost(_ part: String) -> Bool {
        part == "localhost" || part.contains(".") || part.contains(":")
            || part.contains { $0.isUppercase }
    }

    private static func isPathCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
