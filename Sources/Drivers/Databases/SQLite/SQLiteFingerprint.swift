internal import Digests
internal import GRDB
internal import GRDBSQLite
internal import Glibc
internal import HTTPClient
internal import UpgradeMachine

/// What a database holds, table by table, whatever file or page it lies in.
///
/// Two databases have one fingerprint where definitions, rows, `user_version` and `application_id`
/// are equal. A table's checksum is the sum of its rows' SHA-256 (as numbers of 256 bits, modulo
/// 2²⁵⁶): it needs neither a key nor an order, nor memory. Types count: 1, 1.0 and '1' differ.
struct SQLiteFingerprint {
    let fingerprint: Fingerprint
    let tables: [BackupManifest.Table]

    var position: Position { Position("content:\(fingerprint.digest)") }

    /// Reads everything, in the transaction that the connection is in or one of its own.
    init(of file: SQLiteFile, _ queue: DatabaseQueue, stop: StopFlag) throws(Failure) {
        self = try file.perform("fingerprint") {
            try queue.inDatabase { database in
                guard !database.isInsideTransaction else {
                    return try Self(reading: database, file.path, stop)
                }
                try database.execute(sql: "BEGIN")
                defer { try? database.execute(sql: "ROLLBACK") }  // nothing was written
                return try Self(reading: database, file.path, stop)
            }
        }
    }

    private init(reading database: GRDB.Database, _ path: String, _ stop: StopFlag) throws {
        let whole = RowHash()
        whole.add("pawl-sqlite-1")
        for pragma in ["application_id", "user_version"] {
            whole.add(try Int64.fetchOne(database, sql: "PRAGMA \(pragma)") ?? 0)
        }
        try Self.addDefinitions(to: whole, database)
        var tables: [BackupManifest.Table] = []
        for name in try Self.tableNames(of: database) {
            let table = try Self.table(name, database, path, stop)
            whole.add(table.name)
            whole.add(Int64(table.rows))
            whole.add(table.checksum)
            tables.append(table)
        }
        self.tables = tables
        fingerprint = Fingerprint(
            digest: whole.digest.hex, tables: tables.count,
            rows: tables.reduce(0) { $0 + $1.rows }, isExact: true)
    }

    private static func addDefinitions(to hash: RowHash, _ database: GRDB.Database) throws {
        let definitions = try Row.fetchCursor(
            database,
            sql: """
                SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema
                WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name, tbl_name
                """)
        while let row = try definitions.next() {
            for column in 0..<4 { hash.add(row[column] as String) }
        }
    }

    /// Tables with rows of their own. A virtual table keeps them in shadow tables, which are
    /// ordinary; `sqlite_sequence` says which numbers were given out already.
    private static func tableNames(of database: GRDB.Database) throws -> [String] {
        try String.fetchAll(
            database,
            sql: """
                SELECT name FROM sqlite_schema WHERE type = 'table'
                AND (name NOT LIKE 'sqlite\\_%' ESCAPE '\\' OR name = 'sqlite_sequence')
                AND sql NOT LIKE 'CREATE VIRTUAL %' ORDER BY name
                """)
    }

    private static func table(
        _ name: String, _ database: GRDB.Database, _ path: String, _ stop: StopFlag
    ) throws -> BackupManifest.Table {
        let quoted = name.replacing("\"", with: "\"\"")
        let statement = try database.makeStatement(sql: "SELECT * FROM \"\(quoted)\"")
        let handle = statement.sqliteStatement
        var sum = Sum()
        var rows = 0
        while true {
            let code = sqlite3_step(handle)
            if code == SQLITE_DONE { break }
            guard code == SQLITE_ROW else {
                throw DatabaseError(
                    resultCode: ResultCode(rawValue: code),
                    message: String(cString: sqlite3_errmsg(database.sqliteConnection)))
            }
            sum.add(RowHash(row: handle).digest)
            rows += 1
            if rows % 1024 == 0, stop.isRaised { throw Failure.sqliteInterrupted(path) }
        }
        sqlite3_reset(handle)
        return BackupManifest.Table(name: name, rows: rows, checksum: sum.hex)
    }
}

/// A hash over typed values, each with its length, so that no two lists of values are alike.
private struct RowHash {
    private let hash = SHA256()

    init() {}

    /// The values of the row that a statement stands on, as they are stored: no conversion by
    /// Swift, since a text need not be valid UTF-8.
    init(row: OpaquePointer?) {
        for column in 0..<sqlite3_column_count(row) {
            switch sqlite3_column_type(row, column) {
            case SQLITE_INTEGER: add(sqlite3_column_int64(row, column))
            case SQLITE_FLOAT: add("R", sqlite3_column_double(row, column).bitPattern)
            case SQLITE_TEXT:
                let text = sqlite3_column_text(row, column)
                add("T", text, count: sqlite3_column_bytes(row, column))
            case SQLITE_BLOB:
                let blob = sqlite3_column_blob(row, column)
                add("B", blob, count: sqlite3_column_bytes(row, column))
            default: add("N", 0)
            }
        }
    }

    func add(_ value: Int64) { add("I", UInt64(bitPattern: value)) }

    func add(_ text: String) {
        var text = text
        text.withUTF8 { add("T", $0.baseAddress, count: Int32($0.count)) }
    }

    private func add(_ type: Unicode.Scalar, _ value: UInt64) {
        hash.update(CollectionOfOne(UInt8(ascii: type)))
        withUnsafeBytes(of: value.littleEndian) { hash.update($0) }
    }

    private func add(_ type: Unicode.Scalar, _ start: UnsafeRawPointer?, count: Int32) {
        add(type, UInt64(count))
        if count > 0 { hash.update(UnsafeRawBufferPointer(start: start, count: Int(count))) }
    }

    var digest: Digest { hash.finalize() }
}

/// Digests added up as numbers of 256 bits, the lowest byte first, modulo 2²⁵⁶.
private struct Sum {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    mutating func add(_ digest: Digest) {
        digest.bytes.withUnsafeBytes { bytes in
            var carry = false
            func add(_ word: inout UInt64, _ index: Int) {
                let other = UInt64(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
                let (first, carried) = word.addingReportingOverflow(other)
                let (second, carriedAgain) = first.addingReportingOverflow(carry ? 1 : 0)
                word = second
                carry = carried || carriedAgain
            }
            add(&words.0, 0)
            add(&words.1, 1)
            add(&words.2, 2)
            add(&words.3, 3)
        }
    }

    var hex: String {
        [words.3, words.2, words.1, words.0].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
