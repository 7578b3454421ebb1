import DockerEngine
import Drivers
import Foundation
import Glibc
import Testing
import UpgradeMachine

/// Backups that go wrong on real servers: none may pass for one.
@Suite(.needsPostgreSQL, .serialized, .timeLimit(.minutes(10)))
struct PostgreSQLBackupTests {
    private static let backup = Effect.saveData(name: "b")

    @Test("A dump that is killed half-way is no backup", arguments: PostgreSQLPlace.available)
    func killed(place: PostgreSQLPlace) async throws {
        try await broken(place, code: "database-tool-ended") { server in
            let script = Self.eachDump(server, #"kill -9 "${d#/proc/}""#)
            // Not waited for: see the same test of MySQL's.
            Task { try await server.shell(script) }
            try await MySQLShell.eventually { try await !Self.dumps(server) }
        }
    }

    /// At moments of chance, from before its first byte to behind its last one.
    @Test(
        "A dump that is killed at any moment leaves no file that passes",
        arguments: PostgreSQLPlace.available)
    func killedAnywhere(place: PostgreSQLPlace) async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = Seeded(state: seed)
        try await PostgreSQLServer.running(place) { server in
            try await server.root(PostgreSQLSchemas.filler(rows: 20_000))
            let (driver, context) = (try server.driver(), server.context())
            let start = ContinuousClock.now
            _ = try await driver.perform(.saveData(name: "whole"), in: context)
            let usual = (ContinuousClock.now - start) / .milliseconds(1)
            var failures = 0
            for round in 0..<30 {
                let effect = Effect.saveData(name: "b\(round)")
                let moment = Int.random(in: 0...Int(usual), using: &generator)
                let kill = Task {
                    try await Task.sleep(for: .milliseconds(moment))
                    _ = try await server.shell(
                        Self.eachDump(server, #"kill -9 "${d#/proc/}""#))
                }
                let result = await Result { try await driver.perform(effect, in: context) }
                _ = await kill.result
                let seen = try await driver.observe(effect, in: context)
                switch result {
                case .success(let receipt):
                    #expect(seen == .present(receipt), "seed \(seed), round \(round)")
                    guard case .dataSaved(let backup?) = receipt else { throw MySQLShell.Odd() }
                    let fingerprint = try await driver.fingerprint(in: context)
                    #expect(backup.fingerprint == fingerprint, "seed \(seed), round \(round)")
                case .failure:
                    failures += 1
                    #expect(seen == .absent, "seed \(seed), round \(round)")
                }
            }
            #expect(failures > 0, "seed \(seed): none was hit")
        }
    }

    @Test(
        "A dump that is cut short is no backup, whatever its exit status",
        arguments: PostgreSQLPlace.available.filter { $0 == .container })
    func cutShort(place: PostgreSQLPlace) async throws {
        try await PostgreSQLServer.running(place) { server in
            try await server.root(PostgreSQLSchemas.filler(rows: 3000))
            _ = try await server.shell(
                """
                cd /usr/bin && mv pg_dump whole-dump
                printf '#!/bin/sh\\nwhole-dump "$@" | head -c 1000000\\n' >pg_dump
                chmod 755 pg_dump
                """)
            let (driver, context) = (try server.driver(), server.context())
            let failure = await MySQLShell.failure {
                try await driver.perform(Self.backup, in: context)
            }
            #expect(failure?.code == "dump-incomplete", "\(String(describing: failure))")
            #expect(try server.backups() == [])
        }
    }

    @Test("A connection that is cut ends the backup", arguments: PostgreSQLPlace.available)
    func cut(place: PostgreSQLPlace) async throws {
        try await broken(place, code: "database-connection-lost") { server in
            let ended = try await server.root(
                """
                SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                  WHERE query LIKE 'COPY public.filler%';
                """)
            #expect(ended == "1")
        }
    }

    @Test("A request to stop ends the dump where it runs", arguments: PostgreSQLPlace.available)
    func stopped(place: PostgreSQLPlace) async throws {
        try await PostgreSQLServer.running(place) { server in
            try await server.root(PostgreSQLSchemas.filler(rows: 60_000))
            let gate = Gate()
            let (driver, context) = (try server.driver(), server.context(report: gate.report))
            let task = Task { try await driver.perform(Self.backup, in: context) }
            try await MySQLShell.eventually { gate.isReached }
            task.cancel()
            gate.open()
            let failure = await MySQLShell.failure { try await task.value }
            #expect(failure?.code == "interrupted")
            #expect(try await server.shell(Self.eachDump(server, #"echo "$d""#)) == "")
            #expect(try server.backups() == [])
        }
    }

    @Test(
        "No password among arguments, or in this host's environments",
        arguments: PostgreSQLPlace.available)
    func secrecy(place: PostgreSQLPlace) async throws {
        try await PostgreSQLServer.running(place) { server in
            try await server.root(PostgreSQLSchemas.filler(rows: 60_000))
            let gate = Gate()
            let (driver, context) = (try server.driver(), server.context(report: gate.report))
            async let receipt = driver.perform(Self.backup, in: context)
            try await MySQLShell.eventually { gate.isReached }
            let arguments = try await server.shell(
                Self.eachDump(server, #"tr '\0' '\n' <"$d/cmdline""#))
            #expect(arguments.contains("--format=custom"))
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

    @Test("A full disk is said, and leaves nothing", arguments: PostgreSQLPlace.available)
    func full(place: PostgreSQLPlace) async throws {
        try await PostgreSQLServer.running(place) { server in
            try await server.root(PostgreSQLSchemas.filler(rows: 60_000))
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
        "Without a fence dump and fingerprint are of one moment",
        arguments: PostgreSQLPlace.available)
    func unfenced(place: PostgreSQLPlace) async throws {
        try await PostgreSQLServer.running(place) { server in
            try await server.root(PostgreSQLSchemas.filler(rows: 30_000))
            let gate = Gate()
            let driver = try server.driver()
            let context = server.context(fence: .none, report: gate.report)
            let position = try await driver.position(in: context)
            async let receipt = driver.perform(.backUp(name: "b"), in: context)
            try await MySQLShell.eventually { gate.isReached }
            try await server.root(
                "DELETE FROM filler WHERE id <= 7; CREATE TABLE late (a int);")
            gate.open()
            guard case .backedUp(let backup) = try await receipt else { throw MySQLShell.Odd() }
            #expect(backup.fingerprint.isExact)
            #expect(backup.fingerprint.rows == 30_000)
            #expect(backup.position == position)
            #expect(try await driver.position(in: context) != position)
            let restored = try await driver.perform(.restoreData(from: backup), in: context)
            #expect(restored == .dataRestored(fingerprint: backup.fingerprint))
            #expect(try await driver.position(in: context) == position)
        }
    }

    @Test("Under the fence a backup is made once", arguments: PostgreSQLPlace.available)
    func fenced(place: PostgreSQLPlace) async throws {
        try await PostgreSQLServer.running(place) { server in
            try await server.root(PostgreSQLSchemas.filler(rows: 3000))
            let (driver, context) = (try server.driver(), server.context())
            let raised = try await driver.perform(.raiseFence, in: context)
            let effect = Effect.backUp(name: "b")
            #expect(try await driver.observe(effect, in: context) == .absent)
            let receipt = try await driver.perform(effect, in: context)
            guard case .backedUp(let backup) = receipt, let position = backup.position else {
                throw MySQLShell.Odd()
            }
            #expect(raised == .fenceRaised(position: position))
            #expect(try await driver.fingerprint(in: context) == backup.fingerprint)
            #expect(try await driver.observe(effect, in: context) == .present(receipt))
            #expect(try await driver.perform(effect, in: context) == receipt)
            try await driver.clear(effect, in: context)
            #expect(try await driver.observe(effect, in: context) == .present(receipt))
            #expect(try server.backups() == ["b.manifest.json", "b.pgdump.zst"])
        }
    }

    // MARK: Parts

    /// Breaks a dump while it is under way, and sees that the next one is whole.
    private func broken(
        _ place: PostgreSQLPlace, code: String, _ act: (PostgreSQLServer) async throws -> Void
    ) async throws {
        try await PostgreSQLServer.running(place) { server in
            try await server.root(PostgreSQLSchemas.filler(rows: 60_000))
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

    /// Whether a dump of this server runs, as seen from outside of a container.
    private static func dumps(_ server: PostgreSQLServer) async throws -> Bool {
        guard server.place == .container else {
            return try await server.shell(eachDump(server, #"echo "$d""#)) != ""
        }
        let processes = try await MySQLServer.engine().topContainer(server.name)
        return processes.rows.joined().contains { $0.contains("pg_dump") }
    }

    /// A script that does something with each dump of this server's, whose directory is `$d`.
    private static func eachDump(_ server: PostgreSQLServer, _ act: String) -> String {
        let mark = server.place == .host ? server.directory.root : "format=custom"
        return """
            exec 2>/dev/null
            for d in /proc/[0-9]*; do
              read -r name <"$d/comm" && [ "$name" = pg_dump ] || continue
              case "$(tr '\\0' ' ' <"$d/cmdline")" in *\(mark)*) \(act);; esac
            done
            """
    }
}

/// Numbers that a seed repeats (SplitMix64, Steele and others, 2014).
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}
