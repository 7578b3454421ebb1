import Foundation
import Testing

/// Upgrades that cannot go on by themselves, and what a person decides.
@Suite(.enabled(if: hasPython, "the sample application is in Python"))
struct HaltTests {
    /// The old release cannot be started while the file `deny` is there.
    private func halted() throws -> Installation {
        let world = try Installation(.init(startPrefix: "../../gate,"))
        try world.directory.write(
            """
            #!/bin/sh
            if [ -e ../../deny ] && [ "$(cat RELEASE)" = 1.0.0 ]; then exit 7; fi
            exec "$@"
            """, to: "gate")
        try world.shell("chmod +x gate; touch deny")
        let end = try world.pawl("upgrade", "2.0.2")
        #expect(end.code == 11, "\(end.errors)")
        #expect(end.output.contains("Service:     AWAY since"))
        #expect(end.output.contains("Halted at:   starting the old release (startPrevious)"))
        #expect(end.output.contains("pawl resume --retry --reason WHY"))
        #expect(end.output.contains("pawl settle startPrevious --as done --reason WHY"))
        return world
    }

    @Test func retried() throws {
        let world = try halted()
        #expect(try world.pawl("resume").code == 11)
        #expect(try world.pawl("resume", "--retry").code == 64)
        let again = try world.pawl("resume", "--retry", "--reason", "too early")
        #expect(again.code == 11, "\(again.errors)")
        #expect(!again.errors.contains("Rolling back to"), "it is on the way back already")
        try world.shell("rm deny")
        let end = try world.pawl("resume", "--retry", "--reason", "the gate is open")
        #expect(end.code == 10, "\(end.errors)")
        #expect(try world.servingVersion() == "1.0.0")
        let timeline = try world.pawl("timeline").output
        #expect(timeline.split(separator: "\n").count { $0.contains("· turned") } == 1)
        #expect(try world.pawl("replay").code == 0)
        try Model.expectToFollow(world)
    }

    @Test func settledAsDone() throws {
        let world = try halted()
        try world.shell(
            """
            rm deny; rm current; ln -s releases/1.0.0 current; cd current
            NOTICEBOARD_HOME=\(world.path("data")) PORT=\(world.port) bin/start
            """)
        let end = try world.pawl(
            "settle", "startPrevious", "--as", "done", "--reason", "started by hand")
        #expect(end.code == 10, "\(end.errors)")
        #expect(try world.servingVersion() == "1.0.0")
        try Model.expectToFollow(world)
    }

    @Test func whatCannotBeDecidedIsRefused() throws {
        let world = try halted()
        let elsewhere = try world.pawl("settle", "stop", "--as", "done", "--reason", "test")
        #expect(elsewhere.code == 12)
        let back = try world.pawl("rollback", "--reason", "test", "--yes")
        #expect(back.code == 12, "\(back.errors)")
        #expect(back.errors.contains("on the way back already"))
        let beside = try world.pawl("upgrade", "2.0.0")
        #expect(beside.code == 12)
        #expect(beside.errors.contains("is halted"))
    }

    @Test func withoutTheBackupItWaits() throws {
        let world = try Installation()
        let before = try world.dump()
        #expect(try world.pawl("upgrade", "2.0.1", "--stop-before", "verified").code == 15)
        try world.shell("mv state/backups/noticeboard hidden")
        let end = try world.pawl("resume")
        #expect(end.code == 11, "\(end.errors)")
        #expect(end.output.contains("is not there"))
        try world.shell("mkdir -p state/backups/noticeboard; cp hidden/* state/backups/noticeboard")
        let retried = try world.pawl("resume", "--retry", "--reason", "put back from a copy")
        #expect(retried.code == 10, "\(retried.errors)")
        #expect(try world.dump() == before)
        try Model.expectToFollow(world)
    }
}
