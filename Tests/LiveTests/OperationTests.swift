import Foundation
import Testing

/// What is done beside upgrades, on real containers and a real database.
@Suite("Operations on a real stack", .serialized, .needsTestbed)
struct OperationTests {
    /// Leaves a new table, view, routine, trigger and event behind, as a migration does.
    private static let migration = """
        CREATE TABLE later (id INT PRIMARY KEY);
        CREATE VIEW later_view AS SELECT id FROM later;
        CREATE PROCEDURE later_routine() SELECT 1;
        CREATE TRIGGER later_trigger BEFORE INSERT ON later FOR EACH ROW SET NEW.id = NEW.id;
        CREATE EVENT later_event ON SCHEDULE EVERY 1 DAY DO DELETE FROM later;
        """

    private static func backUp(_ pawl: Pawl) async throws -> String {
        let result = try await pawl.run("backup", "--reason", "nightly", ends: 0)
        return result.output.trimmingCharacters(in: .newlines)
    }

    /// The service is as it was: the same container, its policy, its name.
    private static func expectServing(
        _ stack: Stack, _ pawl: Pawl, _ old: InspectedContainer
    ) async throws {
        let now = try #require(try await stack.container(stack.web))
        #expect(now.id == old.id && now.state.isRunning)
        #expect(now.policy == old.policy)
        #expect(try await stack.containers().count == 2)
        try await expectNothingAtWork(stack, pawl)
    }

    @Test(.timeLimit(.minutes(4)))
    func `A backup is restored over a migrated schema, and nothing new stays`() async throws {
        try await Stack.running { stack in
            let pawl = try Pawl(stack)
            let (dump, objects) = (try await stack.dump(), try await stack.objects())
            let old = try #require(try await stack.container(stack.web))
            let path = try await Self.backUp(pawl)
            #expect(FileManager.default.fileExists(atPath: path))
            #expect(try await stack.container(stack.web) == old, "a backup touches no container")

            #expect(try await stack.post("of later") == 201)
            _ = try await stack.sql("USE noticeboard; \(Self.migration)")
            let asked = try await pawl.run("restore", path, ends: 12)
            #expect(asked.errors.contains("--yes"))
            try await pawl.run("restore", path, "--yes", ends: 0)
            #expect(try await stack.objects() == objects)
            expectSame(try await stack.dump(), dump)
            try await Self.expectServing(stack, pawl, old)
            try await pawl.run("replay", ends: 0)
        }
    }

    @Test(.timeLimit(.minutes(4)))
    func `A vendor's dump is loaded over a migrated schema, and nothing new stays`() async throws {
        try await Stack.running { stack in
            let pawl = try Pawl(stack)
            let (dump, objects) = (try await stack.dump(), try await stack.objects())
            let old = try #require(try await stack.container(stack.web))
            try Data(dump.utf8).write(to: URL(filePath: stack.path("vendor.sql")))
            _ = try await stack.sql("USE noticeboard; \(Self.migration)")

            let result = try await pawl.run("restore", "vendor.sql", "--yes", ends: 0)
            #expect(!result.errors.contains("shows that it is whole"), "its last line shows it")
            #expect(try await stack.objects() == objects)
            expectSame(try await stack.dump(), dump)
            try await Self.expectServing(stack, pawl, old)
        }
    }

    @Test(.timeLimit(.minutes(4)))
    func `A dump that cannot be loaded gives way to what was there`() async throws {
        try await Stack.running { stack in
            let pawl = try Pawl(stack)
            let dump = try await stack.dump()
            let old = try #require(try await stack.container(stack.web))
            let broken = "CREATE TABLE `a` (id INT);\nINSERT INTO `nowhere` VALUES (1);\n"
            try Data(broken.utf8).write(to: URL(filePath: stack.path("broken.sql")))
            let result = try await pawl.run("restore", "broken.sql", "--yes", ends: 10)
            #expect(result.errors.contains("nowhere"))
            expectSame(try await stack.dump(), dump)
            try await Self.expectServing(stack, pawl, old)
        }
    }

    @Test(
        .timeLimit(.minutes(2)),
        arguments: [
            ("CREATE DATABASE `other`;\nUSE `other`;\nCREATE TABLE `t` (a INT);\n", "`other`"),
            ("-- MariaDB dump 10.19\nCREATE TABLE `t` (a INT);\n", "has no end"),
            ("SELECT 1;\n", "creates no table"),
        ])
    func `A dump that is of no use is refused beforehand`(text: String, words: String) async throws
    {
        try await Stack.running { stack in
            let pawl = try Pawl(stack)
            let old = try #require(try await stack.container(stack.web))
            try Data(text.utf8).write(to: URL(filePath: stack.path("wrong.sql")))
            let result = try await pawl.run("restore", "wrong.sql", "--yes", ends: 12)
            #expect(result.errors.contains(words.replacing("`", with: "")), "\(result.errors)")
            #expect(try await stack.container(stack.web) == old)
        }
    }

    @Test(.timeLimit(.minutes(4)))
    func `It is stopped with its policy as it was, starts again, and is never an upgrade`()
        async throws
    {
        try await Stack.running { stack in
            let pawl = try Pawl(stack)
            let old = try #require(try await stack.container(stack.web))
            try await pawl.run("stop", ends: 0)
            let stopped = try #require(try await stack.container(stack.web))
            #expect(!stopped.state.isRunning && stopped.policy == old.policy)
            try await pawl.run("start", ends: 0)
            try await Self.expectServing(stack, pawl, old)
            try await pawl.run("restart", ends: 0)
            try await Self.expectServing(stack, pawl, old)
            #expect(try await stack.version() == "1.0.0")
        }
    }

    @Test(.timeLimit(.minutes(4)))
    func `A dump's schema keeps its own character set`() async throws {
        try await Stack.running { stack in
            let pawl = try Pawl(stack)
            _ = try await stack.sql("ALTER DATABASE noticeboard CHARACTER SET latin1")
            let dump = try await stack.dump()
            try #require(!dump.contains("ALTER DATABASE"), "the dump does not say it")
            try Data(dump.utf8).write(to: URL(filePath: stack.path("vendor.sql")))
            try await pawl.run("restore", "vendor.sql", "--yes", ends: 0)
            let name = try await stack.sql(
                """
                SELECT DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA
                  WHERE SCHEMA_NAME = 'noticeboard'
                """)
            #expect(name == "latin1")
        }
    }

    /// A person, a script or compose: the containers have their own names meanwhile.
    @Test(.timeLimit(.minutes(4)))
    func `What is started within a killed restore is stopped, and its writes are saved`()
        async throws
    {
        try await Stack.running { stack in
            let pawl = try Pawl(stack)
            try await stack.addBallast()
            let dump = try await stack.dump()
            let old = try #require(try await stack.container(stack.web))
            let path = try await Self.backUp(pawl)
            try await kill(pawl, ["restore", path, "--yes"], at: Self.places[1])
            try await Testbed.docker("start", stack.web)
            try await MySQLShell.eventually { try await stack.post("of meanwhile") == 201 }

            try await pawl.run("resume", ends: 0)
            expectSame(try await stack.dump(), dump)
            try await Self.expectServing(stack, pawl, old)
            let file = try #require(
                try pawl.files(in: pawl.backups).first { $0.contains("-replaced-2.sql.zst") })
            let saved = try await Program.run(["zstd", "-dc", "\(pawl.backups)/\(file)"])
            #expect(saved.output.contains("of meanwhile"))
        }
    }

    private static let places = [
        Ambush("stop", .engine(action: "die") { $0.name == $1.web }, "the container has ended"),
        Ambush("saveData", .bytes(4_096, of: "replaced-1"), "a part of what was there is saved"),
        Ambush(
            "restoreData",
            .answer(
                to: """
                    SELECT COUNT(*) < 3 FROM information_schema.TABLES
                      WHERE TABLE_SCHEMA = 'noticeboard'
                    """), "the schema is cleared"),
        Ambush(
            "startPrevious", .engine(action: "start") { $0.name == $1.web },
            "the container runs again"),
    ].filter(\.canBeSeen)

    @Test(.timeLimit(.minutes(4)), arguments: places)
    func `A restore that is killed goes on to its end`(ambush: Ambush) async throws {
        try await Stack.running { stack in
            let pawl = try Pawl(stack)
            try await stack.addBallast()
            let dump = try await stack.dump()
            let old = try #require(try await stack.container(stack.web))
            let path = try await Self.backUp(pawl)
            #expect(try await stack.post("of later") == 201)

            try await kill(pawl, ["restore", path, "--yes"], at: ambush)
            try await pawl.run("resume", ends: 0)
            expectSame(try await stack.dump(), dump)
            try await Self.expectServing(stack, pawl, old)
            try await pawl.run("replay", ends: 0)
        }
    }
}
