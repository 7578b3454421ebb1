internal import UpgradeMachine

/// What an operator should know of the database before an upgrade.
///
/// What would make the restore fail is a refusal: by then the database has been dropped.
struct PostgreSQLSurvey: Sendable {
    private static let oldestMajor = 14
    private static let longTransactionInSeconds = 60

    let client: PostgreSQLClient
    let plan: Plan

    func run() async throws(Failure) -> DatabaseSurvey {
        let server = try await client.server()
        // Found missing now rather than after the stop.
        let dump = try await client.version(of: try await client.locate("pg_dump"))
        let restore = try await client.version(of: try await client.locate("pg_restore"))
        var findings = Self.versionFindings(server: server.version, dump: dump, restore: restore)
        let account = try await account()
        findings += Self.findings(account, user: client.settings.user, plan.fence)
        if !account.isSuperuser { findings += try await ordinaryFindings() }
        findings += try await databaseFindings()
        findings += try await extensionFindings()
        findings += try await transactionFindings()
        let inventory = PostgreSQLInventory(
            answer: try await client.ask(PostgreSQLInventory.question, for: "list tables"))
        return DatabaseSurvey(
            server: server.text, sizeInBytes: try await client.sizeInBytes(), scratchInBytes: 0,
            tables: inventory.tables.count { !$0.isSequence }, findings: findings)
    }

    // MARK: Versions

    /// Source: PostgreSQL 15 manual, pg_dump, "Notes": it refuses a newer server, and what it writes
    /// need not fit an older one. From 17 on it sets `transaction_timeout`, which older ones lack.
    static func versionFindings(
        server: PostgreSQLVersion, dump: PostgreSQLVersion, restore: PostgreSQLVersion
    ) -> [PlanFinding] {
        let advice =
            "install PostgreSQL \(server.major)'s client programs there, or name the "
            + "server's container"
        if server.major < oldestMajor {
            return [
                PlanFinding(
                    .refusal, "PostgreSQL \(server) is older than \(oldestMajor)",
                    advice: "bring the server to a newer version first")
            ]
        }
        var findings: [PlanFinding] = []
        if dump.major < server.major {
            findings.append(
                PlanFinding(
                    .refusal, "pg_dump \(dump) refuses a server of version \(server)",
                    advice: advice))
        }
        if restore.major < dump.major {
            findings.append(
                PlanFinding(
                    .refusal, "pg_restore \(restore) does not read what pg_dump \(dump) writes",
                    advice: advice))
        }
        if dump.major > server.major || restore.major > server.major {
            let isRefused = max(dump.major, restore.major) >= 17 && server.major < 17
            findings.append(
                PlanFinding(
                    isRefused ? .refusal : .warning,
                    "pg_dump \(dump) and pg_restore \(restore) are newer than the server, "
                        + "\(server), which need not take back what they write",
                    advice: advice))
        }
        return findings
    }

    // MARK: The account

    struct Account: Hashable, Sendable {
        let isSuperuser: Bool
        let mayCreateDatabases: Bool
        let ownsDatabase: Bool
    }

    private func account() async throws(Failure) -> Account {
        let rows = try await client.rows(
            """
            SELECT r.rolsuper, r.rolcreatedb, pg_has_role(d.datdba, 'USAGE')
              FROM pg_roles r, pg_database d
              WHERE r.rolname = current_user AND d.datname = current_database()
            """, for: "look at the account")
        guard let row = rows.first, row.count == 3 else { throw .oddAnswer("no account") }
        return Account(
            isSuperuser: row[0] == "t", mayCreateDatabases: row[1] == "t",
            ownsDatabase: row[2] == "t")
    }

    static func findings(
        _ account: Account, user: String, _ policy: FencePolicy
    ) -> [PlanFinding] {
        guard !account.isSuperuser else { return [] }
        var lacking: [String] = []
        if !account.mayCreateDatabases { lacking.append("CREATEDB") }
        if !account.ownsDatabase { lacking.append("the ownership of the database") }
        guard !lacking.isEmpty else { return [] }
        return [
            PlanFinding(
                .refusal,
                "account \(user) lacks for the restore, which drops and makes the database: "
                    + lacking.joined(separator: ", "),
                advice: "grant it, or use a superuser")
        ]
    }

    /// What only a superuser, or a member of another role, could bring back.
    private func ordinaryFindings() async throws(Failure) -> [PlanFinding] {
        let rows = try await client.rows(
            """
            SELECT 'objects of ' || r.rolname FROM pg_roles r
              WHERE r.oid IN (
                  SELECT refobjid FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass
                    AND deptype = 'o'
                    AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                  -- The first superuser is in no pg_shdepend. What an extension has made comes
                  -- with it.
                  UNION SELECT owner FROM (
                      SELECT oid, relowner AS owner FROM pg_class
                        WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
                      UNION ALL SELECT oid, proowner FROM pg_proc
                      UNION ALL SELECT oid, typowner FROM pg_type WHERE typtype IN ('e', 'd', 'r')
                      UNION ALL SELECT oid, nspowner FROM pg_namespace
                      UNION ALL SELECT oid, srvowner FROM pg_foreign_server
                      UNION ALL SELECT oid, lomowner FROM pg_largeobject_metadata
                    ) o
                    WHERE o.oid >= 16384 AND NOT EXISTS (
                      SELECT 1 FROM pg_depend d WHERE d.objid = o.oid AND d.deptype IN ('e', 'i')))
                AND NOT pg_has_role(r.oid, 'MEMBER')
            UNION ALL
            SELECT 'extension ' || x.extname FROM pg_extension x
              JOIN pg_available_extension_versions v
                ON v.name = x.extname AND v.version = x.extversion
              WHERE v.superuser AND NOT v.trusted
            UNION ALL
            SELECT 'event trigger ' || evtname FROM pg_event_trigger
            UNION ALL
            SELECT 'publication of all tables ' || pubname FROM pg_publication WHERE puballtables
            ORDER BY 1
            """, for: "look for what needs a superuser")
        let names = rows.compactMap(\.first)
        guard !names.isEmpty else { return [] }
        return [
            PlanFinding(
                .refusal,
                "account \(client.settings.user) could not bring these back: "
                    + MySQLSurvey.names(names),
                advice: "use a superuser, or make the account a member of the roles")
        ]
    }

    // MARK: What a restore, or the fence, would meet

    private func databaseFindings() async throws(Failure) -> [PlanFinding] {
        let rows = try await client.rows(
            """
            SELECT 'refusal', 'the server is a standby, which takes no writes'
              WHERE pg_is_in_recovery()
            UNION ALL SELECT 'refusal', 'the database is a template, and cannot be dropped'
              FROM pg_database WHERE datname = current_database() AND datistemplate
            UNION ALL SELECT 'refusal',
                'a prepared transaction keeps the database from being dropped: '
                  || quote_literal(gid)
              FROM pg_prepared_xacts WHERE database = current_database()
            UNION ALL SELECT CASE WHEN active THEN 'refusal' ELSE 'warning' END,
                'a restore drops the database, and with it this replication slot: ' || slot_name
              FROM pg_replication_slots WHERE database = current_database()
            UNION ALL SELECT 'refusal',
                'a subscription keeps the database from being dropped: ' || subname
              FROM pg_subscription JOIN pg_database d ON d.oid = subdbid
              WHERE d.datname = current_database()
            UNION ALL SELECT 'warning',
                'a foreign table keeps its rows elsewhere, and no backup holds them: '
                  || c.oid::regclass
              FROM pg_class c WHERE c.relkind = 'f'
            UNION ALL SELECT 'refusal',
                'the restore begins in database ' || datname || ', which the account may not enter'
              FROM pg_database WHERE datname = \(PostgreSQLText.string(client.name(.maintenance)))
                AND NOT has_database_privilege(datname, 'CONNECT')
            """, for: "look at the database")
        return rows.filter { $0.count == 2 }.map {
            PlanFinding($0[0] == "refusal" ? .refusal : .warning, $0[1])
        }
    }

    /// A dump says which extensions there are, and not in which version.
    private func extensionFindings() async throws(Failure) -> [PlanFinding] {
        let rows = try await client.rows(
            """
            SELECT x.extname, x.extversion, a.default_version FROM pg_extension x
              LEFT JOIN pg_available_extensions a ON a.name = x.extname
              WHERE a.default_version IS DISTINCT FROM x.extversion ORDER BY 1
            """, for: "look at the extensions")
        return rows.filter { $0.count == 3 }.map { row in
            guard !row[2].isEmpty else {
                return PlanFinding(
                    .refusal,
                    "extension \(row[0]) is not installed on the server any more, and a restore "
                        + "could not bring it back",
                    advice: "install its package there")
            }
            return PlanFinding(
                .refusal,
                "extension \(row[0]) has version \(row[1]), and a restore would bring \(row[2])",
                advice: "ALTER EXTENSION \(PostgreSQLText.identifier(row[0])) UPDATE first")
        }
    }

    private func transactionFindings() async throws(Failure) -> [PlanFinding] {
        let rows = try await client.rows(
            """
            SELECT concat('session ', pid, ' of ', usename, ' has had a transaction open for ',
                extract(epoch FROM now() - xact_start)::int, ' s: it may hold up the fence')
              FROM pg_stat_activity WHERE datname = current_database()
                AND xact_start < now() - interval '\(Self.longTransactionInSeconds) s'
                AND pid <> pg_backend_pid() AND application_name NOT LIKE 'pawl/%'
              ORDER BY xact_start LIMIT 5
            """, for: "list long transactions")
        return rows.compactMap(\.first).map { PlanFinding(.warning, $0) }
    }
}
