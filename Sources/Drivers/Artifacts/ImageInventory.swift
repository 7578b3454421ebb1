internal import Digests

/// What an image archive holds: every file's digest, and the content of those that describe others.
///
/// Filled in one pass; what it keeps has limits, however large the archive.
final class ImageInventory: TarReader.Visitor {
    struct File {
        let sizeInBytes: Int
        /// SHA-256, in hexadecimal.
        let sha256: String
        let isCompressed: Bool
        /// Of a small JSON document.
        let document: [UInt8]?
    }

    /// Images have some hundred files at most; several may be in one archive.
    private static let entryLimit = 100_000
    private static let documentLimitInBytes = 4 << 20
    private static let documentsLimitInBytes = 64 << 20
    private static let nameLimitInBytes = 4096

    private(set) var files: [String: File] = [:]
    private var links: [String: String] = [:]
    /// Of all files together, uncompressed as the archive is but not what it holds.
    private(set) var sizeInBytes = 0
    private var keptInBytes = 0

    private var entry: TarEntry?
    private var hash = SHA256()
    private var begin: [UInt8] = []
    private var document: [UInt8]?

    // MARK: - Filling

    func begin(_ entry: TarEntry) throws(TarFault) {
        guard files.count + links.count < Self.entryLimit else {
            throw TarFault(reason: "it has more than \(Self.entryLimit) files")
        }
        guard entry.name.utf8.count <= Self.nameLimitInBytes else {
            throw TarFault(reason: "a name of \(entry.name.utf8.count) bytes")
        }
        self.entry = entry
        hash = SHA256()
        begin.removeAll(keepingCapacity: true)
        let isSmall =
            entry.sizeInBytes <= Self.documentLimitInBytes
            && keptInBytes + entry.sizeInBytes <= Self.documentsLimitInBytes
        document = isSmall ? [] : nil
    }

    func take(_ bytes: UnsafeRawBufferPointer) {
        guard case .file = entry?.kind else { return }
        hash.update(bytes)
        if begin.count < ArchiveCompression.magicLength {
            begin += bytes.prefix(ArchiveCompression.magicLength - begin.count)
            if let first = begin.first, first != UInt8(ascii: "{"), first != UInt8(ascii: "[") {
                document = nil
            }
        }
        document?.append(contentsOf: bytes)
    }

    func end() {
        guard let entry else { return }
        self.entry = nil
        let name = Self.cleaned(entry.name)
        switch entry.kind {
        case .file:
            keptInBytes += document?.count ?? 0
            sizeInBytes += entry.sizeInBytes
            links[name] = nil
            files[name] = File(
                sizeInBytes: entry.sizeInBytes, sha256: hash.finalize().hex,
                isCompressed: ArchiveCompression.of(begin) != nil, document: document)
        case .symbolicLink(let target):
            let folder = name.split(separator: "/").dropLast().joined(separator: "/")
            links[name] = Self.cleaned(target.hasPrefix("/") ? target : "\(folder)/\(target)")
        case .hardLink(let target): links[name] = Self.cleaned(target)
        case .other: break
        }
        document = nil
    }

    // MARK: - Asking

    /// A file by its name, through links as older engines write them for equal layers.
    func file(_ name: String) -> File? {
        var name = Self.cleaned(name)
        for _ in 0..<8 {
            if let file = files[name] { return file }
            guard let target = links[name] else { return nil }
            name = target
        }
        return nil
    }

    /// `./a/../b/c` is `b/c`.
    private static func cleaned(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return parts.joined(separator: "/")
    }
}
