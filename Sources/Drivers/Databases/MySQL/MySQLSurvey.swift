internal import UpgradeMachine

/// What an operator should know of the database before an upgrade.
///
/// What would make the restore fail is a refusal: by then the schema has been dropped.
struct MySQLSurvey: Sendable {
    private static let longQueryInSeconds = 10

    let client: MySQLClient
    let plan: Plan

    func run() async throws(Failure) -> DatabaseSurvey {
        let dialect = try await client.dialect()
        // Found missing now rather than after the stop.
        let tool = try await client.dumpTool(for: dialect)
        let inventory = try await client.inventory()
        var findings = Self.findings(inventory, dialect, tool, plan.fence)
        findings += try await tolerant { () throws(Failure) in try await views(inventory) }
        findings += try await tolerant { () throws(Failure) in
            try await grants(inventory, dialect)
        }
        findings += try await tolerant { () throws(Failure) in
            try await client.strictnessFindings(dialect)
        }
        findings += try await tolerant { () throws(Failure) in try await neighbours() }
        findings += try await tolerant { () throws(Failure) in try await sessions() }
        findings += try await tolerant { () throws(Failure) in try await transactions() }
        return DatabaseSurvey(
            server: dialect.server, sizeInBytes: try await client.sizeInBytes(),
            scratchInBytes: 0, tables: inventory.tables.count, findings: findings)
    }

    /// A look that the account is not allowed is a finding, not a failure.
    private func tolerant(
        _ look: () async throws(Failure) -> [PlanFinding]
    ) async throws(Failure) -> [PlanFinding] {
        do throws(Failure) {
            return try await look()
        } catch  where error.code == MySQLErrorKind.privilegeMissing.code {
            return [PlanFinding(.warning, "could not look: \(error.message)")]
        }
    }

    // MARK: What is known by then

    static func findings(
        _ inventory: MySQLInventory, _ dialect: MySQLDialect, _ tool: MySQLDumpTool,
        _ policy: FencePolicy
    ) -> [PlanFinding] {
        var warnings: [String] = []
        let plain = inventory.tables.filter { $0.type == "BASE TABLE" && $0.engine != "InnoDB" }
        if !plain.isEmpty, policy == .none {
            warnings.append(
                "without a fence these tables are not dumped at one moment, since no transaction "
                    + "protects them: \(names(plain.map { "\($0.name) (\($0.engine))" }))")
        }
        let floats = inventory.tables.filter { $0.columns.contains { $0.type == "float" } }
        if !floats.isEmpty {
            warnings.append(
                "a dump keeps six digits of FLOAT columns, so that a restore rounds them: "
                    + names(floats.map(\.name)))
        }
        if inventory.hasHistory, !dialect.keepsHistory {
            warnings.append(
                "the history of system-versioned tables is not in a dump of \(dialect.server)")
        }
        if dialect.isReadOnly {
            warnings.append(
                "the server is read-only already: by an administrator, for replication, or left "
                    + "over from an earlier run; an upgrade will make it writable")
        }
        let events = inventory.definitions.filter { $0.kind == "EVENT" }
        if dialect.runsEvents, !events.isEmpty {
            warnings.append(
                "the event scheduler runs, and its events may write while the application is "
                    + "stopped: \(names(events.map(\.name)))")
        }
        return warnings.map { PlanFinding(.warning, $0) }
            + generatedColumns(inventory, dialect, tool)
    }

    /// MariaDB's dump writes their values, and MySQL takes none (error 3105).
    private static func generatedColumns(
        _ inventory: MySQLInventory, _ dialect: MySQLDialect, _ tool: MySQLDumpTool
    ) -> [PlanFinding] {
        let generated = inventory.tables.filter { $0.columns.contains(where: \.isGenerated) }
        guard dialect.product == .mysql, tool.product == .mariadb, !generated.isEmpty else {
            return []
        }
        return [
            PlanFinding(
                .refusal,
                "\(tool.name) is MariaDB's, and what it writes of generated columns cannot be "
                    + "restored to \(dialect.server): \(names(generated.map(\.name)))",
                advice: "install MySQL's mysqldump there")
        ]
    }

    static func names(_ names: [String]) -> String {
        let rest = names.count - 10
        return names.prefix(10).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    }

    // MARK: What is asked

    private func views(_ inventory: MySQLInventory) async throws(Failure) -> [PlanFinding] {
        let views = inventory.definitions.filter { $0.kind == "VIEW" }
        guard !views.isEmpty else { return [] }
        let list = views.map { MySQLText.identifier($0.name) }.joined(separator: ", ")
        let rows = try await client.ask(
            "CHECK TABLE \(list);\n", for: "look for broken views", within: client.limit)
        // Table, operation, kind of message, message.
        let suspects = Set(
            rows.filter { $0.count == 4 && $0[2] == "Error" }
                .map { String($0[0].dropFirst(client.settings.schema.count + 1)) })
        var broken: [String] = []
        // One whose definer has gone cannot be used, and may be dumped nevertheless.
        for view in suspects.sorted() where try await !mayBeDumped(view) { broken.append(view) }
        let others = suspects.subtracting(broken).sorted()
        var findings: [PlanFinding] = []
        if !broken.isEmpty {
            findings.append(
                PlanFinding(
                    .refusal,
                    "a dump fails on these views, which cannot be used: \(Self.names(broken))",
                    advice: "repair or drop them"))
        }
        if !others.isEmpty {
            findings.append(
                PlanFinding(.warning, "these views cannot be used: \(Self.names(others))"))
        }
        return findings
    }

    /// Whether a dump program gets an answer to what it asks of a view.
    private func mayBeDumped(_ view: String) async throws(Failure) -> Bool {
        do throws(Failure) {
            _ = try await client.ask(
                "SHOW FIELDS FROM \(MySQLText.identifier(view));\n", for: "look at a view")
            return true
        } catch  where error.code == MySQLErrorKind.brokenView.code {
            return false
        }
    }

    /// The fence knows no schemas.
    private func neighbours() async throws(Failure) -> [PlanFinding] {
        guard plan.fence == .hold else { return [] }
        let rows = try await client.ask(
            """
            SELECT SCHEMA_NAME FROM information_schema.SCHEMATA
              WHERE SCHEMA_NAME <> DATABASE() AND LOWER(SCHEMA_NAME) NOT IN
                ('mysql', 'sys', 'information_schema', 'performance_schema') ORDER BY 1;

            """, for: "list other schemas")
        let others = rows.compactMap(\.first)
        guard !others.isEmpty else { return [] }
        return [
            PlanFinding(
                .note,
                "the fence stops writing on the whole server, also in: \(Self.names(others))")
        ]
    }

    private func sessions() async throws(Failure) -> [PlanFinding] {
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
        return findings.map { PlanFinding(.warning, $0) }
    }

    private func transactions() async throws(Failure) -> [PlanFinding] {
        let rows = try await client.ask(
            """
            SELECT trx_mysql_thread_id, TIMESTAMPDIFF(SECOND, trx_started, NOW())
              FROM information_schema.INNODB_TRX
              WHERE trx_started < NOW() - INTERVAL 60 SECOND ORDER BY trx_started LIMIT 5;

            """, for: "list long transactions", inSchema: false)
        return rows.filter { $0.count == 2 }.map {
            PlanFinding(
                .warning,
                "session \($0[0]) has had a transaction open for \($0[1]) s: what it wrote is not "
                    + "in a backup before its commit")
        }
    }
}
