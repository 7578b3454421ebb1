public import UpgradeMachine

/// What a release archive's SHA-256 should be, by a person's word or by the file beside it.
public struct ArchiveChecksum: Hashable, Sendable {
    /// 64 hexadecimal digits in small letters.
    public let sha256: String
    /// For people: who says so.
    public let source: String

    private static let limitInBytes = 1 << 20

    /// All that is said of an archive; nothing where nobody says anything.
    ///
    /// Source: sha256sum(1), both of its formats; the file beside `FILE` is `FILE.sha256`.
    ///
    /// - Parameter given: A person's own.
    /// - Throws: `bad-checksum` for what is no SHA-256, and for a file that does not name this one.
    public static func known(
        of archive: String, given: String?
    ) throws(Failure) -> [ArchiveChecksum] {
        var known: [ArchiveChecksum] = []
        if let given {
            guard let sha256 = digits(given) else {
                throw Failure(
                    code: "bad-checksum", message: "--sha256 \(given.prefix(80)) is no SHA-256",
                    advice: "give the 64 hexadecimal digits that the vendor names",
                    isPermanent: true)
            }
            known.append(ArchiveChecksum(sha256: sha256, source: "--sha256"))
        }
        let path = "\(archive).sha256"
        if let bytes = try Files.read(path, limitInBytes: limitInBytes) {
            let text = String(decoding: bytes, as: UTF8.self)
            guard let sha256 = find(Files.name(of: archive), in: text) else {
                throw Failure(
                    code: "bad-checksum",
                    message: "\(path) has no SHA-256 for \(Files.name(of: archive))",
                    advice: "put the vendor's checksum there as sha256sum writes it, or take the "
                        + "file away", isPermanent: true)
            }
            known.append(ArchiveChecksum(sha256: sha256, source: path))
        }
        return known
    }

    /// - Parameter digest: `sha256:…` of the archive as it was read.
    /// - Throws: `wrong-checksum` where it is another.
    public func check(_ digest: String, of archive: String) throws(Failure) {
        guard digest != "sha256:\(sha256)" else { return }
        throw Failure(
            code: "wrong-checksum",
            message: "\(archive) is not the file that \(source) means: its SHA-256 is "
                + "\(digest.dropFirst("sha256:".count)), and should be \(sha256)",
            advice: "get it again; if it is the same then, ask its vendor", isPermanent: true)
    }

    private static func digits(_ text: some StringProtocol) -> String? {
        let text = text.hasPrefix("sha256:") ? String(text.dropFirst(7)) : String(text)
        guard text.utf8.count == 64, text.allSatisfy(\.isHexDigit) else { return nil }
        return text.lowercased()
    }

    /// `HEX  name`, `HEX *name` or `SHA256 (name) = HEX`; digits alone are about the only file.
    private static func find(_ name: String, in text: String) -> String? {
        let lines = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("#") }
        for line in lines {
            if line.hasPrefix("SHA256 ("), let end = line.firstRange(of: ") = ") {
                let named = line[..<end.lowerBound].dropFirst("SHA256 (".count)
                if isSame(named, name) { return digits(line[end.upperBound...]) }
                continue
            }
            let parts = line.split(separator: " ", maxSplits: 1)
            guard let first = parts.first, let sha256 = digits(first) else { continue }
            guard parts.count == 2 else {
                if lines.count == 1 { return sha256 }
                continue
            }
            let named = parts[1].drop { $0 == " " || $0 == "*" }
            if isSame(named, name) { return sha256 }
        }
        return nil
    }

    private static func isSame(_ named: Substring, _ name: String) -> Bool {
        (named.split(separator: "/").last ?? named) == name
    }
}
