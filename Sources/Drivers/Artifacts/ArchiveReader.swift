internal import Digests
internal import Glibc
internal import HTTPClient
internal import UpgradeMachine

/// How an archive is compressed, as its first bytes say.
enum ArchiveCompression: String, Sendable {
    case gzip, zstd, xz, bzip2

    /// More than any of them needs to be known by.
    static let magicLength = 6

    private static let magics: [(bytes: [UInt8], compression: ArchiveCompression)] = [
        ([0x1F, 0x8B], .gzip), ([0x28, 0xB5, 0x2F, 0xFD], .zstd),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], .xz), ([0x42, 0x5A, 0x68], .bzip2),
    ]

    /// None for what is not compressed.
    static func of(_ begin: some Collection<UInt8>) -> ArchiveCompression? {
        magics.first { begin.starts(with: $0.bytes) }?.compression
    }

    /// As in `tar --gzip`.
    var tarOption: String { "--\(rawValue)" }
}

/// Reads an archive once, from begin to end, and hashes what it reads.
final class ArchiveReader: @unchecked Sendable {
    static let chunkLength = 262_144

    // Used by one thread after the other, never by two at a time.
    private let path: String
    private let descriptor: CInt
    private let hash = SHA256()
    private let chunk = UnsafeMutableRawBufferPointer.allocate(
        byteCount: chunkLength, alignment: 16)
    let size: Int
    private(set) var done = 0
    /// None for a plain one.
    let compression: ArchiveCompression?

    init(_ path: String) throws(Failure) {
        self.path = path
        // Opening a named pipe would wait for somebody to write into it.
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw .system("open", on: path, advice: "name the release archive by its right path")
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.isRegular else {
            throw Failure(
                code: "bad-archive", message: "\(path) is not a file",
                advice: "name the release archive by its right path", isPermanent: true)
        }
        size = Int(status.st_size)
        var magic = [UInt8](repeating: 0, count: ArchiveCompression.magicLength)
        let count = pread(descriptor, &magic, magic.count, 0)
        compression = ArchiveCompression.of(magic.prefix(max(0, count)))
    }

    deinit {
        chunk.deallocate()
        if descriptor >= 0 { close(descriptor) }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system("read", on: path) }
            hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            done += count
            return count
        }
    }

    /// The next part, valid until the next call; none at the end.
    func next() throws(Failure) -> UnsafeRawBufferPointer? {
        let count = try read(into: chunk)
        return count == 0 ? nil : UnsafeRawBufferPointer(rebasing: chunk[..<count])
    }

    /// Reads to the end, and answers the digest of all that was read, as `sha256:…`.
    func rest(isStopped: () -> Bool) throws(Failure) -> String {
        while try next() != nil { try Self.checkGoesOn(path, isStopped) }
        return digest()
    }

    /// `sha256:…` of all that was read; nothing may be read after it.
    func digest() -> String { "sha256:" + hash.finalize().hex }

    static func checkGoesOn(_ path: String, _ isStopped: () -> Bool) throws(Failure) {
        guard !isStopped() else {
            throw Failure(
                code: "interrupted", message: "reading \(path) was ended on request",
                advice: "go on with `pawl resume`")
        }
    }
}

extension ArchiveReader {
    typealias Sink = @Sendable (UnsafeRawBufferPointer) throws(Failure) -> Void

    /// Reads all of it, and hands it on uncompressed; then ``digest()`` is the whole file's.
    ///
    /// A gzip file is unpacked by gzip(1), which checks its CRC and its length.
    ///
    /// - Throws: `bad-archive` where it is not whole, `archive-compression` for another kind, and
    ///   what `sink` throws.
    func unpack(
        within limit: Duration, tag: StepTag?, to sink: @escaping Sink
    ) async throws(Failure) {
        switch compression {
        case nil:
            try await Blocking.attempt { stop throws(Failure) in
                while let part = try self.next() {
                    try sink(part)
                    try Self.checkGoesOn(self.path, { stop.isRaised })
                }
            }
        case .zstd:
            try await Blocking.attempt { stop throws(Failure) in
                try self.unpackZstd(to: sink) { stop.isRaised }
            }
        case .gzip:
            try await unpackGzip(within: limit, tag: tag, to: sink)
        case .xz, .bzip2:
            throw Failure(
                code: "archive-compression",
                message: "\(path) is compressed with \(compression?.rawValue ?? ""), which is not "
                    + "read here",
                advice: "unpack it, or compress it with gzip or zstd instead", isPermanent: true)
        }
    }

    private func unpackGzip(
        within limit: Duration, tag: StepTag?, to sink: @escaping Sink
    ) async throws(Failure) {
        var command = Command(["gzip", "--decompress", "--stdout"], limit: limit)
        command.environment = ["LC_ALL": "C", "GZIP": ""]
        command.tag = tag
        let result = try await command.run(
            pull: { try self.read(into: $0) }, sink: { try sink($0) })
        guard result.isSuccess else {
            throw .badArchive(path, "gzip \(result.ending)", excerpt: result.excerpt)
        }
    }

    private func unpackZstd(
        to sink: (UnsafeRawBufferPointer) throws(Failure) -> Void, isStopped: () -> Bool
    ) throws(Failure) {
        let stream = try ZstdStream(of: path)
        while let part = try next() {
            try stream.take(part, sink)
            try Self.checkGoesOn(path, isStopped)
        }
        try stream.finish()
    }
}

/// Zstandard frames of an archive, one behind the other (RFC 8878 section 3.1).
final class ZstdStream {
    private let path: String
    private let decompressor: Decompressor
    private let block = UnsafeMutableRawBufferPointer.allocate(
        byteCount: ArchiveReader.chunkLength, alignment: 16)
    private var input: [UInt8] = []
    private var position = 0
    private var mayHaveMore = false

    init(of path: String) throws(Failure) {
        self.path = path
        decompressor = try Decompressor()
    }

    deinit { block.deallocate() }

    func take(
        _ part: UnsafeRawBufferPointer,
        _ sink: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        begin([UInt8](part))
        while let block = try next() { try sink(block) }
    }

    /// Gives it the next part of the file, once all of the one before is taken.
    func begin(_ part: [UInt8]) {
        input = part
        position = 0
        mayHaveMore = !part.isEmpty
    }

    /// The next block, valid until the next call; none where it needs another part.
    func next() throws(Failure) -> UnsafeRawBufferPointer? {
        while mayHaveMore {
            let count: Int
            do throws(Failure) {
                count = try decompressor.read(input, from: &position, into: block)
            } catch {
                throw .badArchive(path, error.message)
            }
            // A full block may have more behind it, also where all of the input is taken; not so
            // at a frame's end, where asking again would begin another one.
            mayHaveMore =
                position < input.count || count == block.count && !decompressor.isAtEnd
            if count > 0 { return UnsafeRawBufferPointer(rebasing: block[..<count]) }
        }
        return nil
    }

    func finish() throws(Failure) {
        guard decompressor.isAtEnd else {
            throw .badArchive(path, "it ends in the middle of a Zstandard frame")
        }
    }
}

extension Failure {
    /// An archive that is cut, altered or of another kind.
    static func badArchive(_ path: String, _ reason: String, excerpt: String? = nil) -> Failure {
        Failure(
            code: "bad-archive", message: "\(path) is not a whole archive: \(reason)",
            advice: "get it again, and compare it with its vendor's checksum", excerpt: excerpt,
            isPermanent: true)
    }
}
