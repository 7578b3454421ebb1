internal import UpgradeMachine

extension MySQLClient {
    /// Assignments that let a session create the tables that are there already.
    ///
    /// Each is tried by itself: an account may be allowed some of them and not others.
    func lenientSettings(_ dialect: MySQLDialect) async throws(Failure) -> [String] {
        var taken: [String] = []
        for name in dialect.strictSettings {
            let setting = "\(name)=OFF"
            do throws(Failure) {
                _ = try await ask(
                    "SET SESSION \(setting);\n", for: "set \(name) for the session",
                    inSchema: false)
                taken.append(setting)
            } catch  where error.code == MySQLErrorKind.privilegeMissing.code {
                // The tables may well be such that it does not matter; the survey has looked.
            }
        }
        return taken
    }

    /// Tables that could not be made anew, since the account may not turn off what forbids them.
    func strictnessFindings(_ dialect: MySQLDialect) async throws(Failure) -> [PlanFinding] {
        let taken = try await lenientSettings(dialect)
        var findings: [PlanFinding] = []
        for name in dialect.strictSettings where !taken.contains("\(name)=OFF") {
            guard let (question, what, severity) = Self.forbidden(by: name) else { continue }
            let tables = try await ask(question, for: "list tables that \(name) forbids")
                .compactMap(\.first)
            guard !tables.isEmpty else { continue }
            findings.append(
                PlanFinding(
                    severity,
                    "\(name) is on, and a restore must make \(what): \(MySQLSurvey.names(tables))",
                    advice: "grant the account SESSION_VARIABLES_ADMIN, so that Pawl can turn it "
                        + "off for its own session"))
        }
        return findings
    }

    /// Sources: MySQL 8.4 manual 7.1.8 (`sql_require_primary_key`,
    /// `restrict_fk_on_non_standard_key`) and 17.14 (`innodb_strict_mode`).
    private static func forbidden(
        by setting: String
    ) -> (question: String, what: String, severity: PlanFinding.Severity)? {
        switch setting {
        case "sql_require_primary_key":
            (
                """
                SELECT TABLE_NAME FROM information_schema.TABLES AS t
                  WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'
                    AND NOT EXISTS (SELECT 1 FROM information_schema.TABLE_CONSTRAINTS AS c
                      WHERE c.TABLE_SCHEMA = t.TABLE_SCHEMA AND c.TABLE_NAME = t.TABLE_NAME
                        AND c.CONSTRAINT_TYPE = 'PRIMARY KEY') ORDER BY 1;

                """, "tables without a primary key", .refusal
            )
        case "restrict_fk_on_non_standard_key":
            (
                """
                SELECT DISTINCT TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS
                  WHERE CONSTRAINT_SCHEMA = DATABASE() AND UNIQUE_CONSTRAINT_NAME IS NULL
                  ORDER BY 1;

                """, "foreign keys to what is not unique", .refusal
            )
        case "innodb_strict_mode":
            // The server alone knows which of them would be too wide.
            (
                """
                SELECT TABLE_NAME FROM information_schema.COLUMNS
                  WHERE TABLE_SCHEMA = DATABASE() GROUP BY TABLE_NAME HAVING COUNT(*) > 100
                  ORDER BY 1;

                """, "tables that may be too wide for it", .warning
            )
        default: nil
        }
    }
}
