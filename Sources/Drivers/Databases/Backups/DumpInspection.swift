internal import Glibc
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
                case .sqlite: try inspectedFile(reader, path)
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
    private static func inspectedFile(
        _ reader: DumpReader, _ path: String
    ) throws(Failure) -> [PlanFinding] {
        for companion in ["-wal", "-journal"] {
            guard let size = try Files.followed(path + companion)?.st_size, size > 0 else {
                continue
            }
            return [
                PlanFinding(
                    .refusal,
                    "\(path + companion) holds a part of the data, and \(path) alone "
                        + "would be loaded", advice: "make it one: sqlite3 \(path) '.backup NEW.db'"
                )
            ]
        }
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
/// Source: what `mysqldump` 8.0 and `mariadb-dump` 10.11 write, and tools with a window. No value of
/// a row begins a line: a dump writes a line feed in it as `\n`. It is a help against mistakes, and
/// no guard against malice: a dump is executed as it stands.
struct MySQLDumpLines {
    private(set) var schemas: Set<String> = []
    private(set) var tables = 0
    private var headers = 0
    private var footers = 0
    private var endsWithFooter = false
    private var setsServer = false
    private var hasByteOrderMark = false
    private var isFirst = true
    private var line: [UInt8] = []

    private static let limitInBytes = 512
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    mutating func take(_ part: UnsafeRawBufferPointer) {
        for byte in part {
            if byte == UInt8(ascii: "\n") {
                endLine()
            } else if line.count < Self.limitInBytes {
                line.append(byte)
            }
        }
    }

    private mutating func endLine() {
        defer {
            line.removeAll(keepingCapacity: true)
            isFirst = false
        }
        if isFirst, line.starts(with: Self.byteOrderMark) { hasByteOrderMark = true }
        var bytes = line[...]
        while let last = bytes.last, last == 0x20 || last == 0x0D || last == 0x09 {
            bytes.removeLast()
        }
        let start = bytes.drop { $0 == 0x20 || $0 == 0x09 }
        guard let first = start.first else { return }
        endsWithFooter = false
        // Rows make nearly all of a dump, and begin like no other line.
        guard first != UInt8(ascii: "I"), first != UInt8(ascii: "(") else { return }
        note(String(decoding: start, as: UTF8.self))
    }

    private mutating func note(_ text: String) {
        if text.hasPrefix("--") {
            if text.hasPrefix("-- MySQL dump") || text.hasPrefix("-- MariaDB dump") { headers += 1 }
            guard text.hasPrefix("-- Dump completed") else { return }
            footers += 1
            endsWithFooter = true
            return
        }
        var words = Self.words(in: text)
        if words.count > 1, words[0] == "SET" {
            setsServer = setsServer || text.uppercased().contains("GTID_PURGED")
            // Another statement may follow on the same line.
            words = Array(words.drop { $0 != "USE" })
        }
        guard words.count > 1 else { return }
        let name = words.drop { Self.noise.contains($0) }.first.map(Self.plain)
        switch (words[0], words[1]) {
        case ("USE", _): if let name { schemas.insert(name) }
        case ("CREATE", "DATABASE"), ("CREATE", "SCHEMA"), ("DROP", "DATABASE"), ("DROP", "SCHEMA"):
            if let name { schemas.insert(name) }
        case ("CREATE", "TABLE"): tables += 1
        default: break
        }
    }

    /// Words before a name, in capitals as they are compared.
    private static let noise: Set<String> = [
        "USE", "CREATE", "DROP", "DATABASE", "SCHEMA", "TABLE", "IF", "NOT", "EXISTS",
    ]

    /// The words of a statement, those of conditional comments among them, keywords in capitals.
    private static func words(in text: String) -> [String] {
        var text = text[...]
        if text.hasPrefix("/*!") { text = text.dropFirst(3).drop { $0.isNumber || $0 == "M" } }
        return text.replacing("*/", with: " ").split { " ;\t".contains($0) }.compactMap { word in
            if word.hasPrefix("/*!") { return nil }
            let capitals = word.uppercased()
            return noise.contains(capitals) || capitals == "SET" ? capitals : String(word)
        }
    }

    private static func plain(_ word: String) -> String {
        word.filter { $0 != "`" && $0 != "\"" && $0 != ";" }
    }

    mutating func findings(schema: String) -> [PlanFinding] {
        if !line.isEmpty { endLine() }
        var findings = schemas.sorted().filter { $0 != schema }.map { other in
            PlanFinding(
                .refusal, "the dump is of a schema \(other), and would go there, not to \(schema)",
                advice: "take a dump without --databases, or take its USE and CREATE DATABASE "
                    + "lines out")
        }
        if hasByteOrderMark {
            findings.append(
                PlanFinding(
                    .refusal,
                    "the dump begins with a byte order mark, which the client takes for "
                        + "a statement", advice: "take it off: sed -i '1s/^\\xEF\\xBB\\xBF//' FILE")
            )
        }
        if setsServer {
            findings.append(
                PlanFinding(
                    .refusal, "the dump sets GTID_PURGED, which is the whole server's",
                    advice: "take it with --set-gtid-purged=OFF, or take that statement out"))
        }
        if headers > 0, headers != footers || !endsWithFooter {
            findings.append(
                PlanFinding(
                    .refusal, "the dump has no end: its last line should be `-- Dump completed`",
                    advice: "take another copy of it"))
        } else if headers == 0 {
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
