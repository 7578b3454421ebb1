/// What `SHOW GRANTS` says, as far as an upgrade needs it.
///
/// The lines may hold a password's digest, so that they are neither kept nor shown.
struct MySQLGrants: Hashable, Sendable {
    private var global: Set<String> = []
    /// By schema pattern, as it stands in the grant, without its quotes.
    private var schemas: [String: Set<String>] = [:]
    /// Whether roles were granted, whose own privileges MySQL does not list here.
    private(set) var hasRoles = false

    init(lines: [String]) {
        for line in lines {
            guard line.hasPrefix("GRANT ") else { continue }
            guard let on = line.firstRange(of: " ON "),
                let to = line[on.upperBound...].firstRange(of: " TO ")
            else {
                hasRoles = true
                continue
            }
            let names = line[..<on.lowerBound].dropFirst(6).split(separator: ",").map {
                Self.trimmed($0).uppercased()
            }
            let object = line[on.upperBound..<to.lowerBound]
            if object == "*.*" {
                global.formUnion(names)
            } else if object.hasSuffix(".*") {
                let name = object.dropLast(2).replacing("`", with: "").replacing("\\", with: "")
                schemas[String(name), default: []].formUnion(names)
            }
        }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let text = text.drop { $0 == " " }
        return text.prefix(text.reversed().drop { $0 == " " }.count)
    }

    func holds(_ privilege: String, on schema: String? = nil) -> Bool {
        if global.contains("ALL PRIVILEGES") || global.contains(privilege) { return true }
        guard let schema, let granted = schemas[schema.replacing("`", with: "")] else {
            return false
        }
        return granted.contains("ALL PRIVILEGES") || granted.contains(privilege)
    }

    /// What dump and restore need on the schema; `ALL PRIVILEGES` comprises it, and MySQL 8 lists
    /// each instead where they were granted on everything.
    static let neededOnSchema = [
        "SELECT", "INSERT", "CREATE", "DROP", "ALTER", "INDEX", "REFERENCES", "LOCK TABLES",
        "TRIGGER", "EVENT", "CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE", "ALTER ROUTINE",
    ]

    func missing(on schema: String) -> [String] {
        Self.neededOnSchema.filter { !holds($0, on: schema) }
    }

    private func holdsAny(_ privileges: [String]) -> Bool { privileges.contains { holds($0) } }

    /// Each with its alternatives; empty where all is there.
    ///
    /// Sources: MySQL 8.0 manual 8.2.2; MariaDB Knowledge Base, "GRANT": since 10.5 SUPER is split,
    /// and since 10.11 it does not comprise READ_ONLY ADMIN.
    func missingForFence(_ dialect: MySQLDialect) -> [String] {
        let needed: [[String]] =
            switch dialect.product {
            case .mysql:
                [["RELOAD", "FLUSH_TABLES"], ["SUPER", "SYSTEM_VARIABLES_ADMIN"], ["PROCESS"]]
            case .mariadb where dialect.version >= MySQLVersion(10, 11):
                [["RELOAD"], ["READ_ONLY ADMIN", "READ ONLY ADMIN"], ["PROCESS"]]
            case .mariadb:
                [["RELOAD"], ["SUPER", "READ_ONLY ADMIN", "READ ONLY ADMIN"], ["PROCESS"]]
            }
        return needed.filter { !holdsAny($0) }.map { $0.joined(separator: " or ") }
    }

    /// Sources: MariaDB Knowledge Base, "GRANT"; MySQL 8.4 manual 27.7.
    func mayNameDefiners(_ dialect: MySQLDialect) -> Bool {
        switch dialect.product {
        case .mariadb: holdsAny(["SUPER", "SET USER"])
        case .mysql: holdsAny(["SUPER", "SET_USER_ID", "SET_ANY_DEFINER"])
        }
    }

    /// Whether it may end the sessions of others.
    var mayKill: Bool {
        holdsAny(["SUPER", "CONNECTION_ADMIN", "CONNECTION ADMIN"])
    }
}
