internal import Digests
internal import Glibc
internal import HTTPClient
internal import UpgradeMachine

// What a candidate has left of a database that SQLite cannot read, saved as it lies there.
//
// A rollback must not end with a file that is damaged or has gone; and whoever wants to know what
// became of the data needs the bytes. They are an archive (POSIX ustar, `tar(5)`) of the files that
// are there: the database, its write-ahead log, its journal.
extension SQLiteDriver {
    private static let saved = ["", "-wal", "-journal"]

    func archive(
        _ name: String, because cause: Failure, in context: Context
    ) async throws(Failure) -> Backup {
        let store = BackupStore(context.plan)
        return try await Blocking.attempt { [file] stop throws(Failure) in
            let writer = try store.writer(name: name, fileExtension: "tar")
            do throws(Failure) {
                for suffix in Self.saved {
                    try Self.add(file.path + suffix, as: "database\(suffix)", to: writer, stop)
                }
                // Two empty blocks end an archive.
                try writer.write(bytes: [UInt8](repeating: 0, count: 2 * TarHeader.blockInBytes))
                let digest = SHA256.hash(Array(cause.message.utf8)).hex
                return try writer.finish(
                    BackupContent(
                        fingerprint: Fingerprint(
                            digest: "unread-\(digest)", tables: 0, rows: 0, isExact: false),
                        tables: [], position: nil, server: SQLiteFile.server,
                        tool: "the files as they are: \(cause.message)"))
            } catch {
                writer.discard()
                throw error
            }
        }
    }

    private static func add(
        _ path: String, as name: String, to writer: BackupWriter, _ stop: StopFlag
    ) throws(Failure) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return }
            throw .system("open", on: path)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system("stat", on: path) }
        guard status.isRegular else { return }
        let size = Int(status.st_size)
        try writer.write(bytes: TarHeader(name: name, sizeInBytes: size).bytes)
        var left = size
        while left > 0 {
            guard !stop.isRaised else { throw .sqliteInterrupted(path) }
            var chunk = [UInt8](repeating: 0, count: min(left, 262_144))
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system("read", on: path) }
            // One that was cut meanwhile goes on with zeros, as its header says how long it is.
            try writer.write(bytes: count == 0 ? chunk : Array(chunk.prefix(count)))
            left -= count == 0 ? chunk.count : count
        }
        let rest = -size & (TarHeader.blockInBytes - 1)
        try writer.write(bytes: [UInt8](repeating: 0, count: rest))
    }
}

/// The block before a file in an archive.
///
/// Source: POSIX.1-2017, `pax`, "ustar Interchange Format".
struct TarHeader {
    static let blockInBytes = 512

    let name: String
    let sizeInBytes: Int

    var bytes: [UInt8] {
        var block = [UInt8](repeating: 0, count: Self.blockInBytes)
        func put(_ text: String, at start: Int) {
            block.replaceSubrange(start..<start + text.utf8.count, with: text.utf8)
        }
        put(name, at: 0)
        put("0000600", at: 100)
        for owner in [108, 116] { put("0000000", at: owner) }
        if sizeInBytes < 1 << 33 {
            put(Self.octal(sizeInBytes, digits: 11), at: 124)
        } else {
            // GNU's way for what eleven digits cannot say: a number of 256 to the power of places.
            block[124] = 0x80
            for place in 0..<8 { block[135 - place] = UInt8(sizeInBytes >> (8 * place) & 0xFF) }
        }
        put(Self.octal(0, digits: 11), at: 136)
        put(String(repeating: " ", count: 8), at: 148)
        put("0", at: 156)
        put("ustar\u{0}00", at: 257)
        let sum = block.reduce(0) { $0 + Int($1) }
        put(Self.octal(sum, digits: 6) + "\u{0} ", at: 148)
        return block
    }

    private static func octal(_ number: Int, digits: Int) -> String {
        let text = String(number, radix: 8)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
