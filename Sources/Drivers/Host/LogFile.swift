internal import Digests
internal import Glibc
internal import UpgradeMachine

/// Where an application's log stood when a release was started, so that what it said before is
/// never taken for what it says now.
///
/// Written before the start, durable, and so still right when another Pawl adopts the start.
struct LogMark: Codable, Hashable {
    private static let tailInBytes = 256

    let path: String
    let offsetInBytes: Int
    /// SHA-256 of the bytes just before the offset: a log that was cut and has grown again since
    /// has others there.
    let before: String

    init(of path: String) throws(Failure) {
        self.path = path
        offsetInBytes = Int(try Files.followed(path)?.st_size ?? 0)
        before = try Self.digest(of: path, before: offsetInBytes)
    }

    /// Where the log of the release begins: the mark, or the file's start where it was rotated.
    func beginning() throws(Failure) -> Int {
        guard let size = try Files.followed(path).map({ Int($0.st_size) }), size >= offsetInBytes,
            try Self.digest(of: path, before: offsetInBytes) == before
        else { return 0 }
        return offsetInBytes
    }

    private static func digest(of path: String, before offset: Int) throws(Failure) -> String {
        let start = max(0, offset - tailInBytes)
        let bytes = try LogFile.bytes(of: path, in: start..<offset)
        return SHA256.hash(bytes).hex
    }
}

enum LogFile {
    /// The newest bytes of what follows `start`; nothing where there is no file.
    static func tail(
        of path: String, from start: Int, limitInBytes: Int
    ) throws(Failure) -> [UInt8] {
        guard let size = try Files.followed(path).map({ Int($0.st_size) }), size > start else {
            return []
        }
        return try bytes(of: path, in: max(start, size - limitInBytes)..<size)
    }

    static func bytes(of path: String, in range: Range<Int>) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return [] }
            throw .system("open", on: path)
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: range.count)
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                pread(
                    descriptor, UnsafeMutableRawBufferPointer(rebasing: $0[done...]).baseAddress,
                    $0.count - done, range.lowerBound + done)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system("read", on: path) }
            if count == 0 { break }
            done += count
        }
        return Array(bytes[..<done])
    }

    /// Whole lines of the bytes; a first one that was cut is left out.
    static func lines(of bytes: [UInt8], isCut: Bool) -> [String] {
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        let whole = isCut ? lines.dropFirst() : lines[...]
        return Array(whole.last?.isEmpty == true ? whole.dropLast() : whole)
    }
}

extension Files {
    /// What `stat(2)` says of what a link leads to; none where there is nothing.
    static func followed(_ path: String) throws(Failure) -> stat? {
        var status = stat()
        if stat(path, &status) == 0 { return status }
        if errno == ENOENT || errno == ENOTDIR { return nil }
        throw .system("stat", on: path)
    }
}
