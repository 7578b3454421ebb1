import Testing
import UpgradeMachine

@testable import Drivers

/// What goes to PostgreSQL's programs as text, and what comes back.
struct PostgreSQLTextTests {
    @Test("Names, strings and connections keep their quotes to themselves")
    func quoting() {
        #expect(PostgreSQLText.identifier("a\"b") == "\"a\"\"b\"")
        #expect(PostgreSQLText.string("it's \\") == "'it''s \\'")
        #expect(
            PostgreSQLText.connection([("dbname", "a='b' \\"), ("user", "u")])
                == "dbname='a=\\'b\\' \\\\' user='u'")
    }

    @Test func `What would lead to another server is not inherited`() {
        let names = ["PGHOST", "PGHOSTADDR", "PGSERVICE", "PGOPTIONS", "PATH", "HOME", "XPG"]
        #expect(
            ToolFamily.postgresql.misleading(among: names)
                == ["PGHOST", "PGHOSTADDR", "PGSERVICE", "PGOPTIONS"])
        #expect(ToolFamily.mysql.misleading(among: names).isEmpty)
    }

    @Test("The longest name of a session fits", arguments: Step.allCases)
    func sessionNames(step: Step) {
        let name = PostgreSQLText.sessionName(
            step.rawValue, instance: "größer", database: "b")
        #expect(name.utf8.count <= 63 && name.hasSuffix("/\(step.rawValue)"))
    }

    @Test("A row's fields are told apart, and NULL is empty")
    func rows() {
        let line = Array("a\\tb\t\\N\t\t\\\\N\t\\r\\n\\b\\f\\v\\\\".utf8)
        #expect(
            PostgreSQLRows.fields(of: line[...])
                == ["a\tb", "", "", "\\N", "\r\n\u{8}\u{C}\u{B}\\"])
    }

    @Test("A password is escaped for a file of libpq's")
    func passwordFile() {
        #expect(
            ToolFamily.postgresql.passwordFile(Secret("a:b\\c d")) == "*:*:*:*:a\\:b\\\\c d\n")
    }

    @Test("A password is in no argument, and on this host in no environment")
    func passing() {
        let call = ToolCall(
            family: .postgresql, program: "psql", options: ["-X"], password: Secret("hush"),
            tag: nil, limit: .seconds(1))
        #expect(call.family.arguments(of: call, passwordFile: "/f") == ["psql", "-X"])
        #expect(
            call.family.environment(passwordFile: "/f") == ["LC_ALL": "C", "PGPASSFILE": "/f"])
        #expect(
            call.family.environment(password: call.password)
                == ["LC_ALL": "C", "PGPASSWORD": "hush"])
    }

    @Test(
        "Errors are known by their state, and where there is none by their words",
        arguments: [
            ("psql:<stdin>:3: ERROR:  42501: permission denied for table t", "privilege-missing"),
            ("ERROR:  55P03: canceling statement due to lock timeout", "lock-timeout"),
            ("psql: error: FATAL:  3D000: database \"x\" does not exist", "schema-missing"),
            (
                "pg_dump: error: connection to server on socket \"/s\" failed: FATAL:  database "
                    + "\"x\" does not exist", "schema-missing"
            ),
            (
                "psql: error: connection to server on socket \"/s\" failed: FATAL:  password "
                    + "authentication failed for user \"x\"", "access-denied"
            ),
            (
                "psql: error: connection to server on socket \"/s\" failed: FATAL:  role \"x\" "
                    + "does not exist", "access-denied"
            ),
            (
                "psql: error: connection to server on socket \"/s\" failed: No such file or "
                    + "directory\n\tIs the server running locally", "unreachable"
            ),
            (
                "psql: error: connection to server at \"x\", port 5432 failed: FATAL:  the "
                    + "database system is starting up", "unreachable"
            ),
            (
                "pg_restore: error: could not execute query: ERROR:  role \"x\" does not exist\n"
                    + "Command was: ALTER", "role-missing"
            ),
            (
                "pg_dump: error: Dumping the contents of table \"t\" failed: PQgetCopyData() "
                    + "failed.\npg_dump: detail: Error message from server: FATAL:  terminating "
                    + "connection due to administrator command", "connection-lost"
            ),
            (
                "pg_dump: error: aborting because of server version mismatch\npg_dump: detail: "
                    + "server version: 16.1; pg_dump version: 15.18", "tool-too-old"
            ),
            ("psql: error: something else", "error"),
        ])
    func errors(text: String, code: String) {
        let failure = Failure.postgresql("ask", standardError: text, ending: "exited with 1")
        #expect(failure.code == "database-\(code)")
        #expect(failure.message.hasPrefix("ask: "))
    }

    @Test("A program that says nothing was ended")
    func silent() {
        let failure = Failure.postgresql(
            "dump", standardError: "", ending: "was ended by signal 9")
        #expect(failure.code == "database-tool-ended")
        #expect(failure.message == "dump: the client was ended by signal 9")
    }

    @Test("Versions are read as programs and servers tell them")
    func versions() throws {
        let program = try #require(
            PostgreSQLVersion(line: "pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"))
        #expect(program.major == 15 && program.description == "15.18")
        #expect(PostgreSQLVersion(line: "pg_dump (PostgreSQL) 18beta1")?.major == 18)
        #expect(PostgreSQLVersion(line: "psql: no such thing") == nil)
        let server = PostgreSQLVersion(number: "140010", text: "14.10")
        #expect(server?.major == 14)
    }

    @Test(
        "Tools that could not bring a dump back are refused",
        arguments: [
            (13, 15, 15, ["refusal"]), (15, 15, 15, []), (16, 15, 15, ["refusal"]),
            (15, 16, 16, ["warning"]), (16, 17, 17, ["refusal"]), (17, 18, 18, ["warning"]),
            (15, 15, 14, ["refusal"]),
        ])
    func toolVersions(server: Int, dump: Int, restore: Int, severities: [String]) throws {
        func version(_ major: Int) throws -> PostgreSQLVersion {
            try #require(PostgreSQLVersion(number: "\(major)0001", text: "\(major).1"))
        }
        let findings = PostgreSQLSurvey.versionFindings(
            server: try version(server), dump: try version(dump), restore: try version(restore))
        #expect(findings.map { "\($0.severity)" } == severities)
    }
}
