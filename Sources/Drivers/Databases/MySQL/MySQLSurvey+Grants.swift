internal import UpgradeMachine

extension MySQLSurvey {
    /// What the account may not, and has to on the way.
    func grants(
        _ inventory: MySQLInventory, _ dialect: MySQLDialect
    ) async throws(Failure) -> [PlanFinding] {
        let lines = try await client.ask(
            "SHOW GRANTS;\n", for: "list the account's privileges", inSchema: false)
        let grants = MySQLGrants(lines: lines.compactMap(\.first))
        var findings = Self.findings(
            grants, dialect, plan.fence, account: client.settings.user,
            schema: client.settings.schema)
        let definers = try await foreignDefiners()
        let unlisted =
            definers.isEmpty || grants.holds("SYSTEM_USER") ? [] : try await systemUsers()
        findings += Self.definerFindings(
            grants, dialect, definers: definers, systemUsers: unlisted)
        findings += Self.functionFindings(
            grants, dialect, inventory, unsafe: try await unsafeFunctions())
        return findings
    }

    /// Privileges of a role may be there without being listed: then nothing is certain.
    private static func severity(_ grants: MySQLGrants) -> PlanFinding.Severity {
        grants.hasRoles ? .warning : .refusal
    }

    static func findings(
        _ grants: MySQLGrants, _ dialect: MySQLDialect, _ policy: FencePolicy, account: String,
        schema: String
    ) -> [PlanFinding] {
        var findings: [PlanFinding] = []
        let missing = policy == .hold ? grants.missingForFence(dialect) : []
        if !missing.isEmpty {
            findings.append(
                PlanFinding(
                    severity(grants),
                    "account \(account) lacks for the fence: " + missing.joined(separator: ", "),
                    advice: "grant it these, or set database.fence to none"))
        }
        if policy == .hold, dialect.product == .mysql, !grants.mayKill {
            findings.append(
                PlanFinding(
                    .warning,
                    "account \(account) may not end sessions of others that wait behind the fence "
                        + "when their client has gone", advice: "grant it CONNECTION_ADMIN"))
        }
        let lacking = grants.missing(on: schema)
        if !lacking.isEmpty {
            findings.append(
                PlanFinding(
                    .warning,
                    "account \(account) lacks on the schema, for dump and restore: "
                        + lacking.joined(separator: ", ") + " (grants by a role, or by a pattern "
                        + "of names, are not seen here)"))
        }
        return findings
    }

    // MARK: Definers

    static func definerFindings(
        _ grants: MySQLGrants, _ dialect: MySQLDialect, definers: [String],
        systemUsers: Set<String>
    ) -> [PlanFinding] {
        guard !definers.isEmpty else { return [] }
        guard grants.mayNameDefiners(dialect) else {
            return [
                PlanFinding(
                    severity(grants),
                    "a restore must create objects of other definers, which the account may not: "
                        + names(definers),
                    advice: "use an account with SUPER or its successor: SET USER on MariaDB, "
                        + "SET_USER_ID or SET_ANY_DEFINER on MySQL")
            ]
        }
        // Source: MySQL 8.0 manual 8.2.2, SET_USER_ID and SYSTEM_USER, since 8.0.16.
        guard dialect.product == .mysql, dialect.version >= MySQLVersion(8, 0, 16),
            !grants.holds("SYSTEM_USER")
        else { return [] }
        let system = definers.filter(systemUsers.contains)
        if !system.isEmpty {
            return [
                PlanFinding(
                    severity(grants),
                    "a restore must create objects of definers with SYSTEM_USER, which only an "
                        + "account with SYSTEM_USER may: \(names(system))",
                    advice: "grant the account SYSTEM_USER")
            ]
        }
        guard !grants.holds("SELECT", on: "mysql") else { return [] }
        return [
            PlanFinding(
                .warning,
                "a restore must create objects of other definers, and where one of them has "
                    + "SYSTEM_USER the account needs it too: \(names(definers))")
        ]
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

    /// Without privileges on the schema `mysql` an account sees itself alone.
    private func systemUsers() async throws(Failure) -> Set<String> {
        let rows = try await client.ask(
            """
            SELECT DISTINCT GRANTEE FROM information_schema.USER_PRIVILEGES
              WHERE PRIVILEGE_TYPE = 'SYSTEM_USER';

            """, for: "list accounts with SYSTEM_USER", inSchema: false)
        return Set(rows.compactMap(\.first).map { $0.replacing("'", with: "") })
    }

    // MARK: Functions

    /// Beside the binary log a server refuses to make functions that may not be repeatable from
    /// anybody (1418), and all functions and triggers from accounts without SUPER (1419).
    static func functionFindings(
        _ grants: MySQLGrants, _ dialect: MySQLDialect, _ inventory: MySQLInventory,
        unsafe: [String]
    ) -> [PlanFinding] {
        guard dialect.guardsFunctions else { return [] }
        let advice = "SET GLOBAL log_bin_trust_function_creators=ON, and in the server's options"
        if !unsafe.isEmpty {
            return [
                PlanFinding(
                    .refusal,
                    "the server would refuse to make these functions anew, which are neither "
                        + "DETERMINISTIC nor NO SQL nor READS SQL DATA: \(names(unsafe))",
                    advice: advice)
            ]
        }
        let guarded = inventory.definitions.filter { ["FUNCTION", "TRIGGER"].contains($0.kind) }
        guard !guarded.isEmpty, !grants.holds("SUPER") else { return [] }
        return [
            PlanFinding(
                severity(grants),
                "a restore of functions and triggers needs SUPER or "
                    + "log_bin_trust_function_creators=ON on this server: "
                    + names(guarded.map(\.name)), advice: advice)
        ]
    }

    private func unsafeFunctions() async throws(Failure) -> [String] {
        let rows = try await client.ask(
            """
            SELECT ROUTINE_NAME FROM information_schema.ROUTINES
              WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_TYPE = 'FUNCTION'
                AND IS_DETERMINISTIC = 'NO'
                AND SQL_DATA_ACCESS IN ('CONTAINS SQL', 'MODIFIES SQL DATA') ORDER BY 1;

            """, for: "list functions")
        return rows.compactMap(\.first)
    }
}
