internal import Digests
internal import UpgradeMachine

/// All that a database holds, as digests that are equal after a dump and a restore.
///
/// Values of sequences stand apart: they are no part of any transaction, and an application that
/// waits for the fence may have taken some before.
struct PostgreSQLContent: Sendable {
    /// In the order of their names' bytes; large objects count as one of them.
    let tables: [BackupManifest.Table]
    let definitions: PostgreSQLDefinitions
    /// Name, last value and whether it was used, as in `public.t_id_seq 7 t`.
    let sequences: [String]
    /// Roles that a restore needs, in order.
    let roles: [String]

    /// - Parameter isExact: Whether the digest is that of the data in question.
    func fingerprint(isExact: Bool) -> Fingerprint {
        let hash = SHA256()
        let lines =
            ["pawl-content-1 postgresql"]
            + tables.map { "table \($0.name)\u{0}\($0.rows)\u{0}\($0.checksum)" }
            + definitions.lines
        for line in lines { hash.update(Array(line.utf8) + [0, 0x0A]) }
        return Fingerprint(
            digest: hash.finalize().hex,
            tables: tables.count { $0.name != PostgreSQLInventory.largeObjects },
            rows: tables.reduce(0) { $0 + $1.rows }, isExact: isExact)
    }

    /// The content itself: the server's log of writes is one for all databases, and its
    /// housekeeping writes there as well (PostgreSQL 15 manual, 30.6).
    var position: Position { Position("content:\(fingerprint(isExact: true).digest)") }

    /// Names of what differs, for people.
    static func differences(_ old: PostgreSQLManifest, _ new: PostgreSQLContent) -> [String] {
        let before = Dictionary(old.definitions.map(parts)) { first, _ in first }
        let after = Dictionary(new.definitions.lines.map(parts)) { first, _ in first }
        let definitions = Set(before.keys).union(after.keys).sorted().compactMap { name in
            if before[name] == nil { return "\(name) (new)" }
            if after[name] == nil { return "\(name) (missing)" }
            return before[name] == after[name] ? nil : "\(name) (definition)"
        }
        let moved = Set(old.sequences).subtracting(new.sequences).sorted().map {
            "sequence \($0.prefix { $0 != " " })"
        }
        return definitions + moved
    }

    private static func parts(_ line: String) -> (String, String) {
        let parts = line.split(separator: "\u{0}", maxSplits: 1).map(String.init)
        return (parts[0], parts.last ?? "")
    }
}

/// What is kept of a backup beside its tables, to compare a restore with.
struct PostgreSQLManifest: Codable, Hashable, Sendable {
    let definitions: [String]
    /// Of those that did not move while the backup was made.
    let sequences: [String]
    /// What the dump refers to and does not hold: roles are the server's.
    let roles: [String]
}

/// What a database holds by name, before its objects are looked into.
struct PostgreSQLInventory: Sendable {
    struct Table: Hashable, Sendable {
        /// In quotes where it needs them, as in `public."My table"`.
        let name: String
        let isSequence: Bool
        /// What is summed for each row.
        let columns: String
        /// Of an extension's own table, a dump holds the rows that the extension does not bring.
        let condition: String
    }

    /// The name under which large objects are told of.
    static let largeObjects = "large objects"
    private static let chunkInBytes = 1 << 20

    let tables: [Table]

    /// Generated columns follow from the others; what an extension brings, it brings back.
    static let question = PostgreSQLText.rows(
        """
        SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relkind,
            (SELECT string_agg(quote_ident(a.attname), ',' ORDER BY a.attname COLLATE "C")
              FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
                AND NOT a.attisdropped AND a.attgenerated = ''),
            e.extcondition[array_position(e.extconfig, c.oid)]
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
              AND d.objsubid = 0 AND d.deptype = 'e'
            LEFT JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass
              AND e.oid = d.refobjid
          WHERE c.relkind IN ('r', 'S') AND c.relpersistence <> 't'
            AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
            AND (e.oid IS NULL OR c.oid = ANY (e.extconfig))
        """)

    /// The sequences of it, and nothing else.
    var sequencesAlone: PostgreSQLInventory {
        PostgreSQLInventory(tables: tables.filter(\.isSequence))
    }

    private init(tables: [Table]) { self.tables = tables }

    init(answer: [[String]]) {
        tables = answer.filter { $0.count == 4 }.map {
            Table(name: $0[0], isSequence: $0[1] == "S", columns: $0[2], condition: $0[3])
        }.sorted { Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8)) }
    }

    /// One row for each table or sequence that is not held, in order.
    ///
    /// In parts, whose answers fit into a pipe: nobody reads while a question is still written.
    func questions(without held: [String: BackupManifest.Table]) -> [String] {
        let all = tables.filter { held[$0.name] == nil }.map { table in
            guard !table.isSequence else {
                return PostgreSQLText.rows("SELECT last_value, is_called FROM \(table.name)")
            }
            return PostgreSQLText.rows(
                "SELECT count(*), COALESCE(sum(\(Self.digest(of: table))), 0) "
                    + "FROM ONLY \(table.name) \(table.condition)")
        }
        return stride(from: 0, to: all.count, by: Self.partSize).map {
            all[$0..<min($0 + Self.partSize, all.count)].joined()
        }
    }

    private static let partSize = 100

    /// 64 bits of each row's text, summed without an end: their order does not count.
    private static func digest(of table: Table) -> String {
        table.columns.isEmpty
            ? "0" : "hashtextextended(ROW(\(table.columns))::text COLLATE \"C\", 0)"
    }

    /// - Parameter answer: To ``questions(without:)``.
    func read(
        _ answer: [[String]], held: [String: BackupManifest.Table]
    ) throws(Failure) -> (tables: [BackupManifest.Table], sequences: [String]) {
        var rest = answer[...]
        var found: [BackupManifest.Table] = []
        var sequences: [String] = []
        for table in tables {
            if let known = held[table.name] {
                found.append(known)
                continue
            }
            guard let row = rest.popFirst(), row.count == 2 else { throw .oddAnswer(table.name) }
            if table.isSequence {
                sequences.append("\(table.name) \(row[0]) \(row[1])")
            } else {
                found.append(
                    BackupManifest.Table(
                        name: table.name, rows: Int(row[0]) ?? 0, checksum: row[1]))
            }
        }
        guard rest.isEmpty else { throw .oddAnswer("\(rest.count) rows too many") }
        return (found, sequences)
    }

    /// Number and digest of the large objects, with who may use them; read piece by piece.
    static let largeObjectQuestion = PostgreSQLText.rows(
        """
        WITH RECURSIVE piece(object, number, data) AS (
            SELECT oid, 0::bigint, lo_get(oid, 0, \(chunkInBytes)) FROM pg_largeobject_metadata
            UNION ALL
            SELECT object, number + 1,
                lo_get(object, (number + 1) * \(chunkInBytes), \(chunkInBytes))
              FROM piece WHERE length(data) = \(chunkInBytes)
          ), line(text) AS (
            SELECT concat_ws(' ', object, number, encode(sha256(data), 'hex')) FROM piece
            UNION ALL
            SELECT concat_ws(' ', oid, pg_get_userbyid(lomowner), lomacl)
              FROM pg_largeobject_metadata
          )
          SELECT (SELECT count(*) FROM pg_largeobject_metadata),
            (SELECT COALESCE(sum(hashtextextended(text COLLATE "C", 0)), 0) FROM line)
        """)

    /// A restore brings the version of an extension that is the server's default.
    static let extensionQuestion = PostgreSQLText.rows(
        "SELECT 'EXTENSION VERSION ' || extname, extversion FROM pg_extension")

    /// Owners, those who were granted something, those of policies and of settings.
    ///
    /// Source: PostgreSQL 15 manual, 53.48 and 53.16; the role that the server began with is never
    /// noted there, and its number is 10.
    static let roleQuestion = PostgreSQLText.rows(
        """
        SELECT rolname FROM pg_roles WHERE oid IN (
            SELECT refobjid FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass
              AND (dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                OR classid = 'pg_database'::regclass
                  AND objid = (SELECT oid FROM pg_database WHERE datname = current_database()))
            UNION SELECT setrole FROM pg_db_role_setting WHERE setdatabase
              = (SELECT oid FROM pg_database WHERE datname = current_database())
            UNION SELECT datdba FROM pg_database WHERE datname = current_database()
            UNION SELECT nspowner FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%'
            UNION SELECT relowner FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
          ) ORDER BY rolname COLLATE "C"
        """)
}

extension Failure {
    static func oddAnswer(_ what: String) -> Failure {
        Failure(
            code: "database-odd-answer",
            message: "the server's answers do not fit what was asked: \(what)",
            advice: "see that nothing changes the database meanwhile, and try again")
    }
}
