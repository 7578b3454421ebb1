import Testing
import UpgradeMachine

@testable import Drivers

/// Decisions from recorded answers; MySQL's are from its manual, since its server was not there.
struct MySQLDialectTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let answer: [[String]]
        let server: String
        let raise: String
        let lower: String
        let log: String?
        let gtid: String?
        var testDescription: String { server }
    }

    static let superAndPlain = "SET GLOBAL read_only=ON; SET GLOBAL super_read_only=ON;"

    static let cases = [
        Case(
            answer: [
                ["version", "10.11.19-MariaDB-0+deb12u1-log"], ["version_comment", "Debian 12"],
                ["log_bin", "ON"], ["read_only", "OFF"], ["gtid_binlog_pos", "0-7-42"],
            ], server: "MariaDB 10.11.19", raise: "SET GLOBAL read_only=ON;",
            lower: "SET GLOBAL read_only=OFF;", log: "SHOW MASTER STATUS;\n",
            gtid: "SELECT @@GLOBAL.gtid_binlog_pos;\n"),
        Case(
            answer: [
                ["version", "5.5.5-10.6.3-MariaDB"], ["version_comment", "mariadb.org"],
                ["log_bin", "OFF"], ["read_only", "OFF"], ["gtid_binlog_pos", ""],
            ], server: "MariaDB 10.6.3", raise: "SET GLOBAL read_only=ON;",
            lower: "SET GLOBAL read_only=OFF;", log: nil, gtid: nil),
        Case(
            answer: [
                ["version", "8.0.36"], ["version_comment", "MySQL Community Server - GPL"],
                ["log_bin", "ON"], ["read_only", "OFF"], ["super_read_only", "OFF"],
                ["gtid_mode", "OFF"],
            ], server: "MySQL 8.0.36", raise: superAndPlain,
            lower: "SET GLOBAL super_read_only=OFF; SET GLOBAL read_only=OFF;",
            log: "SHOW MASTER STATUS;\n", gtid: nil),
        Case(
            answer: [
                ["version", "8.4.1"], ["version_comment", "MySQL Community Server - GPL"],
                ["log_bin", "ON"], ["read_only", "ON"], ["super_read_only", "ON"],
                ["gtid_mode", "ON"],
            ], server: "MySQL 8.4.1", raise: superAndPlain,
            lower: "SET GLOBAL super_read_only=OFF; SET GLOBAL read_only=OFF;",
            log: "SHOW BINARY LOG STATUS;\n", gtid: "SELECT @@GLOBAL.gtid_executed;\n"),
    ]

    @Test("Each server is spoken to in its own words", arguments: cases)
    func words(of expected: Case) throws {
        let dialect = try MySQLDialect(answer: expected.answer)
        #expect(dialect.server == expected.server)
        #expect(dialect.raiseReadOnly == expected.raise)
        #expect(dialect.lowerReadOnly == expected.lower)
        #expect(dialect.binaryLogQuestion == expected.log)
        #expect(dialect.gtidQuestion == expected.gtid)
        #expect(dialect.isReadOnly == expected.answer.contains(["read_only", "ON"]))
    }

    @Test("A server that does not say its version is refused")
    func unknown() {
        #expect(throws: Failure.self) { try MySQLDialect(answer: [["log_bin", "ON"]]) }
        #expect(throws: Failure.self) { try MySQLDialect(answer: [["version", "new"]]) }
    }

    @Test(
        "Every value of read_only but off refuses writes",
        arguments: [("OFF", false), ("0", false), ("ON", true), ("NO_LOCK_NO_ADMIN", true)])
    func readOnly(value: String, isOn: Bool) throws {
        let answer = [["version", "12.0.1-MariaDB"], ["read_only", value]]
        #expect(try MySQLDialect(answer: answer).isReadOnly == isOn)
    }

    @Test("A position comes from GTIDs, then from the binary log, else from the content")
    func position() throws {
        let mysql = try MySQLDialect(answer: Self.cases[3].answer)
        let row = ["binlog.000004", "157", "", "", "3e11fa47-71ca:1-5"]
        #expect(
            mysql.position(gtid: "3e11fa47-71ca:1-5,\n9a:1", binaryLog: row)
                == Position("gtid:3e11fa47-71ca:1-5,9a:1"))
        #expect(mysql.position(gtid: nil, binaryLog: row) == Position("binlog:binlog.000004:157"))
        #expect(mysql.position(gtid: "", binaryLog: row) == Position("binlog:binlog.000004:157"))
        #expect(mysql.position(gtid: nil, binaryLog: nil) == nil)
        // The schema may be one of those that the log leaves out.
        #expect(mysql.position(gtid: "a:1", binaryLog: ["b", "1", "", "other", ""]) == nil)
        #expect(mysql.position(gtid: "a:1", binaryLog: ["b", "1", "one", "", ""]) == nil)
        let without = try MySQLDialect(answer: Self.cases[1].answer)
        #expect(without.position(gtid: "0-1-2", binaryLog: row) == nil)
    }

    @Test(
        "Versions are compared by number",
        arguments: [
            ("10.9.1", "10.11.0"), ("8.0.36", "8.2.0"), ("5.5.5-10.6.3-MariaDB", "10.6.4-MariaDB"),
        ])
    func order(older: String, newer: String) throws {
        #expect(try #require(MySQLVersion(older)) < #require(MySQLVersion(newer)))
    }

    // MARK: Dump programs

    static let tools: [(line: String, product: MySQLDialect.Product, version: MySQLVersion)] = [
        (
            "mysqldump  Ver 10.19 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)",
            .mariadb, MySQLVersion(10, 11, 19)
        ),
        (
            "mariadb-dump from 11.4.2-MariaDB, client 10.19 for Linux (x86_64)", .mariadb,
            MySQLVersion(11, 4, 2)
        ),
        (
            "mysqldump  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)", .mysql,
            MySQLVersion(8, 0, 36)
        ),
        (
            "mysqldump  Ver 10.13 Distrib 5.7.44, for Linux (x86_64)", .mysql,
            MySQLVersion(5, 7, 44)
        ),
    ]

    @Test("A dump program is known by its version line", arguments: tools)
    func tool(line: String, product: MySQLDialect.Product, version: MySQLVersion) {
        let tool = MySQLDumpTool(name: "dump", versionLine: line)
        #expect(tool.product == product)
        #expect(tool.version == version)
        let options = tool.arguments(schema: "s", MySQLDumpExtent(keepsHistory: true))
        #expect(options.suffix(2) == ["--", "s"])
        #expect(options.contains("--single-transaction"))
        #expect(options.contains("--set-gtid-purged=OFF") == (product == .mysql))
        #expect(
            options.contains("--column-statistics=0")
                == (product == .mysql && version >= MySQLVersion(8, 0)))
        #expect(options.contains("--dump-history") == (product == .mariadb))
    }

    // MARK: Privileges

    @Test(
        "What an account lacks for the fence",
        arguments: [
            (0, ["GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION"], []),
            (
                0, ["GRANT RELOAD, SUPER, PROCESS ON *.* TO `p`@`%` IDENTIFIED BY PASSWORD '*AB'"],
                ["READ_ONLY ADMIN or READ ONLY ADMIN"]
            ),
            (1, ["GRANT RELOAD, SUPER, PROCESS ON *.* TO `p`@`%`"], []),
            (
                2,
                [
                    "GRANT PROCESS, FLUSH_TABLES ON *.* TO `p`@`%`",
                    "GRANT ALL PRIVILEGES ON `a`.* TO `p`@`%`",
                ], ["SUPER or SYSTEM_VARIABLES_ADMIN"]
            ),
            (
                2,
                [
                    "GRANT RELOAD, PROCESS ON *.* TO `p`@`%`",
                    "GRANT SYSTEM_VARIABLES_ADMIN ON *.* TO `p`@`%`",
                ], []
            ),
        ] as [(Int, [String], [String])])
    func grants(of server: Int, lines: [String], missing: [String]) throws {
        let dialect = try MySQLDialect(answer: Self.cases[server].answer)
        #expect(MySQLGrants(lines: lines).missingForFence(dialect) == missing)
    }
}
