internal import HTTPClient
public import UpgradeMachine

/// A look through a dump that Pawl did not make, before it is put in place of anything.
public struct DumpInspection: Sendable {
    public let dump: Dump
    /// What is doubtful, or forbids it.
    public let findings: [PlanFinding]

    /// Reads the whole file.
    ///
    /// - Throws: `dump-missing`, `dump-format`, `dump-cut`.
    public static func of(
        _ path: String, for database: Database
    ) async throws(Failure) -> DumpInspection {
        try await Blocking.attempt { stop throws(Failure) in
            let reader = try DumpReader(path: path)
            let sha256 = try reader.digest { stop.isRaised }
            let dump = Dump(path: path, sha256: sha256, sizeInBytes: reader.sizeInBytes)
            let findings: [PlanFinding] =
                switch database {
                case .mysql(let settings): try inspected(reader, schema: settings.schema)
                case .sqlite: try inspectedFile(reader)
                default:
                    [PlanFinding(.refusal, "a dump can be loaded into MySQL or SQLite alone")]
                }
            return DumpInspection(dump: dump, findings: findings)
        }
    }

    private static func inspected(
        _ reader: DumpReader, schema: String
    ) throws(Failure) -> [PlanFinding] {
        var text = MySQLDumpLines()
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 262_144, alignment: 16)
        defer { chunk.deallocate() }
        while case let count = try reader.read(into: chunk), count > 0 {
            text.take(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
        }
        return text.findings(schema: schema)
    }

    /// Source: sqlite.org/fileformat2.html, 1.2.
    private static func inspectedFile(_ reader: DumpReader) throws(Failure) -> [PlanFinding] {
        let head = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 16)
        defer { head.deallocate() }
        let count = try reader.read(into: head)
        guard count == 16, head.elementsEqual("SQLite format 3\0".utf8) else {
            return [
                PlanFinding(
                    .refusal, "the file is no SQLite database",
                    advice: "name a database file; SQL text becomes one with: sqlite3 NEW.db <FILE")
            ]
        }
        return []
    }
}

/// What a MySQL dump says of itself, by its lines' beginnings as its bytes go by.
///
/// Source: what `mysqldump` 8.0 and `mariadb-dump` 10.11 write. No value of a row begins a line: a
/// dump writes a line feed in it as `\n`.
struct MySQLDumpLines {
    private(set) var schemas: Set<String> = []
    private(set) var tables = 0
    private var hasHeader = false
    private var hasFooter = false
    private var line: [UInt8] = []
    private var isCut = false

    private static let limitInBytes = 512

    mutating func take(_ part: UnsafeRawBufferPointer) {
        for byte in part {
            if byte == UInt8(ascii: "\n") {
                endLine()
            } else if line.count < Self.limitInBytes {
                line.append(byte)
            } else {
                isCut = true
            }
        }
    }

    private mutating func endLine() {
        defer {
            line.removeAll(keepingCapacity: true)
            isCut = false
        }
        guard let first = line.first, "-UCD".utf8.contains(first) else { return }
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("-- MySQL dump") || text.hasPrefix("-- MariaDB dump") { hasHeader = true }
        if text.hasPrefix("-- Dump completed") { hasFooter = true }
        if text.hasPrefix("CREATE TABLE `") { tables += 1 }
        for word in ["USE ", "CREATE DATABASE ", "DROP DATABASE "] where text.hasPrefix(word) {
            if let name = Self.name(in: text) { schemas.insert(name) }
        }
    }

    /// The first name between backticks, or the second word.
    private static func name(in text: String) -> String? {
        let parts = text.split(separator: "`", omittingEmptySubsequences: false)
        if parts.count >= 3 { return String(parts[parts.count - 2]) }
        return text.split(separator: " ").dropFirst().first.map { String($0.prefix { $0 != ";" }) }
    }

    mutating func findings(schema: String) -> [PlanFinding] {
        if !line.isEmpty { endLine() }
        var findings: [PlanFinding] = []
        for other in schemas.sorted() where other != schema {
            findings.append(
                PlanFinding(
                    .refusal,
                    "the dump is of a schema \(other), and would go there, not to \(schema)",
                    advice: "take a dump without --databases, or take its USE and CREATE DATABASE "
                        + "lines out"))
        }
        if hasHeader, !hasFooter {
            findings.append(
                PlanFinding(
                    .refusal, "the dump has no end: its last line should be `-- Dump completed`",
                    advice: "take another copy of it"))
        } else if !hasFooter {
            findings.append(
                PlanFinding(
                    .warning, "nothing in the dump shows that it is whole",
                    advice: "compare it with its source; what is there now is saved first"))
        }
        if tables == 0 {
            findings.append(
                PlanFinding(
                    .refusal, "the dump creates no table",
                    advice: "name a dump of the schema with its tables"))
        }
        return findings
    }
}
