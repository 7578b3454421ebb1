internal import UpgradeMachine

/// What an operator should know of the database before an upgrade.
struct MySQLSurvey: Sendable {
    private static let longQueryInSeconds = 10

    let client: MySQLClient
    let plan: Plan

    func run() async throws(Failure) -> DatabaseSurvey {
        let dialect = try await client.dialect()
        // Found missing now rather than after the stop.
        _ = try await client.dumpTool()
        let inventory = try await client.inventory()
        var findings = Self.findings(inventory, dialect, plan.fence)
        findings += try await tolerant { () throws(Failure) in try await views(inventory) }
        findings += try await tolerant { () throws(Failure) in try await grants(dialect) }
        findings += try await tolerant { () throws(Failure) in try await sessions() }
        findings += try await tolerant { () throws(Failure) in try await transactions() }
        return DatabaseSurvey(
            server: dialect.server, sizeInBytes: try await client.sizeInBytes(),
            scratchInBytes: 0, tables: inventory.tables.count, findings: findings)
    }

    /// A look that the account is not allowed is a finding, not a failure.
    private func tolerant(
        _ look: () async throws(Failure) -> [String]
    ) async throws(Failure) -> [String] {
        do throws(Failure) {
            return try await look()
        } catch  where error.code == MySQLErrorKind.privilegeMissing.code {
            return ["could not look: \(error.message)"]
        }
    }

    // MARK: What is known by then

    static func findings(
        _ inventory: MySQLInventory, _ dialect: MySQLDialect, _ policy: FencePolicy
    ) -> [String] {
        var findings: [String] = []
        let plain = inventory.tables.filter { $0.type == "BASE TABLE" && $0.engine != "InnoDB" }
        if !plain.isEmpty, policy == .none {
            findings.append(
                "without a fence these tables are not dumped at one moment, since no transaction "
                    + "protects them: \(names(plain.map { "\($0.name) (\($0.engine))" }))")
        }
        let floats = inventory.tables.filter { $0.columns.contains { $0.type == "float" } }
        if !floats.isEmpty {
            findings.append(
                "a dump keeps six digits of FLOAT columns, so that a restore rounds them: "
                    + names(floats.map(\.name)))
        }
        if inventory.hasHistory, !dialect.keepsHistory {
            findings.append(
                "the history of system-versioned tables is not in a dump of \(dialect.server)")
        }
        if dialect.isReadOnly {
            findings.append(
                "the server is read-only already: by an administrator, for replication, or left "
                    + "over from an earlier run; an upgrade will make it writable")
        }
        let events = inventory.definitions.filter { $0.kind == "EVENT" }
        if dialect.runsEvents, !events.isEmpty {
            findings.append(
                "the event scheduler runs, and its events may write while the application is "
                    + "stopped: \(names(events.map(\.name)))")
        }
        return findings
    }

    static func names(_ names: [String]) -> String {
        let rest = names.count - 10
        return names.prefix(10).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    }

    // MARK: What is asked

    private func views(_ inventory: MySQLInventory) async throws(Failure) -> [String] {
        let views = inventory.definitions.filter { $0.kind == "VIEW" }
        guard !views.isEmpty else { return [] }
        let list = views.map { MySQLText.identifier($0.name) }.joined(separator: ", ")
        let rows = try await client.ask(
            "CHECK TABLE \(list);\n", for: "look for broken views", within: client.limit)
        // Table, operation, kind of message, message.
        let broken = Set(rows.filter { $0.count == 4 && $0[2] == "Error" }.map { $0[0] })
        guard !broken.isEmpty else { return [] }
        return ["a dump fails on these views, which cannot be used: \(Self.names(broken.sorted()))"]
    }

    private func grants(_ dialect: MySQLDialect) async throws(Failure) -> [String] {
        let lines = try await client.ask(
            "SHOW GRANTS;\n", for: "list the account's privileges", inSchema: false)
        let grants = MySQLGrants(lines: lines.compactMap(\.first))
        var findings: [String] = []
        let missing = plan.fence == .hold ? grants.missingForFence(dialect) : []
        if !missing.isEmpty {
            findings.append(
                "account \(client.settings.user) lacks for the fence: "
                    + missing.joined(separator: ", "))
        }
        if !grants.holds("ALL PRIVILEGES", on: client.settings.schema) {
            findings.append(
                "account \(client.settings.user) has not ALL PRIVILEGES on the schema, which "
                    + "dump and restore need (grants by a role are not seen here)")
        }
        guard !grants.mayNameDefiners(dialect) else { return findings }
        let definers = try await foreignDefiners()
        if !definers.isEmpty {
            findings.append(
                "a restore must create objects of other definers, which the account may not: "
                    + Self.names(definers))
        }
        if dialect.guardsFunctions {
            findings.append(
                "a restore of functions and triggers needs SUPER or "
                    + "log_bin_trust_function_creators=ON on this server")
        }
        return findings
    }

    private func foreignDefiners() async throws(Failure) -> [String] {
        let rows = try await client.ask(
            """
            SELECT DISTINCT DEFINER FROM (
              SELECT DEFINER FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()
              UNION SELECT DEFINER FROM information_schema.TRIGGERS
                WHERE TRIGGER_SCHEMA = DATABASE()
              UNION SELECT DEFINER FROM information_schema.ROUTINES
                WHERE ROUTINE_SCHEMA = DATABASE()
              UNION SELECT DEFINER FROM information_schema.EVENTS
                WHERE EVENT_SCHEMA = DATABASE()) AS definers
              WHERE CONVERT(DEFINER USING utf8mb4) <> CONVERT(CURRENT_USER() USING utf8mb4);

            """, for: "list definers")
        return rows.compactMap(\.first)
    }

    private func sessions() async throws(Failure) -> [String] {
        let processes = try await client.processes()
        var findings = processes.filter { $0.isRunning(forSeconds: Self.longQueryInSeconds) }
            .prefix(5).map { "a long statement may hold up the fence: \($0.text)" }
        if processes.contains(where: \.servesReplica) {
            findings.append("replicas are attached: a restore is replicated to them")
        }
        if processes.contains(where: \.isReplication) {
            findings.append(
                "the server is a replica: its replication writes beside the application")
        }
        return findings
    }

    private func transactions() async throws(Failure) -> [String] {
        let rows = try await client.ask(
            """
            SELECT trx_mysql_thread_id, TIMESTAMPDIFF(SECOND, trx_started, NOW())
              FROM information_schema.INNODB_TRX
              WHERE trx_started < NOW() - INTERVAL 60 SECOND ORDER BY trx_started LIMIT 5;

            """, for: "list long transactions", inSchema: false)
        return rows.filter { $0.count == 2 }.map {
            "session \($0[0]) has had a transaction open for \($0[1]) s: what it wrote is not in "
                + "a backup before its commit"
        }
    }
}

/// What `SHOW GRANTS` says, as far as an upgrade needs it.
///
/// The lines may hold a password's digest, so that they are neither kept nor shown.
struct MySQLGrants: Hashable, Sendable {
    private var global: Set<String> = []
    /// By schema pattern, as it stands in the grant, without its quotes.
    private var schemas: [String: Set<String>] = [:]

    init(lines: [String]) {
        for line in lines {
            guard line.hasPrefix("GRANT "), let on = line.firstRange(of: " ON "),
                let to = line[on.upperBound...].firstRange(of: " TO ")
            else { continue }
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

    func mayNameDefiners(_ dialect: MySQLDialect) -> Bool {
        holdsAny(["SUPER", "SET USER", "SET_USER_ID", "SET_ANY_DEFINER"])
    }
}
