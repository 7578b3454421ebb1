import DockerEngine
import Drivers
import Foundation
import Synchronization
import Testing
import UpgradeMachine

/// Backups that go wrong on real servers: none may pass for one.
@Suite(.needsMariaDB, .serialized, .timeLimit(.minutes(10)))
struct MySQLBackupTests {
    private static let backup = Effect.saveData(name: "b")

    @Test("A dump that is killed half-way is no backup", arguments: MySQLPlace.available)
    func killed(place: MySQLPlace) async throws {
        try await broken(place, code: "database-tool-ended") { server in
            // Not waited for: the engine tells of no end in a container while a stream of a command
            // that has ended there is not read, and the gate holds that one up.
            let script = Self.eachDump(server, #"kill -9 "${d#/proc/}""#)
            Task { try await server.shell(script) }
            try await MySQLShell.eventually { try await !server.dumps() }
        }
    }

    @Test(
        "A dump without its footer is no backup, whatever its exit status",
        arguments: MySQLPlace.available.filter { $0 == .container })
    func cutShort(place: MySQLPlace) async throws {
        try await MySQLServer.running(place) { server in
            try await server.root(MySQLSchemas.filler(rows: 3000), schema: MySQLServer.schema)
            _ = try await server.shell(
                """
                cd /usr/bin && mv mariadb-dump whole-dump
                printf '#!/bin/sh\\nwhole-dump "$@" | head -c 1000000\\n' >mariadb-dump
                chmod 755 mariadb-dump
                """)
            let (driver, context) = (try server.driver(), server.context())
            let failure = await MySQLShell.failure {
                try await driver.perform(Self.backup, in: context)
            }
            #expect(failure?.code == "dump-incomplete", "\(String(describing: failure))")
            #expect(try server.backups() == [])
        }
    }

    @Test("A connection that is cut ends the backup", arguments: MySQLPlace.available)
    func cut(place: MySQLPlace) async throws {
        try await broken(place, code: "database-connection-lost") { server in
            try await server.root(
                """
                SELECT CONCAT('KILL ', ID, ';') INTO @kill FROM information_schema.PROCESSLIST
                  WHERE INFO LIKE 'SELECT %`filler`%' AND ID <> CONNECTION_ID();
                EXECUTE IMMEDIATE @kill;
                """)
        }
    }

    @Test("A request to stop ends the dump where it runs", arguments: MySQLPlace.available)
    func stopped(place: MySQLPlace) async throws {
        try await MySQLServer.running(place) { server in
            try await server.root(
                MySQLSchemas.filler(rows: 60_000), schema: MySQLServer.schema)
            let gate = Gate()
            let (driver, context) = (try server.driver(), server.context(report: gate.report))
            let task = Task { try await driver.perform(Self.backup, in: context) }
            try await MySQLShell.eventually { gate.isReached }
            task.cancel()
            gate.open()
            let asked = ContinuousClock.now
            let failure = await MySQLShell.failure { try await task.value }
            #expect(failure?.code == "interrupted")
            #expect(ContinuousClock.now - asked < .seconds(3))
            #expect(try await server.shell(Self.eachDump(server, #"echo "$d""#)) == "")
            #expect(try server.backups() == [])
        }
    }

    @Test(
        "No password among arguments, or in this host's environments",
        arguments: MySQLPlace.available)
    func secrecy(place: MySQLPlace) async throws {
        try await MySQLServer.running(place) { server in
            try await server.root(
                MySQLSchemas.filler(rows: 60_000), schema: MySQLServer.schema)
            let gate = Gate()
            let (driver, context) = (try server.driver(), server.context(report: gate.report))
            async let receipt = driver.perform(Self.backup, in: context)
            try await MySQLShell.eventually { gate.isReached }
            let arguments = try await server.shell(
                Self.eachDump(server, #"tr '\0' '\n' <"$d/cmdline""#))
            #expect(arguments.contains("--single-transaction"))
            #expect(!arguments.contains("r00t"))
            if place == .host {
                let environment = try await server.shell(
                    Self.eachDump(server, #"tr '\0' '\n' <"$d/environ""#))
                #expect(environment.contains("PAWL_STEP=\(server.upgrade)/saveData"))
                #expect(!environment.contains("r00t"))
            }
            gate.open()
            _ = try await receipt
        }
    }

    @Test("A full disk is said, and leaves nothing", arguments: MySQLPlace.available)
    func full(place: MySQLPlace) async throws {
        try await MySQLServer.running(place) { server in
            try await server.root(
                MySQLSchemas.filler(rows: 60_000), schema: MySQLServer.schema)
            let backups = server.directory.path("backups")
            try FileManager.default.createDirectory(
                atPath: backups, withIntermediateDirectories: true)
            try await MySQLShell.run("mount", "-t", "tmpfs", "-o", "size=256k", "none", backups)
            let (driver, context) = (try server.driver(), server.context())
            let failure = await MySQLShell.failure {
                try await driver.perform(Self.backup, in: context)
            }
            let left = try server.backups()
            try await MySQLShell.run("umount", backups)
            #expect(failure?.code == "disk-full" && failure?.isPermanent == true)
            #expect(left == [])
        }
    }

    @Test(
        "Without a fence writing goes on, and a restore compares definitions alone",
        arguments: MySQLPlace.available)
    func unfenced(place: MySQLPlace) async throws {
        try await MySQLServer.running(place) { server in
            try await server.root(
                MySQLSchemas.filler(rows: 30_000), schema: MySQLServer.schema)
            let gate = Gate()
            let driver = try server.driver()
            let context = server.context(fence: .none, report: gate.report)
            let position = try await driver.position(in: context)
            async let receipt = driver.perform(.backUp(name: "b"), in: context)
            try await MySQLShell.eventually { gate.isReached }
            try await server.root("DELETE FROM filler LIMIT 7;", schema: MySQLServer.schema)
            gate.open()
            guard case .backedUp(let backup) = try await receipt else { throw MySQLShell.Odd() }
            #expect(!backup.fingerprint.isExact)
            #expect(backup.fingerprint.rows == 29_993)
            #expect(backup.position == position)
            let restored = try await driver.perform(.restoreData(from: backup), in: context)
            guard case .dataRestored(let fingerprint) = restored else { throw MySQLShell.Odd() }
            #expect(fingerprint.rows == 30_000)
        }
    }

    @Test("Under the fence a backup is exact, and made once", arguments: MySQLPlace.available)
    func fenced(place: MySQLPlace) async throws {
        try await MySQLServer.running(place) { server in
            try await server.root(MySQLSchemas.filler(rows: 3000), schema: MySQLServer.schema)
            let (driver, context) = (try server.driver(), server.context())
            _ = try await driver.perform(.raiseFence, in: context)
            let effect = Effect.backUp(name: "b")
            #expect(try await driver.observe(effect, in: context) == .absent)
            let receipt = try await driver.perform(effect, in: context)
            guard case .backedUp(let backup) = receipt else { throw MySQLShell.Odd() }
            #expect(backup.fingerprint.isExact)
            #expect(backup.position == (try await driver.position(in: context)))
            #expect(try await driver.fingerprint(in: context) == backup.fingerprint)
            #expect(try await driver.observe(effect, in: context) == .present(receipt))
            #expect(try await driver.perform(effect, in: context) == receipt)
            try await driver.clear(effect, in: context)
            #expect(try await driver.observe(effect, in: context) == .present(receipt))
        }
    }

    // MARK: Parts

    /// Breaks a dump while it is under way, and sees that the next one is whole.
    private func broken(
        _ place: MySQLPlace, code: String, _ act: (MySQLServer) async throws -> Void
    ) async throws {
        try await MySQLServer.running(place) { server in
            try await server.root(
                MySQLSchemas.filler(rows: 60_000), schema: MySQLServer.schema)
            let gate = Gate()
            let (driver, context) = (try server.driver(), server.context(report: gate.report))
            async let failure = MySQLShell.failure {
                try await driver.perform(Self.backup, in: context)
            }
            try await MySQLShell.eventually { gate.isReached }
            try await act(server)
            gate.open()
            let seen = await failure
            #expect(seen?.code == code, "\(String(describing: seen))")
            #expect(try server.backups() == [])
            #expect(try await driver.observe(Self.backup, in: context) == .absent)
            let receipt = try await driver.perform(Self.backup, in: context)
            #expect(try await driver.observe(Self.backup, in: context) == .present(receipt))
        }
    }

    /// A script that does something with each dump of this server's, whose directory is `$d`.
    private static func eachDump(_ server: MySQLServer, _ act: String) -> String {
        let mark = server.place == .host ? server.directory.root : "single-transaction"
        return """
            exec 2>/dev/null
            for d in /proc/[0-9]*; do
              read -r name <"$d/comm" && [ "$name" = mariadb-dump ] || continue
              case "$(tr '\\0' ' ' <"$d/cmdline")" in *\(mark)*) \(act);; esac
            done
            """
    }
}

/// Holds a step up at its first bytes, until the test has done what it wants to do meanwhile.
final class Gate: Sendable {
    private let reached = Mutex(false)
    private let opened = DispatchSemaphore(value: 0)

    var isReached: Bool { reached.withLock { $0 } }

    @Sendable func report(_ progress: UpgradeMachine.Progress) {
        guard case .bytes = progress else { return }
        let isFirst = reached.withLock { reached in
            defer { reached = true }
            return !reached
        }
        if isFirst { _ = opened.wait(timeout: .now() + 60) }
    }

    func open() { opened.signal() }
}

extension MySQLServer {
    /// Whether a dump of this server runs, as seen from outside of a container.
    func dumps() async throws -> Bool {
        guard place == .container else {
            let found = try await MySQLShell.output(
                "pgrep", "-f", "mariadb-dump .*\(directory.root)")
            return found.status == 0
        }
        let processes = try await Self.engine().topContainer(name)
        return processes.rows.joined().contains { $0.contains("mariadb-dump") }
    }

    /// What is in the backups' directory.
    func backups() throws -> [String] {
        let path = directory.path("backups")
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }
}
