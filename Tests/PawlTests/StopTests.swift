import Foundation
import Glibc
import Testing

/// Stopping on request, and two at once.
@Suite(.enabled(if: hasPython, "the sample application is in Python"))
struct StopTests {
    @Test(arguments: [SIGINT, SIGTERM]) func onceEndsAVerificationAtOnce(_ signal: Int32) throws {
        let world = try Installation(.init(slowSeconds: 4))
        let child = try begin(world, at: "verify")
        child.signal(signal)
        let stopped = try child.end()
        #expect(stopped.code == 15, "\(stopped.errors)")
        #expect(stopped.errors.contains("Stopping: what must not be interrupted"))
        #expect(stopped.output.contains("Go on with:  pawl resume"))
        #expect(try world.pawl("resume").code == 0)
    }

    @Test func onceLetsAStopOfTheServiceFinish() throws {
        let world = try Installation(.init(beforeStop: "sleep 1"))
        let child = try begin(world, at: "stop")
        child.signal(SIGINT)
        let stopped = try child.end()
        #expect(stopped.code == 15, "\(stopped.errors)")
        #expect(stopped.errors.contains("✓ stopping the service"))
        #expect(try world.pawl("rollback", "--reason", "test", "--yes").code == 10)
        #expect(try world.servingVersion() == "1.0.0")
        try Model.expectToFollow(world)
    }

    @Test func twiceLeavesTheStepInDoubt() throws {
        let world = try Installation(.init(beforeStop: "sleep 3"))
        let child = try begin(world, at: "stop")
        child.signal(SIGINT)
        usleep(300_000)
        child.signal(SIGINT)
        let stopped = try child.end()
        #expect(stopped.code == 15, "\(stopped.errors)")
        #expect(stopped.errors.contains("Stopping at once; the step stays in doubt"))
        #expect(stopped.output.contains("Next:        stopping the service (begun"))
        #expect(try world.pawl("resume").code == 0)
        #expect(try world.servingVersion() == "2.1.0")
        try Model.expectToFollow(world)
    }

    @Test func aLostTerminalStopsNothing() throws {
        let world = try Installation()
        let child = try begin(world, at: "stop")
        child.signal(SIGHUP)
        #expect(try child.end().code == 0)
    }

    private func begin(_ world: Installation, at step: String) throws -> Child {
        #expect(try world.pawl("upgrade", "9.9.9").code == 12)
        let watch = try LogWatch(world.path("state/pawl.sqlite"))
        let child = try world.begin("upgrade", "2.1.0")
        try watch.atIntent(of: step, from: child) {}
        return child
    }

    static let states = [
        ("pulled", "planned"), ("backed-up", "pulled"), ("stopped", "backedUp"),
        ("started", "stopped"), ("verified", "started"),
    ]

    @Test(arguments: states) func stopBefore(_ state: String, _ standing: String) throws {
        let world = try Installation()
        let before = try world.dump()
        let stopped = try world.pawl("upgrade", "2.0.0", "--stop-before", state, "--json")
        #expect(stopped.code == 15, "\(stopped.errors)")
        #expect(try stopped.document()["state"] as? String == standing)
        if ["pulled", "backed-up", "stopped"].contains(state) {
            #expect(try world.servingVersion() == "1.0.0")
            // Nobody is kept from writing while it waits.
            try world.shell(
                "python3 -c 'import sqlite3; sqlite3.connect(\"data/noticeboard.db\")"
                    + ".execute(\"BEGIN IMMEDIATE\")'")
        }

        let beside = try world.pawl("upgrade", "2.0.1")
        #expect(beside.code == 12)
        #expect(beside.errors.contains("has not ended"))
        #expect(try world.pawl("check").code == 12)

        let past = try world.pawl("resume", "--stop-before", "pulled")
        #expect(past.code == (state == "pulled" ? 15 : 12), "\(past.errors)")

        let back = try world.pawl("rollback", "--reason", "test", "--yes")
        #expect(back.code == 10, "\(back.errors)")
        #expect(try world.servingVersion() == "1.0.0")
        #expect(try world.dump() == before)
    }

    @Test func twoAtOnce() throws {
        let world = try Installation(.init(slowSeconds: 6))
        let child = try begin(world, at: "verify")
        for command in [
            ["upgrade", "2.0.0"], ["resume"], ["rollback", "--reason", "test", "--yes"],
            ["settle", "verify", "--as", "done", "--reason", "test"],
        ] {
            let held = try Pawl.run(command, in: world.directory.path)
            #expect(held.code == 13, "\(command): \(held.errors)")
            #expect(held.errors.contains("is held by another run:"))
            #expect(held.errors.contains("process \(child.pid)"))
        }
        let status = try world.pawl("status")
        #expect(status.output.contains("At work:"))
        #expect(status.output.contains("process \(child.pid)"))
        #expect(!status.output.contains("pawl resume"))
        #expect(try world.pawl("check").errors.isEmpty)
        #expect(try child.end().code == 0)
    }
}
