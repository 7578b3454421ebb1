import Testing
import UpgradeMachine

@testable import Drivers

/// What is found beforehand, from recorded answers; MySQL's are from its manual.
struct MySQLSurveyTests {
    private static let mysql = [
        ["version", "8.0.36"], ["version_comment", "MySQL Community Server - GPL"],
        ["log_bin", "ON"], ["innodb_strict_mode", "ON"], ["sql_require_primary_key", "OFF"],
    ]
    private static let mariadb = [
        ["version", "10.11.19-MariaDB-log"], ["version_comment", "Debian 12"], ["log_bin", "ON"],
    ]
    /// `SHOW GRANTS` of root on MySQL 8.0, which never says ALL PRIVILEGES.
    private static let root = [
        "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, SHUTDOWN, PROCESS, FILE, "
            + "REFERENCES, INDEX, ALTER, SHOW DATABASES, SUPER, CREATE TEMPORARY TABLES, LOCK "
            + "TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, "
            + "CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER, CREATE TABLESPACE, "
            + "CREATE ROLE, DROP ROLE ON *.* TO `root`@`localhost` WITH GRANT OPTION",
        "GRANT CONNECTION_ADMIN,SET_USER_ID,SYSTEM_USER,SYSTEM_VARIABLES_ADMIN ON *.* TO "
            + "`root`@`localhost` WITH GRANT OPTION",
        "GRANT PROXY ON ``@`` TO `root`@`localhost` WITH GRANT OPTION",
    ]

    @Test("A privilege counts on the schema that it was granted on")
    func schemaGrants() {
        let grants = MySQLGrants(lines: [
            "GRANT USAGE ON *.* TO `a`@`%`", "GRANT ALL PRIVILEGES ON `my\\_app`.* TO `a`@`%`",
        ])
        #expect(grants.holds("ALL PRIVILEGES", on: "my_app"))
        #expect(!grants.holds("ALL PRIVILEGES", on: "other"))
        #expect(!grants.holds("ALL PRIVILEGES"))
        #expect(grants.missing(on: "my_app") == [] && !grants.hasRoles)
        #expect(grants.missing(on: "other") == MySQLGrants.neededOnSchema)
    }

    @Test("MySQL's root lacks nothing")
    func rootLacksNothing() throws {
        let grants = MySQLGrants(lines: Self.root)
        let dialect = try MySQLDialect(answer: Self.mysql)
        #expect(grants.missing(on: "app") == [] && !grants.hasRoles)
        let findings = MySQLSurvey.findings(
            grants, dialect, .hold, account: "root", schema: "app")
        #expect(findings == [])
        #expect(
            MySQLSurvey.definerFindings(
                grants, dialect, definers: ["x@%"], systemUsers: ["x@%"]) == [])
    }

    @Test("Privileges on everything and on the schema count together")
    func together() {
        let all = MySQLGrants.neededOnSchema
        let grants = MySQLGrants(lines: [
            "GRANT \(all.prefix(5).joined(separator: ", ")) ON *.* TO `a`@`%`",
            "GRANT \(all.dropFirst(5).dropLast().joined(separator: ", ")) ON `app`.* TO `a`@`%`",
        ])
        #expect(grants.missing(on: "app") == ["ALTER ROUTINE"])
    }

    @Test("What the fence needs is refused where it is certain", arguments: [true, false])
    func fence(hasRole: Bool) throws {
        let role = hasRole ? ["GRANT `r`@`%` TO `a`@`%`"] : []
        let grants = MySQLGrants(lines: ["GRANT ALL PRIVILEGES ON `app`.* TO `a`@`%`"] + role)
        for answer in [Self.mysql, Self.mariadb] {
            let dialect = try MySQLDialect(answer: answer)
            let findings = MySQLSurvey.findings(
                grants, dialect, .hold, account: "a", schema: "app")
            let lacking = findings.filter { $0.message.contains("lacks for the fence: RELOAD") }
            #expect(lacking.map(\.severity) == [hasRole ? .warning : .refusal])
            #expect(
                findings.contains { $0.advice.contains("CONNECTION_ADMIN") }
                    == (dialect.product == .mysql))
            #expect(
                MySQLSurvey.findings(grants, dialect, .none, account: "a", schema: "app") == [])
        }
    }

    @Test("Definers that the account may not name are refused")
    func definers() throws {
        let mysql = try MySQLDialect(answer: Self.mysql)
        let mariadb = try MySQLDialect(answer: Self.mariadb)
        func severities(
            _ privileges: String, _ dialect: MySQLDialect, _ definers: [String] = ["root@%"],
            _ systemUsers: Set<String> = []
        ) -> [PlanFinding.Severity] {
            let grants = MySQLGrants(lines: ["GRANT \(privileges) ON *.* TO `a`@`%`"])
            return MySQLSurvey.definerFindings(
                grants, dialect, definers: definers, systemUsers: systemUsers
            ).map(\.severity)
        }
        for dialect in [mysql, mariadb] {
            #expect(severities("SELECT", dialect) == [.refusal])
            #expect(severities("SELECT", dialect, []) == [])
        }
        #expect(severities("SET USER", mariadb) == [])
        #expect(severities("SET USER", mysql) == [.refusal])
        #expect(severities("SET_USER_ID, SELECT", mysql) == [])
        #expect(severities("SET_USER_ID", mysql) == [.warning])
        #expect(severities("SET_USER_ID, SELECT", mysql, ["root@%"], ["root@%"]) == [.refusal])
        #expect(severities("SUPER, SYSTEM_USER", mysql, ["root@%"], ["root@%"]) == [])
    }

    @Test("Functions that the server would not make anew are refused")
    func functions() throws {
        let inventory = MySQLInventory(answer: [["TRIGGER", "tr", "t 1"]])
        func findings(
            _ privilege: String, _ inventory: MySQLInventory, unsafe: [String] = [],
            trusts: Bool = false
        ) throws -> [PlanFinding.Severity] {
            let trust = [["log_bin_trust_function_creators", trusts ? "ON" : "OFF"]]
            return MySQLSurvey.functionFindings(
                MySQLGrants(lines: ["GRANT \(privilege) ON *.* TO `a`@`%`"]),
                try MySQLDialect(answer: Self.mariadb + trust), inventory, unsafe: unsafe
            ).map(\.severity)
        }
        #expect(try findings("SET USER", inventory) == [.refusal])
        #expect(try findings("SUPER", inventory) == [])
        #expect(try findings("SUPER", inventory, unsafe: ["f"]) == [.refusal])
        #expect(try findings("SET USER", MySQLInventory(answer: [])) == [])
        #expect(try findings("SET USER", inventory, unsafe: ["f"], trusts: true) == [])
    }

    @Test("Each server's own dump program comes first")
    func programs() {
        #expect(MySQLClient.dumpPrograms(for: .mysql).first == "mysqldump")
        #expect(MySQLClient.dumpPrograms(for: .mariadb).first == "mariadb-dump")
    }

    @Test("MariaDB's dump of generated columns is refused for MySQL alone")
    func generatedColumns() throws {
        let generated = MySQLInventory(answer: [
            ["table", "t", "BASE TABLE", "InnoDB"],
            ["column", "t", "g", "int", "STORED GENERATED"],
        ])
        let plain = MySQLInventory(answer: [["table", "t", "BASE TABLE", "InnoDB"]])
        let theirs = MySQLDumpTool(
            name: "mysqldump", versionLine: "mysqldump  Ver 10.19 Distrib 10.11.19-MariaDB")
        let own = MySQLDumpTool(name: "mysqldump", versionLine: "mysqldump  Ver 8.0.36 for Linux")
        let mysql = try MySQLDialect(answer: Self.mysql)
        let mariadb = try MySQLDialect(answer: Self.mariadb)
        func count(_ inventory: MySQLInventory, _ dialect: MySQLDialect, _ tool: MySQLDumpTool)
            -> Int
        {
            MySQLSurvey.findings(inventory, dialect, tool, .hold)
                .filter { $0.severity == .refusal }.count
        }
        #expect(count(generated, mysql, theirs) == 1)
        #expect(count(plain, mysql, theirs) == 0)
        #expect(count(generated, mysql, own) == 0)
        #expect(count(generated, mariadb, theirs) == 0)
    }

    @Test("Only what is on has to be turned off for a restore")
    func strictness() throws {
        #expect(try MySQLDialect(answer: Self.mysql).strictSettings == ["innodb_strict_mode"])
        let answer =
            Self.mysql.filter { $0[0] != "sql_require_primary_key" }
            + [["sql_require_primary_key", "ON"], ["restrict_fk_on_non_standard_key", "ON"]]
        #expect(
            try MySQLDialect(answer: answer).strictSettings
                == [
                    "innodb_strict_mode", "sql_require_primary_key",
                    "restrict_fk_on_non_standard_key",
                ])
    }

    @Test("A waiter is known with the schema that it writes to")
    func waiters() throws {
        let row = ["7", "app", "web:1", "app", "Query", "3", "Waiting for global read lock", "x"]
        let waiter = try #require(MySQLProcess(row: row))
        #expect(waiter.waitsForFence && waiter.schema == "app" && !waiter.hasNoSchema)
        let nowhere = try #require(MySQLProcess(row: Array(row[..<3] + ["NULL"] + row[4...])))
        #expect(nowhere.hasNoSchema)
        let scheduler = [
            "2", "event_scheduler", "localhost", "NULL", "Daemon", "74", "Waiting for backup lock",
            "NULL",
        ]
        #expect(try !#require(MySQLProcess(row: scheduler)).waitsForFence)
    }
}
