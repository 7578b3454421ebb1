import Digests
import DockerEngine
import Drivers
import Foundation
import Glibc
import Synchronization
import Testing
import UpgradeMachine

/// What a Pawl that was killed leaves running in and around real servers.
@Suite(.needsMariaDB, .serialized, .timeLimit(.minutes(10)))
struct MySQLLeftoverTests {
    @Test(
        "A restore that was killed is ended, seen as torn, and done again",
        arguments: MySQLPlace.available)
    func restore(place: MySQLPlace) async throws {
        try await MySQLServer.running(place) { server in
            try await server.root(
                MySQLSchemas.filler(rows: 60_000), schema: MySQLServer.schema)
            let (driver, context) = (try server.driver(), server.context())
            let saved = try await driver.perform(.saveData(name: "b"), in: context)
            guard case .dataSaved(let backup?) = saved else { throw MySQLShell.Odd() }
            let (settings, backups) = (try server.settings(), server.directory.path("backups"))
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [
                    settings = settings as MySQLDatabase, backups = backups as String,
                    backup = backup as Backup
                ] in
                let driver = try MySQLServer.driver(settings)
                let context = MySQLServer.context(backups: backups) { progress in
                    // In the middle of the load: the schema has been dropped by then.
                    if case .bytes = progress { kill(getpid(), SIGKILL) }
                }
                _ = try await driver.perform(.restoreData(from: backup), in: context)
            }
            let effect = Effect.restoreData(from: backup)
            try await driver.endLeftovers(of: effect, in: context)
            try await driver.endLeftovers(of: effect, in: context)
            #expect(try await isLocked(server) == "0")
            guard case .torn = try await driver.observe(effect, in: context) else {
                Issue.record("half a restore passes for a whole one")
                return
            }
            try await driver.clear(effect, in: context)
            let receipt = try await driver.perform(effect, in: context)
            #expect(receipt == .dataRestored(fingerprint: backup.fingerprint))
            #expect(try await driver.observe(effect, in: context) == .present(receipt))
        }
    }

    /// As after a boot, when the engine has just begun to start it.
    @Test("A server that is being started is waited for")
    func startedLate() async throws {
        try #require(MySQLPlace.available.contains(.container))
        try await MySQLServer.running(.container) { server in
            let engine = try MySQLServer.engine()
            try await engine.stopContainer(server.name, grace: .seconds(10))
            let waits = Mutex(false)
            let driver = try server.driver()
            let context = server.context { progress in
                if case .note = progress { waits.withLock { $0 = true } }
            }
            let look = Task { () throws -> Observation in
                try await driver.endLeftovers(of: .raiseFence, in: context)
                return try await driver.observe(.raiseFence, in: context)
            }
            try await MySQLShell.eventually { waits.withLock { $0 } }
            try await engine.startContainer(server.name)
            #expect(try await look.value == .absent)
        }
    }

    @Test("A schema that was dropped and not made again is torn", arguments: MySQLPlace.available)
    func dropped(place: MySQLPlace) async throws {
        try await MySQLServer.running(place) { server in
            try await server.root("CREATE TABLE t (a INT);", schema: MySQLServer.schema)
            let (driver, context) = (try server.driver(), server.context())
            let saved = try await driver.perform(.saveData(name: "b"), in: context)
            guard case .dataSaved(let backup?) = saved else { throw MySQLShell.Odd() }
            try await server.root("DROP DATABASE \(MySQLServer.quoted);")
            let effect = Effect.restoreData(from: backup)
            guard case .torn = try await driver.observe(effect, in: context) else {
                Issue.record("no schema passes for a restored one")
                return
            }
            let receipt = try await driver.perform(effect, in: context)
            #expect(receipt == .dataRestored(fingerprint: backup.fingerprint))
        }
    }

    @Test("A dump that was killed leaves no file that passes", arguments: MySQLPlace.available)
    func dump(place: MySQLPlace) async throws {
        try await MySQLServer.running(place) { server in
            try await server.root(
                MySQLSchemas.filler(rows: 60_000), schema: MySQLServer.schema)
            let (settings, backups) = (try server.settings(), server.directory.path("backups"))
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [settings = settings as MySQLDatabase, backups = backups as String] in
                let driver = try MySQLServer.driver(settings)
                let context = MySQLServer.context(backups: backups) { progress in
                    if case .bytes = progress { kill(getpid(), SIGKILL) }
                }
                _ = try await driver.perform(.saveData(name: "b"), in: context)
            }
            let (driver, context) = (try server.driver(), server.context())
            let effect = Effect.saveData(name: "b")
            #expect(try server.backups() == ["b.sql.zst.partial"])
            try await driver.endLeftovers(of: effect, in: context)
            guard case .torn = try await driver.observe(effect, in: context) else {
                Issue.record("half a dump passes for none, or for a whole one")
                return
            }
            try await driver.clear(effect, in: context)
            #expect(try await driver.observe(effect, in: context) == .absent)
            let receipt = try await driver.perform(effect, in: context)
            #expect(try await driver.observe(effect, in: context) == .present(receipt))
        }
    }

    @Test("Tagged processes and locked sessions go, others stay", arguments: MySQLPlace.available)
    func tagged(place: MySQLPlace) async throws {
        try await MySQLServer.running(place) { server in
            try await server.root("CREATE TABLE t (a INT);", schema: MySQLServer.schema)
            let (driver, context) = (try server.driver(), server.context())
            let saved = try await driver.perform(.saveData(name: "b"), in: context)
            guard case .dataSaved(let backup?) = saved else { throw MySQLShell.Odd() }
            // Of another step, whose tag begins alike.
            async let other = server.sleeper(tag: "\(server.upgrade)/restoreData2")
            async let sleeper = server.sleeper(tag: "\(server.upgrade)/restoreData")
            async let session = server.tryAsRoot(
                "SELECT GET_LOCK('\(Self.restoreLock)', 1), SLEEP(60);")
            do {
                try await MySQLShell.eventually {
                    let found = try await sleepers(server).split(separator: "\n").count
                    let locked = try await isLocked(server)
                    return found == 2 && locked == "1"
                }
                try await driver.endLeftovers(of: .restoreData(from: backup), in: context)
                #expect(try await isLocked(server) == "0")
                #expect(try await sleepers(server) == "\(server.upgrade)/restoreData2")
            } catch {
                Issue.record(error)
            }
            try await server.endSleepers()
            #expect(try await sleeper != 0)
            _ = try await (session, other)
        }
    }

    // MARK: Parts

    /// The name that the driver gives it: a digest of instance and schema.
    private static let restoreLock = "pawl/restore/" + MySQLLock.digest

    /// Whether a session of a restore is there: it has the lock until its very end.
    private func isLocked(_ server: MySQLServer) async throws -> String {
        try await server.root("SELECT IS_USED_LOCK('\(Self.restoreLock)') IS NOT NULL;")
    }

    private func sleepers(_ server: MySQLServer) async throws -> String {
        try await server.eachSleeper(
            #"tr '\0' '\n' <"$d/environ" | sed -n 's/^PAWL_STEP=//p'"#)
    }
}

enum MySQLLock {
    /// What sessions of PostgreSQL are called, by the same digest.
    static func name(of database: String, _ step: String) -> String {
        "pawl/\(SHA256.hash(Array("board\u{0}\(database)".utf8)).hex.prefix(24))/\(step)"
    }

    static let digest = String(
        SHA256.hash(Array("board\u{0}\(MySQLServer.schema)".utf8)).hex.prefix(24))
}

extension MySQLServer {
    private static let seconds = "4321"

    /// A process with a tag that heeds neither the end of its input nor SIGTERM.
    func sleeper(tag: String) async throws -> Int {
        let command = ["sh", "-c", "trap '' TERM; exec sleep \(Self.seconds)"]
        switch place {
        case .container:
            return try await Self.engine().runExec(
                in: name, ExecCommand(command, environment: ["PAWL_STEP": tag]),
                limits: ExecLimits(whole: .seconds(60))
            ).exitCode
        case .host:
            return try await MySQLShell.output(
                arguments: command, environment: ["PAWL_STEP": tag, "PAWL_TEST": name]
            ).status
        }
    }

    func eachSleeper(_ act: String) async throws -> String {
        let mark = place == .host ? "PAWL_TEST=\(name)" : "PAWL_STEP="
        return try await shell(
            """
            exec 2>/dev/null
            for d in /proc/[0-9]*; do
              read -r name <"$d/comm" && [ "$name" = sleep ] || continue
              tr '\\0' '\\n' <"$d/environ" | grep -q '^\(mark)' && { \(act); }
            done
            """
        ).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func endSleepers() async throws {
        _ = try await eachSleeper(#"kill -9 "${d#/proc/}""#)
    }
}
