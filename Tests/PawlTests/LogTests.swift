import EventLog
import Foundation
import GRDB
import Testing
import UpgradeMachine

/// What the commands that read say of a log, whole and altered.
@Suite(.enabled(if: hasPython, "the sample application is in Python"))
struct LogTests {
    @Test func jsonOfEveryCommand() throws {
        let world = try Installation()
        #expect(
            try world.pawl("upgrade", "2.0.1", "--json").document()["verdict"] as? String
                == "rolledBack")
        let shapes: [(command: String, format: String, code: Int32)] = [
            ("check", "pawl.plan/1", 0), ("check 2.0.0", "pawl.plan/1", 0),
            ("check 9.9.9", "pawl.error/1", 12), ("plan 2.0.0", "pawl.plan/1", 0),
            ("upgrade 2.0.0 --dry-run", "pawl.plan/1", 0), ("upgrade 9.9.9", "pawl.error/1", 12),
            ("status", "pawl.status/1", 0), ("status --all", "pawl.status/1", 0),
            ("resume", "pawl.upgrade/1", 10), ("resume --all", "pawl.resumes/1", 0),
            ("rollback --reason x", "pawl.upgrade/1", 10),
            ("settle stop --as done --reason x", "pawl.error/1", 12),
            ("verify", "pawl.verify/1", 0), ("timeline", "pawl.upgrade/1", 0),
            ("timeline nope", "pawl.error/1", 64), ("log nope", "pawl.error/1", 64),
            ("replay", "pawl.replay/1", 0), ("check -i nope", "pawl.error/1", 64),
        ]
        for shape in shapes {
            let words = shape.command.split(separator: " ").map(String.init)
            let end = try Pawl.run(words + ["--json"], in: world.directory.path)
            #expect(end.code == shape.code, "\(shape.command): \(end.errors)")
            #expect(try end.document()["format"] as? String == shape.format, "\(shape.command)")
        }
        let log = try world.pawl("log", "--json").output.split(separator: "\n")
        #expect(log.count == (try world.pawl("log").output.split(separator: "\n").count))
        for (index, line) in log.enumerated() {
            let event = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            #expect(event?["seq"] as? Int == index + 1)
        }
    }

    @Test func oneAlteredDecisionIsNamed() throws {
        let world = try Installation()
        #expect(try world.pawl("upgrade", "2.0.0").code == 0)
        #expect(try world.pawl("replay").code == 0)
        let altered = try rewritten(world) { event in
            guard case .began(.backUp) = event else { return nil }
            return .began(effect: .backUp(name: "another"))
        }
        let end = try world.pawl("replay", "--state", "altered", "--json")
        #expect(end.code == 20, "\(end.errors)")
        #expect(end.errors.contains("event \(altered) of the log"), "\(end.errors)")
        #expect(end.errors.contains("it says began backUp as another"), "\(end.errors)")
        #expect(try end.document()["exitStatus"] as? Int == 20)
        #expect(try world.pawl("resume", "--state", "altered").code == 20)
    }

    /// A log with a sound chain of its own, in which one event is another.
    ///
    /// - Returns: That event's sequence number.
    private func rewritten(
        _ world: Installation, _ change: (Event) -> Event?
    ) throws -> Int {
        let source = try EventLog(path: world.path("state/pawl.sqlite"), for: .reading)
        let stream = try #require(try source.streams().first)
        let entries = try source.entries(of: stream.stream)
        let target = world.path("altered")
        try FileManager.default.createDirectory(
            atPath: target, withIntermediateDirectories: true)
        let log = try EventLog(path: target + "/pawl.sqlite", for: .writing)
        let lock = try InstanceLock(
            instance: stream.instance, directory: target + "/locks",
            holder: .init(pid: 1, actor: "test", host: "test", since: "", command: "test"))
        let writer = try Writer(
            log: log, lock: lock,
            author: .init(
                actor: "test", host: "test", tool: Tool(version: "0", digest: "0")))
        var altered: Int?
        for entry in entries {
            let changed = altered == nil ? change(entry.event) : nil
            if changed != nil { altered = entry.sequence }
            try writer.append(
                [(changed ?? entry.event, entry.moment)], to: entry.stream,
                planDigest: entry.planDigest)
        }
        return try #require(altered)
    }

    @Test func oneAlteredByteIsNamed() throws {
        let world = try Installation()
        #expect(try world.pawl("upgrade", "2.0.0").code == 0)
        let queue = try DatabaseQueue(path: world.path("state/pawl.sqlite"))
        try queue.write { database in
            // Its guards need not be put back: the event is found before they are missed.
            let triggers = try String.fetchAll(
                database, sql: "SELECT name FROM sqlite_schema WHERE type = 'trigger'")
            for trigger in triggers { try database.execute(sql: "DROP TRIGGER \(trigger)") }
            try database.execute(
                sql: """
                    UPDATE event SET body = CAST(replace(CAST(body AS TEXT), '"actor":"',
                    '"actor":"x') AS BLOB) WHERE seq = 7
                    """)
        }
        try queue.close()
        let end = try world.pawl("replay")
        #expect(end.code == 20, "\(end.errors)")
        #expect(end.errors.contains("is damaged at event 7"), "\(end.errors)")
    }

    @Test func namesThatAreNotThere() throws {
        let world = try Installation()
        #expect(try world.pawl("upgrade", "2.0.0").code == 0)
        for command in ["timeline", "log"] {
            let end = try world.pawl(command, "20200101-000000-0000")
            #expect(end.code == 64)
            #expect(end.errors.contains("there is no upgrade '20200101-000000-0000'"))
        }
        for command in ["status", "resume", "timeline", "log", "check"] {
            let end = try world.pawl(command, "--instance", "../../evil")
            #expect(end.code == 64, "\(command): \(end.errors)")
            #expect(end.errors.contains("there is no instance '../../evil'"))
        }
        #expect(try world.shell("ls state/locks") == "noticeboard.lock\n")
    }

    @Test func commandsThatAreNamedCanBeTyped() throws {
        let world = try Installation()
        let options = ["--config", world.path("pawl.yaml"), "--state", world.path("elsewhere")]
        let stopped = try Pawl.run(["upgrade", "2.0.0", "--stop-before", "stopped"] + options)
        #expect(stopped.code == 15, "\(stopped.errors)")
        let line = try #require(
            stopped.output.split(separator: "\n").first { $0.hasPrefix("Go on with:") })
        let command = line.dropFirst("Go on with:".count)
            .replacing("pawl", with: "$PAWL", maxReplacements: 1)
        #expect(try Pawl.shell(String(command)).code == 0)
    }
}
