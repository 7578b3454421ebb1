import Foundation
import Glibc
import Migrations

/// The first bytes of the file, read without SQLite, so that a foreign file stays as it is.
///
/// Source: sqlite.org/fileformat2.html, 1.3.
struct Header {
    private let bytes: [UInt8]

    /// - Returns: None where there is no file or an empty one.
    static func read(from path: String) throws(EventLogError) -> Header? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw .unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 100)
        let count = pread(file, &buffer, buffer.count, 0)
        guard count >= 0 else {
            throw .unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        return count == 0 ? nil : Header(bytes: Array(buffer.prefix(count)))
    }

    func check(path: String) throws(EventLogError) {
        guard bytes.count == 100, bytes.starts(with: Array("SQLite format 3\0".utf8)) else {
            throw .foreign(path: path, found: "it is not an SQLite database")
        }
        let applicationID = number(at: 68)
        let version = number(at: 60)
        // A crash while the file was made leaves a database without a schema.
        if applicationID == 0, version == 0, number(at: 40) == 0 { return }
        guard applicationID == UInt32(EventLog.applicationID) else {
            throw .foreign(
                path: path, found: "its application_id is \(applicationID), another program's")
        }
        guard version <= Migrations.all.count else {
            throw .newer(
                path: path,
                found: "schema \(version), this Pawl knows up to \(Migrations.all.count)")
        }
    }

    /// Whether power was lost while the first page was written, so that zeros are in its place.
    ///
    /// SQLite makes the file what it was before when it opens it, for the journal beside it is hot
    /// (sqlite.org/fileformat2.html, 3); what it was can be checked only then.
    func isToBeRolledBack(path: String) throws(EventLogError) -> Bool {
        let magic: [UInt8] = [0xD9, 0xD5, 0x05, 0xF9, 0x20, 0xA1, 0x63, 0xD7]
        guard bytes.allSatisfy({ $0 == 0 }), let journal = try Header.read(from: path + "-journal")
        else { return false }
        return journal.bytes.starts(with: magic)
    }

    private func number(at offset: Int) -> UInt32 {
        bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
