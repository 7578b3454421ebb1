import Drivers
import Foundation
import Glibc
import Testing
import UpgradeMachine

/// The fence on real servers: who is stopped by it, who is not, and what becomes of it.
@Suite(.needsPostgreSQL, .serialized, .timeLimit(.minutes(10)))
struct PostgreSQLFenceTests {
    private static let insert = "SET lock_timeout = '1s'; INSERT INTO t VALUES (2);"

    @Test(
        "Nobody writes behind it, who reads goes on, and lifting proves so",
        arguments: PostgreSQLPlace.available)
    func fence(place: PostgreSQLPlace) async throws {
        try await withTable(place) { server, driver, context in
            #expect(try await driver.observe(.raiseFence, in: context) == .absent)
            let position = try await raised(driver, context)
            #expect(position.text.hasPrefix("content:"))
            #expect(try await raised(driver, context) == position)
            let observed = try await driver.observe(.raiseFence, in: context)
            #expect(observed == .present(.fenceRaised(position: position)))

            for statement in Self.writes {
                let writer = try await server.tryAsRoot("SET lock_timeout = '1s'; \(statement);")
                #expect(writer.status != 0 && writer.output.contains("55P03"), "\(statement)")
            }
            let application = try await server.execute(
                "SET default_transaction_read_only = off; \(Self.insert)", user: "application",
                password: "a")
            #expect(application.status != 0 && application.output.contains("55P03"))
            #expect(try await server.root("SELECT a FROM t;") == "1")
            #expect(try await driver.position(in: context) == position)

            let lift = Effect.liftFence(proving: position)
            #expect(try await driver.observe(lift, in: context) == .absent)
            #expect(try await driver.perform(lift, in: context) == .fenceLifted)
            #expect(try await driver.perform(lift, in: context) == .fenceLifted)
            #expect(try await driver.observe(lift, in: context) == .present(.fenceLifted))
            try await server.root(Self.insert)
            let failure = await MySQLShell.failure { try await driver.perform(lift, in: context) }
            #expect(failure?.code == "fence-broken" && failure?.isPermanent == true)
            #expect(failure?.message.contains(position.text) == true)
        }
    }

    private static let writes = [
        "INSERT INTO t VALUES (2)", "TRUNCATE t", "DROP TABLE t", "ALTER TABLE t ADD b int",
        "SELECT * FROM t FOR UPDATE", "INSERT INTO parted VALUES (1)",
        "SELECT lo_from_bytea(0, '\\x01')", "SELECT lo_unlink(4711)",
    ]

    @Test("What no lock can stop is seen by the proof", arguments: PostgreSQLPlace.available)
    func passing(place: PostgreSQLPlace) async throws {
        try await withTable(place) { server, driver, context in
            let position = try await raised(driver, context)
            // Values of a sequence are no data; an application may take some before it waits.
            try await server.root("SELECT nextval('s');")
            #expect(try await driver.position(in: context) == position)
            try await server.root("SELECT lo_put(4711, 0, '\\x01');")
            #expect(try await driver.position(in: context) != position)
            try await server.root("SELECT lo_put(4711, 0, '\\x00');")
            #expect(try await driver.position(in: context) == position)
            try await server.root("CREATE TABLE another (a int); INSERT INTO another VALUES (1);")
            #expect(try await driver.position(in: context) != position)
            let failure = await MySQLShell.failure {
                try await driver.perform(.liftFence(proving: position), in: context)
            }
            #expect(failure?.code == "fence-broken")
            #expect(
                try await driver.perform(.liftFence(proving: nil), in: context) == .fenceLifted)
        }
    }

    @Test("A session that is killed is noticed", arguments: PostgreSQLPlace.available)
    func lost(place: PostgreSQLPlace) async throws {
        try await withTable(place) { server, driver, context in
            _ = try await raised(driver, context)
            let killed = try await server.root(
                """
                SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                  WHERE application_name LIKE 'pawl/%/fence';
                """)
            #expect(killed == "1")
            #expect(try await driver.observe(.raiseFence, in: context) == .absent)
            let backup = Effect.backUp(name: "b")
            let failure = await MySQLShell.failure { try await driver.perform(backup, in: context) }
            #expect(failure?.code == "fence-lost" && failure?.isPermanent == false)
            #expect(try await driver.observe(backup, in: context) == .absent)
            try await server.root(Self.insert)
            _ = try await raised(driver, context)
            try await driver.clear(.raiseFence, in: context)
            try await server.root(Self.insert)
        }
    }

    @Test(
        "A transaction that runs long is named, not waited for",
        arguments: PostgreSQLPlace.available)
    func busy(place: PostgreSQLPlace) async throws {
        try await withTable(place) { server, driver, context in
            async let long = server.tryAsRoot(
                "BEGIN; UPDATE t SET a = 3; SELECT pg_sleep(20); COMMIT;")
            try await MySQLShell.eventually {
                try await server.root(
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep';") == "1"
            }
            let failure = await MySQLShell.failure {
                try await driver.perform(.raiseFence, in: context)
            }
            #expect(failure?.code == "fence-busy")
            #expect(failure?.message.contains(" of postgres, active, for") == true)
            #expect(failure?.message.contains("sleep") == false)
            // What it left is nothing: others write on, although the long one still runs.
            try await server.root("INSERT INTO parted VALUES (1);")
            #expect(try await driver.observe(.raiseFence, in: context) == .absent)
            _ = try await long
        }
    }

    /// With the other order of locks it would be a deadlock, which the fence must lose.
    @Test("A transaction that wants more tables ends before the fence stands")
    func crossing() async throws {
        let place = try #require(PostgreSQLPlace.available.first)
        try await withTable(place) { server, driver, context in
            async let crossing = server.tryAsRoot(
                """
                BEGIN; INSERT INTO parted VALUES (1); SELECT pg_sleep(2);
                INSERT INTO t VALUES (5); COMMIT;
                """)
            try await MySQLShell.eventually {
                try await server.root(
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep';") == "1"
            }
            _ = try await raised(driver, context)
            #expect(try await crossing.status == 0)
            #expect(try await server.root("SELECT count(*) FROM t WHERE a = 5;") == "1")
        }
    }

    @Test("Who waits to write is ended before the lift", arguments: PostgreSQLPlace.available)
    func waiting(place: PostgreSQLPlace) async throws {
        try await withTable(place) { server, driver, context in
            let position = try await raised(driver, context)
            async let writer = server.tryAsRoot("INSERT INTO t VALUES (9);")
            async let behind = server.tryAsRoot("LOCK TABLE t; INSERT INTO t VALUES (10);")
            try await MySQLShell.eventually {
                try await server.root(
                    """
                    SELECT count(*) FROM pg_stat_activity
                      WHERE wait_event_type = 'Lock' AND application_name = 'test';
                    """) >= "1"
            }
            let lift = Effect.liftFence(proving: position)
            #expect(try await driver.perform(lift, in: context) == .fenceLifted)
            #expect(try await writer.status != 0)
            #expect(try await behind.status != 0)
            #expect(try await server.root("SELECT a FROM t;") == "1")
        }
    }

    @Test("What a dead Pawl's fence left is found and ended", arguments: PostgreSQLPlace.available)
    func dead(place: PostgreSQLPlace) async throws {
        try await withTable(place) { server, driver, context in
            let (settings, backups) = (try server.settings(), server.directory.path("backups"))
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [settings = settings as PostgreSQLDatabase, backups = backups as String] in
                let driver = try PostgreSQLServer.driver(settings)
                let context = MySQLServer.context(backups: backups)
                _ = try await driver.perform(.raiseFence, in: context)
                kill(getpid(), SIGKILL)
            }
            try await driver.endLeftovers(of: .raiseFence, in: context)
            #expect(try await driver.observe(.raiseFence, in: context) == .absent)
            try await server.root(Self.insert)
            let position = try await raised(driver, context)
            // The fence of this process is no leftover.
            try await driver.endLeftovers(of: .raiseFence, in: context)
            let observed = try await driver.observe(.raiseFence, in: context)
            #expect(observed == .present(.fenceRaised(position: position)))
            let second = try server.driver()
            guard case .torn = try await second.observe(.raiseFence, in: context) else {
                Issue.record("another's fence is not seen")
                return
            }
            #expect(
                try await second.perform(.liftFence(proving: position), in: context) == .fenceLifted
            )
            try await server.root(Self.insert)
        }
    }

    // MARK: Parts

    private func withTable(
        _ place: PostgreSQLPlace,
        _ body: (PostgreSQLServer, PostgreSQLDriver, Context) async throws -> Void
    ) async throws {
        try await PostgreSQLServer.running(place) { server in
            try await server.root(
                """
                CREATE TABLE t (a int); INSERT INTO t VALUES (1); CREATE SEQUENCE s;
                CREATE TABLE parted (a int) PARTITION BY LIST (a);
                CREATE TABLE part PARTITION OF parted DEFAULT;
                SELECT lo_from_bytea(4711, '\\x00');
                CREATE ROLE application LOGIN PASSWORD 'a'; GRANT ALL ON t TO application;
                """)
            try await body(server, try server.driver(), server.context())
        }
    }

    private func raised(_ driver: PostgreSQLDriver, _ context: Context) async throws -> Position {
        guard
            case .fenceRaised(let position) = try await driver.perform(.raiseFence, in: context)
        else { throw MySQLShell.Odd() }
        return position
    }
}
