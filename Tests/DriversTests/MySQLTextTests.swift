import Testing
import UpgradeMachine

@testable import Drivers

struct MySQLTextTests {
    @Test(
        "Names and strings cannot end early",
        arguments: [
            ("plain", "`plain`"), ("a`b", "`a``b`"), ("``", "``````"), ("a\\", "`a\\`"),
        ])
    func names(name: String, quoted: String) {
        #expect(MySQLText.identifier(name) == quoted)
    }

    @Test("A string is hexadecimal")
    func strings() {
        #expect(MySQLText.string("a'\\ä") == "_utf8mb4 0x61275cc3a4")
        #expect(MySQLText.string("") == "_utf8mb4 ''")
    }

    @Test("A lock's name fits, and is of one instance and schema")
    func locks() {
        let name = MySQLText.lockName(
            "fence", instance: "i", schema: String(repeating: "s", count: 64))
        #expect(name.utf8.count <= 64)
        #expect(
            MySQLText.lockName("fence", instance: "a", schema: "bc")
                != MySQLText.lockName("fence", instance: "ab", schema: "c"))
    }

    @Test("Rows come back as they were, in whatever pieces they arrive", arguments: 1...9)
    func rows(pieceSizeInBytes: Int) throws {
        var rows = MySQLRows()
        let bytes = Array("a\\tb\tNULL\t\\\\n\n\n\\0é\\n\t\n".utf8)
        for start in stride(from: 0, to: bytes.count, by: pieceSizeInBytes) {
            try bytes[start..<min(start + pieceSizeInBytes, bytes.count)].withUnsafeBytes {
                try rows.take($0)
            }
        }
        #expect(rows.rows == [["a\tb", "NULL", "\\n"], [""], ["\0é\n", ""]])
    }

    @Test("An answer has a limit")
    func limit() throws {
        var rows = MySQLRows(limitInBytes: 3)
        try [1, 2, 3].withUnsafeBytes { try rows.take(UnsafeRawBufferPointer(rebasing: $0[..<3])) }
        #expect(throws: MySQLRows.TooLarge.self) {
            try [UInt8(1)].withUnsafeBytes { try rows.take($0) }
        }
    }

    @Test("The last line is known in whatever pieces it arrives", arguments: [1, 2, 7, 100])
    func tail(pieceSizeInBytes: Int) {
        var tail = MySQLTail(limitInBytes: 32)
        let bytes = Array((String(repeating: "x", count: 90) + "\n\n-- Dump completed\n\n").utf8)
        for start in stride(from: 0, to: bytes.count, by: pieceSizeInBytes) {
            bytes[start..<min(start + pieceSizeInBytes, bytes.count)].withUnsafeBytes {
                tail.take($0)
            }
        }
        #expect(tail.lastLine == "-- Dump completed")
    }

    @Test("A password is escaped for an options file")
    func options() {
        #expect(PasswordFile.escapedOption("a\"b\\n\n#'") == "a\\\"b\\\\n\\n#'")
    }

    @Test(
        "Errors are known by their numbers, in each form that clients have",
        arguments: [
            ("ERROR 1045 (28000): Access denied for user 'a'@'b'", "database-access-denied", true),
            (
                "mariadb-dump: Got error: 1049: \"Unknown database 'x'\" when selecting the database",
                "database-schema-missing", true
            ),
            (
                "mysqldump: Error 2013: Lost connection to server during query when dumping table `t`",
                "database-connection-lost", false
            ),
            (
                "mariadb-dump: Couldn't execute 'SHOW FIELDS FROM `v`': View 'a.v' references (1356)",
                "database-broken-view", true
            ),
            ("a warning\nERROR 1205 (HY000) at line 3: Lock wait", "database-lock-timeout", false),
            ("ERROR 2002 (HY000): Can't connect", "database-unreachable", false),
            ("ERROR 4711 (HY000): never heard of", "database-error", false),
            ("Killed", "database-tool-ended", false), ("", "database-tool-ended", false),
        ])
    func failures(text: String, code: String, isPermanent: Bool) {
        let failure = Failure.mysql("try it", standardError: text, ending: "exited with 1")
        #expect(failure.code == code)
        #expect(failure.isPermanent == isPermanent)
        #expect(failure.message.hasPrefix("try it: "))
    }

    @Test(
        "A broken view is told from whatever else went wrong beside it",
        arguments: [
            ("mariadb-dump: Couldn't execute 'SHOW FIELDS FROM `v`': View (1356)", true),
            ("x: Couldn't execute 'a': View (1356)\nx: Couldn't execute 'b': definer (1449)", true),
            ("x: Couldn't execute 'a': View (1356)\nx: Error 2013: Lost connection", false),
            ("x: Couldn't execute 'a': View (1356)\nx: Got error: 1049: none", false),
            ("Killed", false), ("", false),
            (String(repeating: "x: Couldn't execute 'a': View (1356)\n", count: 600), false),
        ])
    func brokenViews(text: String, expected: Bool) {
        #expect(MySQLError.areBrokenViewsAlone(text) == expected)
    }

    @Test(
        "A comment goes where it only explains, and never from between quotes",
        arguments: [
            ("`d` datetime /* mariadb-5.3 */ DEFAULT NULL", "`d` datetime DEFAULT NULL"),
            ("a /* x */ b /* y */", "a b"), ("a /* never ends", "a /* never ends"),
            ("COMMENT '/* x */' /* y */", "COMMENT '/* x */'"),
            ("'it''s /* x */'", "'it''s /* x */'"), ("'\\' /* x */'", "'\\' /* x */'"),
            ("`a``/* x */`", "`a``/* x */`"), ("`\\` /* x */ b", "`\\` b"),
            ("a /*!80023 INVISIBLE */", "a /*!80023 INVISIBLE */"),
            ("a /*M!100201 x */", "a /*M!100201 x */"),
        ])
    func comments(definition: String, expected: String) {
        #expect(MySQLText.withoutComments(definition) == expected)
    }

    @Test(
        "Option files say how to reach the server, and nothing else",
        arguments: [
            ("--socket=/run/a b.sock --quick ", ["--socket=/run/a b.sock"]),
            (
                "--user=x --password=y --ssl_ca=/a --ssl-verify-server-cert --ignore-table=a.b ",
                ["--ssl_ca=/a", "--ssl-verify-server-cert"]
            ),
            ("--socketish=1 --where=a --tls-version=TLSv1.3", ["--tls-version=TLSv1.3"]),
            ("--host=elsewhere --port=1 --init-command=DROP", []), ("", []),
        ])
    func defaults(line: String, expected: [String]) {
        let printed = "mariadb would have been started with the following arguments:\n\(line)\n"
        #expect(MySQLDefaults.connection(printed: printed) == expected)
    }

    @Test("Each kind of error has a code of its own and an advice")
    func kinds() {
        let kinds = MySQLErrorKind.allCases
        #expect(Set(kinds.map(\.code)).count == kinds.count)
        #expect(kinds.allSatisfy { !$0.advice.isEmpty })
    }
}
