import Drivers
import Foundation
import Glibc
import Testing
import UpgradeMachine

/// The fence on real servers: who is stopped by it, and what becomes of it.
@Suite(.needsMariaDB, .serialized, .timeLimit(.minutes(10)))
struct MySQLFenceTests {
    static let application = "application"
    private static let insert = "SET lock_wait_timeout=1; INSERT INTO t VALUES (2);"

    @Test("Nobody writes behind it, and lifting proves so", arguments: MySQLPlace.available)
    func fence(place: MySQLPlace) async throws {
        try await withTable(place) { server, driver, context in
            #expect(try await driver.observe(.raiseFence, in: context) == .absent)
            let position = try await raised(driver, context)
            #expect(position.text.hasPrefix("gtid:0-7-"))
            #expect(try await raised(driver, context) == position)
            let observed = try await driver.observe(.raiseFence, in: context)
            #expect(observed == .present(.fenceRaised(position: position)))

            let application = try await server.execute(
                Self.insert, user: Self.application, password: "a", schema: MySQLServer.schema)
            #expect(application.status != 0 && application.output.contains("1290"))
            let root = try await server.tryAsRoot(Self.insert, schema: MySQLServer.schema)
            #expect(root.status != 0 && root.output.contains("1205"))
            #expect(try await driver.position(in: context) == position)

            let lift = Effect.liftFence(proving: position)
            #expect(try await driver.observe(lift, in: context) == .absent)
            #expect(try await driver.perform(lift, in: context) == .fenceLifted)
            #expect(try await driver.perform(lift, in: context) == .fenceLifted)
            #expect(try await driver.observe(lift, in: context) == .present(.fenceLifted))
            try await server.root(Self.insert, schema: MySQLServer.schema)
            let failure = await MySQLShell.failure { try await driver.perform(lift, in: context) }
            #expect(failure?.code == "fence-broken" && failure?.isPermanent == true)
            #expect(failure?.message.contains(position.text) == true)
        }
    }

    @Test("Without a binary log the content is the position", arguments: MySQLPlace.available)
    func withoutBinaryLog(place: MySQLPlace) async throws {
        try await withTable(place, arguments: ["--skip-log-bin"]) { server, driver, context in
            let position = try await raised(driver, context)
            #expect(position.text.hasPrefix("content:"))
            let lift = Effect.liftFence(proving: position)
            #expect(try await driver.perform(lift, in: context) == .fenceLifted)
            try await server.root("UPDATE t SET a = 3;", schema: MySQLServer.schema)
            let failure = await MySQLShell.failure { try await driver.perform(lift, in: context) }
            #expect(failure?.code == "fence-broken")
        }
    }

    @Test("A session that is killed is noticed", arguments: MySQLPlace.available)
    func lost(place: MySQLPlace) async throws {
        try await withTable(place) { server, driver, context in
            _ = try await raised(driver, context)
            try await server.root(
                """
                SELECT CONCAT('KILL ', ID, ';') INTO @kill FROM information_schema.PROCESSLIST
                  WHERE COMMAND = 'Sleep' ORDER BY TIME DESC LIMIT 1;
                EXECUTE IMMEDIATE @kill;
                """)
            guard case .torn = try await driver.observe(.raiseFence, in: context) else {
                Issue.record("a lost fence passes for one that stands")
                return
            }
            let backup = Effect.backUp(name: "b")
            let failure = await MySQLShell.failure { try await driver.perform(backup, in: context) }
            #expect(failure?.code == "fence-lost" && failure?.isPermanent == false)
            #expect(try await driver.observe(backup, in: context) == .absent)
            // The second line stands on: who has no privilege beyond it is stopped still.
            let application = try await server.execute(
                Self.insert, user: Self.application, password: "a", schema: MySQLServer.schema)
            #expect(application.status != 0 && application.output.contains("1290"))
            _ = try await raised(driver, context)
            try await driver.clear(.raiseFence, in: context)
            try await server.root(Self.insert, schema: MySQLServer.schema)
        }
    }

    @Test("A statement that runs long is named, not waited for", arguments: MySQLPlace.available)
    func busy(place: MySQLPlace) async throws {
        try await withTable(place) { server, driver, context in
            async let long = server.tryAsRoot(
                "UPDATE t SET a = SLEEP(25);", schema: MySQLServer.schema)
            try await MySQLShell.eventually {
                try await server.root("SHOW PROCESSLIST").contains("User sleep")
            }
            let failure = await MySQLShell.failure {
                try await driver.perform(.raiseFence, in: context)
            }
            #expect(failure?.code == "fence-busy")
            #expect(
                failure?.message.contains("root@localhost") == true, "\(failure?.message ?? "")")
            // What it left is nothing: others write on, although the long one still runs.
            try await server.root("CREATE TABLE other (a INT);", schema: MySQLServer.schema)
            #expect(try await driver.observe(.raiseFence, in: context) == .absent)
            _ = try await long
        }
    }

    @Test(
        "Who waits to write is ended before the lift, and other schemas' writers are not",
        arguments: MySQLPlace.available)
    func waitingInSchema(place: MySQLPlace) async throws {
        try await withTable(place) { server, driver, context in
            try await server.root("CREATE DATABASE other; CREATE TABLE other.t (a INT);")
            let position = try await raised(driver, context)
            let insert = "SET lock_wait_timeout=60; INSERT INTO t VALUES (9);"
            async let own = server.tryAsRoot(insert, schema: MySQLServer.schema)
            async let others = server.tryAsRoot(insert, schema: "other")
            try await MySQLShell.eventually {
                try await server.root("SHOW PROCESSLIST")
                    .ranges(of: "Waiting for backup lock").count == 2
            }
            let lift = Effect.liftFence(proving: position)
            #expect(try await driver.perform(lift, in: context) == .fenceLifted)
            #expect(try await own.status != 0)
            #expect(try await others.status == 0)
            #expect(
                try await server.root("SELECT * FROM t;", schema: MySQLServer.schema) == "1")
        }
    }

    @Test(
        "A waiting writer of an unknown schema holds the lift up",
        arguments: MySQLPlace.available)
    func waiting(place: MySQLPlace) async throws {
        try await withTable(place) { server, driver, context in
            let position = try await raised(driver, context)
            async let writer = server.tryAsRoot(
                "SET lock_wait_timeout=60; INSERT INTO \(MySQLServer.quoted).t VALUES (9);")
            try await MySQLShell.eventually {
                try await server.root("SHOW PROCESSLIST").contains("Waiting for backup lock")
            }
            let failure = await MySQLShell.failure {
                try await driver.perform(.liftFence(proving: position), in: context)
            }
            #expect(failure?.code == "writers-waiting" && failure?.isPermanent == false)
            let lift = Effect.liftFence(proving: nil)
            #expect(try await driver.perform(lift, in: context) == .fenceLifted)
            #expect(try await writer.status == 0)
        }
    }

    @Test("What a dead Pawl's fence left is found and ended", arguments: MySQLPlace.available)
    func dead(place: MySQLPlace) async throws {
        try await withTable(place) { server, driver, context in
            let (settings, backups) = (try server.settings(), server.directory.path("backups"))
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [settings = settings as MySQLDatabase, backups = backups as String] in
                let driver = try MySQLServer.driver(settings)
                let context = MySQLServer.context(backups: backups)
                _ = try await driver.perform(.raiseFence, in: context)
                kill(getpid(), SIGKILL)
            }
            guard case .torn = try await driver.observe(.raiseFence, in: context) else {
                Issue.record("a dead Pawl's fence is not seen")
                return
            }
            try await driver.endLeftovers(of: .raiseFence, in: context)
            let locks = try await server.root(
                "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE COMMAND = 'Sleep';")
            #expect(locks == "0")
            let position = try await raised(driver, context)
            // The fence of this process is no leftover.
            try await driver.endLeftovers(of: .raiseFence, in: context)
            let observed = try await driver.observe(.raiseFence, in: context)
            #expect(observed == .present(.fenceRaised(position: position)))
            let second = try server.driver()
            #expect(
                try await second.perform(.liftFence(proving: position), in: context) == .fenceLifted
            )
            try await server.root(Self.insert, schema: MySQLServer.schema)
        }
    }

    // MARK: Parts

    private func withTable(
        _ place: MySQLPlace, arguments: [String] = ["--log-bin=log", "--server-id=7"],
        _ body: (MySQLServer, MySQLDriver, Context) async throws -> Void
    ) async throws {
        try await MySQLServer.running(place, arguments: arguments) { server in
            try await server.root(
                """
                CREATE TABLE t (a INT);
                INSERT INTO t VALUES (1);
                CREATE USER \(Self.application)@localhost IDENTIFIED BY 'a';
                GRANT ALL ON \(MySQLServer.quoted).* TO \(Self.application)@localhost;
                """, schema: MySQLServer.schema)
            try await body(server, try server.driver(), server.context())
        }
    }

    private func raised(_ driver: MySQLDriver, _ context: Context) async throws -> Position {
        guard
            case .fenceRaised(let position) = try await driver.perform(.raiseFence, in: context)
        else { throw MySQLShell.Odd() }
        return position
    }
}
