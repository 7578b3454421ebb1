internal import Digests
internal import UpgradeMachine

/// All that a schema holds, as digests that are equal after a dump and a restore.
///
/// `CHECKSUM TABLE` is not used: it was seen to differ after a restore for FLOAT columns, whose
/// text has six digits, and for system-versioned tables. Each row's text is checksummed instead
/// (CRC-32, summed over the rows), in about the same time.
struct MySQLContent: Sendable {
    let product: MySQLDialect.Product
    let characterSet: String
    let collation: String
    /// In the order of their names' bytes.
    let tables: [BackupManifest.Table]
    /// Kind, name and digest of each view, trigger, routine and event, in the order of their bytes.
    let definitions: [String]

    /// With the definitions of objects that came later.
    func adding(_ later: MySQLContent) -> MySQLContent {
        MySQLContent(
            product: product, characterSet: characterSet, collation: collation, tables: tables,
            definitions: (later.definitions + definitions).sorted {
                Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8))
            })
    }

    func fingerprint(isExact: Bool) -> Fingerprint {
        let hash = SHA256()
        let lines =
            ["pawl-content-1 \(product.rawValue) \(characterSet) \(collation)"]
            + tables.map { "table \($0.name)\u{0}\($0.rows)\u{0}\($0.checksum)" } + definitions
        for line in lines { hash.update(Array(line.utf8) + [0, 0x0A]) }
        return Fingerprint(
            digest: hash.finalize().hex, tables: tables.count,
            rows: tables.reduce(0) { $0 + $1.rows }, isExact: isExact)
    }

    /// Names of the tables that differ, for people.
    ///
    /// - Parameter inRows: Whether their rows count, beside their definitions.
    static func differences(
        _ old: [BackupManifest.Table], _ new: [BackupManifest.Table], inRows: Bool
    ) -> [String] {
        let before = Dictionary(old.map { ($0.name, $0) }) { first, _ in first }
        let after = Dictionary(new.map { ($0.name, $0) }) { first, _ in first }
        return Set(before.keys).union(after.keys).sorted().compactMap { name in
            guard let old = before[name] else { return "\(name) (new)" }
            guard let new = after[name] else { return "\(name) (missing)" }
            if old == new { return nil }
            if definition(old) != definition(new) { return "\(name) (definition)" }
            guard inRows else { return nil }
            return old.rows == new.rows
                ? "\(name) (content)" : "\(name) (\(old.rows) rows, now \(new.rows))"
        }
    }

    /// Whether the same tables hold the same rows, however they are defined.
    static func haveEqualRows(
        _ old: [BackupManifest.Table], _ new: [BackupManifest.Table]
    ) -> Bool {
        func rows(_ table: BackupManifest.Table) -> [String] {
            // The first half of the checksum, which is the rows'.
            [table.name, "\(table.rows)", String(table.checksum.prefix { $0 != "-" })]
        }
        return !old.isEmpty && Set(old.map(rows)) == Set(new.map(rows))
    }

    /// The second half of a table's checksum; the first is that of its rows.
    private static func definition(_ table: BackupManifest.Table) -> Substring? {
        table.checksum.split(separator: "-").last
    }
}

/// What a schema holds by name, before its objects are looked into.
struct MySQLInventory: Sendable {
    struct Table: Hashable, Sendable {
        let name: String
        /// `BASE TABLE`, `SYSTEM VERSIONED` or `SEQUENCE`.
        let type: String
        let engine: String
        var columns: [Column] = []
    }

    struct Column: Hashable, Sendable {
        let name: String
        let type: String
        let isGenerated: Bool
    }

    /// Something that is a definition alone.
    struct Definition: Hashable, Sendable {
        let kind: String
        let name: String
        /// What `SHOW CREATE` leaves out, such as the order of triggers.
        var detail = ""
    }

    private(set) var characterSet = ""
    private(set) var collation = ""
    private(set) var tables: [Table] = []
    private(set) var definitions: [Definition] = []

    var hasHistory: Bool { tables.contains { $0.type == "SYSTEM VERSIONED" } }

    /// An event that goes when it has run may be gone after a restore: it is left out.
    static let question = """
        SELECT 'schema', DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME
          FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE();
        SELECT 'table', TABLE_NAME, TABLE_TYPE, IFNULL(ENGINE, '')
          FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE();
        SELECT 'column', TABLE_NAME, COLUMN_NAME, LOWER(DATA_TYPE), EXTRA
          FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()
          ORDER BY TABLE_NAME, ORDINAL_POSITION;
        SELECT 'TRIGGER', TRIGGER_NAME, CONCAT(EVENT_OBJECT_TABLE, ' ', ACTION_ORDER)
          FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE();
        SELECT ROUTINE_TYPE, ROUTINE_NAME, ''
          FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE();
        SELECT 'EVENT', EVENT_NAME, '' FROM information_schema.EVENTS
          WHERE EVENT_SCHEMA = DATABASE()
            AND NOT (EVENT_TYPE = 'ONE TIME' AND ON_COMPLETION = 'NOT PRESERVE');

        """

    init(answer: [[String]]) {
        var columns: [String: [Column]] = [:]
        for row in answer where row.count >= 3 {
            switch row[0] {
            case "schema": (characterSet, collation) = (row[1], row[2])
            case "table" where row[2] == "VIEW":
                definitions.append(Definition(kind: "VIEW", name: row[1]))
            case "table" where row.count == 4:
                tables.append(Table(name: row[1], type: row[2], engine: row[3]))
            case "column" where row.count == 5:
                // `DEFAULT_GENERATED` is MySQL's for an expression as a default.
                let isGenerated =
                    row[4].contains("VIRTUAL GENERATED") || row[4].contains("STORED GENERATED")
                columns[row[1], default: []].append(
                    Column(name: row[2], type: row[3], isGenerated: isGenerated))
            default:
                definitions.append(Definition(kind: row[0], name: row[1], detail: row[2]))
            }
        }
        tables = tables.map { table in
            var table = table
            table.columns = columns[table.name] ?? []
            return table
        }
        tables.sort { Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8)) }
        definitions.sort {
            Array("\($0.kind) \($0.name)".utf8).lexicographicallyPrecedes(
                Array("\($1.kind) \($1.name)".utf8))
        }
    }

    /// The events of it, and nothing else.
    var events: MySQLInventory {
        var events = self
        events.tables = []
        events.definitions = definitions.filter { $0.kind == "EVENT" }
        return events
    }

    // MARK: Looking into the objects

    /// Two rows for each table, then one for each definition.
    func contentQuestion(keepsHistory: Bool) -> String {
        let data = tables.map { table in
            let name = MySQLText.identifier(table.name)
            let history = keepsHistory && table.type == "SYSTEM VERSIONED"
            return "SHOW CREATE TABLE \(name);\nSELECT COUNT(*), SUM(CRC32(\(Self.row(table)))) "
                + "FROM \(name)\(history ? " FOR SYSTEM_TIME ALL" : "");\n"
        }
        let rest = definitions.map {
            "SHOW CREATE \($0.kind) \(MySQLText.identifier($0.name));\n"
        }
        return (data + rest).joined()
    }

    /// - Parameter answer: To ``contentQuestion(keepsHistory:)``, in its order.
    func content(
        _ answer: [[String]], product: MySQLDialect.Product
    ) throws(Failure) -> MySQLContent {
        guard answer.count == 2 * tables.count + definitions.count,
            answer.allSatisfy({ $0.count >= 2 })
        else {
            throw Failure(
                code: "database-odd-answer",
                message: "\(answer.count) rows describe \(tables.count) tables and "
                    + "\(definitions.count) definitions",
                advice: "see that nothing changes the schema meanwhile, and try again")
        }
        let described = tables.enumerated().map { index, table in
            let (definition, sums) = (answer[2 * index], answer[2 * index + 1])
            let text = MySQLText.withoutComments(Self.withoutCounter(definition[1]))
            let digest = SHA256.hash(Array(text.utf8)).hex.prefix(16)
            return BackupManifest.Table(
                name: table.name, rows: Int(sums[0]) ?? 0, checksum: "\(sums[1])-\(digest)")
        }
        let rest = zip(definitions, answer.dropFirst(2 * tables.count)).map { definition, row in
            // A trigger's last field is the time at which it was made.
            let fields = definition.kind == "TRIGGER" ? row.prefix(6) : row[...]
            let text = ([definition.detail] + fields).joined(separator: "\u{0}")
            return "\(definition.kind) \(definition.name)\u{0}\(SHA256.hash(Array(text.utf8)).hex)"
        }
        return MySQLContent(
            product: product, characterSet: characterSet, collation: collation,
            tables: described, definitions: rest)
    }

    private static let plainTypes: Set<String> = [
        "tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "year",
        "date", "time", "datetime", "timestamp",
    ]
    private static let hexTypes: Set<String> = [
        "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring",
        "multipolygon", "geometrycollection", "geomcollection", "vector",
    ]

    /// A row as text in which every part has an end; generated columns follow from the others.
    private static func row(_ table: Table) -> String {
        let parts = table.columns.filter {
            // A dump does not hold how often a sequence has gone around.
            !$0.isGenerated && !(table.type == "SEQUENCE" && $0.name == "cycle_count")
        }.map { column in
            let name = MySQLText.identifier(column.name)
            if plainTypes.contains(column.type) { return "IFNULL(\(name),'~')" }
            if column.type == "bit" { return "IFNULL(\(name)+0,'~')" }
            let bytes = hexTypes.contains(column.type) ? "HEX(\(name))" : name
            return "IFNULL(CONCAT(LENGTH(\(bytes)),':',CRC32(\(bytes))),'~')"
        }
        return parts.isEmpty ? "'~'" : "CONCAT_WS(',',\(parts.joined(separator: ",")))"
    }

    /// Without `AUTO_INCREMENT=n`, which counts rows that were rolled back, too.
    static func withoutCounter(_ definition: String) -> String {
        guard let last = definition.ranges(of: "\n) ").last,
            let found = definition[last.upperBound...].firstRange(of: " AUTO_INCREMENT=")
        else { return definition }
        // Behind a quote it would be a part of the table's comment.
        guard !definition[last.upperBound..<found.lowerBound].contains("'") else {
            return definition
        }
        let rest = definition[found.upperBound...].drop { $0.isNumber }
        return String(definition[..<found.lowerBound]) + rest
    }
}
