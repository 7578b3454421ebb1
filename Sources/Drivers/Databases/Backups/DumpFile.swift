internal import Digests
internal import Glibc
internal import HTTPClient
internal import UpgradeMachine

/// Bytes of a database's data, read from a file, and how far that has got.
protocol DataReader: AnyObject, Sendable {
    /// Of the file as it is stored.
    var sizeInBytes: Int { get }
    /// Of these, how many have been read by now.
    var done: Int { get }
    /// Puts the next bytes into the buffer, which must not be empty; answers how many, 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int
}

/// Gives the bytes of a dump that Pawl did not make, after the whole file was checked.
///
/// Plain, or compressed with Zstandard; what it is is told by its first bytes (RFC 8878, 3.1.1).
final class DumpReader: DataReader, @unchecked Sendable {
    // Used by one thread after the other, never by two at a time.
    private let path: String
    private let descriptor: CInt
    private let decompressor: Decompressor?
    private var chunk: [UInt8] = []
    private var position = 0
    let sizeInBytes: Int
    private(set) var done = 0

    private static let zstandard: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
    private static let gzip: [UInt8] = [0x1F, 0x8B]

    /// - Throws: `dump-missing`, or `dump-format` for a compression that is not known.
    init(path: String) throws(Failure) {
        self.path = path
        let magic: [UInt8]
        (descriptor, magic) = try Self.open(path)
        sizeInBytes = Int(lseek(descriptor, 0, SEEK_END))
        lseek(descriptor, 0, SEEK_SET)
        decompressor = magic == Self.zstandard ? try Decompressor() : nil
        guard !magic.starts(with: Self.gzip) else {
            throw Failure(
                code: "dump-format", message: "\(path) is compressed with gzip",
                advice: "decompress it first: gunzip --keep \(path)", isPermanent: true)
        }
    }

    deinit { close(descriptor) }

    /// The file, and its first bytes.
    private static func open(_ path: String) throws(Failure) -> (CInt, [UInt8]) {
        // A pipe would keep whoever opens it waiting.
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw .system("open", on: path) }
            throw Failure(
                code: "dump-missing", message: "\(path) is not there",
                advice: "name a file that is", isPermanent: true)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            defer { close(descriptor) }
            throw Failure(
                code: "dump-missing", message: "\(path) is not a file",
                advice: "name a file that is one", isPermanent: true)
        }
        var magic = [UInt8](repeating: 0, count: 4)
        guard pread(descriptor, &magic, magic.count, 0) >= 0 else {
            defer { close(descriptor) }
            throw .system("read", on: path)
        }
        return (descriptor, magic)
    }

    /// Opens a dump, and compares the whole file with the SHA-256 of its evidence.
    ///
    /// Blocks while it reads. The bytes given back are those of the very file that was checked.
    ///
    /// - Throws: `dump-missing`, `dump-changed`, both permanent.
    static func verified(
        _ dump: Dump, isStopped: () -> Bool = { Task.isCancelled }
    ) throws(Failure) -> DumpReader {
        let reader = try DumpReader(path: dump.path)
        guard try reader.digest(isStopped) == dump.sha256 else {
            throw Failure(
                code: "dump-changed", message: "\(dump.path) has changed since it was looked at",
                advice: "find out what writes it, and begin anew", isPermanent: true)
        }
        return reader
    }

    /// SHA-256 of the file from its start; afterwards it stands at its start again.
    func digest(_ isStopped: () -> Bool) throws(Failure) -> String {
        let hash = SHA256()
        lseek(descriptor, 0, SEEK_SET)
        while try refill() {
            hash.update(chunk)
            guard !isStopped() else {
                throw Failure(
                    code: "interrupted", message: "checking \(path) was ended on request",
                    advice: "go on with `pawl resume`")
            }
        }
        lseek(descriptor, 0, SEEK_SET)
        (chunk, position, done) = ([], 0, 0)
        return hash.finalize().hex
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
        while true {
            // Also with no input left: there may be output that did not fit the last time.
            let count = try take(into: buffer)
            if count > 0 { return count }
            guard position == chunk.count else { continue }
            guard try refill() else {
                guard decompressor?.isAtEnd ?? true else {
                    throw Failure(
                        code: "dump-cut", message: "\(path) ends before its content does",
                        advice: "take another copy of it", isPermanent: true)
                }
                return 0
            }
        }
    }

    private func take(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
        if let decompressor {
            guard !decompressor.isAtEnd || position < chunk.count else { return 0 }
            return try decompressor.read(chunk, from: &position, into: buffer)
        }
        let count = min(buffer.count, chunk.count - position)
        buffer.copyBytes(from: chunk[position..<position + count])
        position += count
        return count
    }

    private func refill() throws(Failure) -> Bool {
        chunk = [UInt8](repeating: 0, count: 262_144)
        position = 0
        var count = Glibc.read(descriptor, &chunk, chunk.count)
        while count < 0, errno == EINTR { count = Glibc.read(descriptor, &chunk, chunk.count) }
        guard count >= 0 else { throw .system("read", on: path) }
        chunk.removeLast(chunk.count - count)
        done += count
        return count > 0
    }
}
