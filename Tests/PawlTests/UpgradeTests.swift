import Foundation
import Testing

/// The whole of it, with a real application on this host: what the README promises.
@Suite(.enabled(if: hasPython, "the sample application is in Python"))
struct UpgradeTests {
    @Test func everyReleaseOfTheSample() throws {
        let world = try Installation()

        let good = try world.pawl("upgrade", "2.0.0", "--reason", "slice")
        #expect(good.code == 0, "\(good.errors)")
        #expect(good.output.contains("1.0.0 → 2.0.0: verified"))
        #expect(good.output.contains("Service:     2.0.0 serves; it was away for at most"))
        #expect(try world.servingVersion() == "2.0.0")

        let before = try world.dump()
        for version in ["2.0.1", "2.0.2"] {
            let bad = try world.pawl("upgrade", version, "--reason", "slice")
            #expect(bad.code == 10, "\(bad.errors)")
            #expect(bad.output.contains("rolled back, because \(version) does not pass"))
            #expect(bad.output.contains("Data:        put back as it was before the start"))
            #expect(try world.dump() == before)
            #expect(try world.servingVersion() == "2.0.0")
        }

        try killInTheMigration(world)
        let resumed = try world.pawl("resume")
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect(resumed.output.contains("2.0.0 → 2.1.0: verified"))
        #expect(try world.servingVersion() == "2.1.0")
        #expect(try world.pawl("resume").errors.contains("It has ended: nothing to resume."))
        #expect(try world.pawl("replay").code == 0)
    }

    private func killInTheMigration(_ world: Installation) throws {
        let child = try world.begin("upgrade", "2.1.0", "--reason", "slice")
        try world.waitForLog("Indexing notices for search")
        child.signal(SIGKILL)
        #expect(try child.end().wasKilled)
        let status = try world.pawl("status")
        #expect(status.output.contains("Service:     AWAY since"))
        #expect(status.output.contains("Next:        verifying the new release (begun"))
        #expect(status.output.contains("Go on with:  pawl resume"))
    }

    @Test func byHandAfterItWasVerified() throws {
        let world = try Installation()
        let before = try world.dump()
        #expect(try world.pawl("upgrade", "2.0.0").code == 0)

        let unasked = try world.pawl("rollback", "--reason", "test")
        #expect(unasked.code == 12)
        #expect(unasked.errors.contains("nobody is here to be asked"))

        let back = try world.pawl("rollback", "--reason", "test", "--yes")
        #expect(back.code == 10, "\(back.errors)")
        #expect(back.errors.contains("It is saved first"))
        #expect(try world.dump() == before)
        #expect(try world.servingVersion() == "1.0.0")
        #expect(try world.pawl("rollback", "--reason", "test", "--yes").code == 10)
    }

    @Test func withoutItsBackupARollbackByHandIsRefused() throws {
        let world = try Installation()
        #expect(try world.pawl("upgrade", "2.0.0").code == 0)
        try world.shell("rm -r state/backups")
        let refused = try world.pawl("rollback", "--reason", "test", "--yes")
        #expect(refused.code == 12)
        #expect(refused.errors.contains("cannot be read: No such file or directory"))
        #expect(try world.servingVersion() == "2.0.0")
    }

    /// Its data is not the upgrade's to replace.
    @Test func whereSomethingElseServesARollbackByHandIsRefused() throws {
        let world = try Installation()
        #expect(try world.pawl("upgrade", "2.0.0").code == 0)
        let before = try world.dump()
        try world.shell("cp -a releases/2.0.0 releases/3.0.0; ln -sfn releases/3.0.0 current")
        let refused = try world.pawl("rollback", "--reason", "test", "--yes")
        #expect(refused.code == 12, "\(refused.errors)")
        #expect(refused.errors.contains("leads to 3.0.0, which is neither 1.0.0 nor 2.0.0"))
        #expect(try world.dump() == before)
        try world.shell("ln -sfn releases/2.0.0 current")
        #expect(try world.pawl("rollback", "--reason", "test", "--yes").code == 10)
    }

    @Test func aSpentOutageBudgetTurnsAround() throws {
        let world = try Installation(.init(outage: "2s", slowSeconds: 20))
        let before = try world.dump()
        let end = try world.pawl("upgrade", "2.1.0")
        #expect(end.code == 10, "\(end.errors)")
        #expect(end.output.contains("because the outage budget of 2 s is spent"))
        #expect(try world.dump() == before)
    }

    @Test func aStateDirectoryThatCannotBeMade() throws {
        let world = try Installation()
        let end = try world.pawl("upgrade", "2.0.0", "--state", "/dev/null/state")
        #expect(end.code == 12)
        #expect(end.errors.contains("the state directory /dev/null/state cannot be made: Not a"))
        #expect(try world.servingVersion() == "1.0.0")
    }

    /// What is said goes nowhere, and into no file that was opened instead.
    @Test func closedDescriptors() throws {
        let world = try Installation()
        try world.shell("$PAWL upgrade 2.0.0 <&- >&- 2>&-")
        let lock = try String(
            contentsOfFile: world.path("state/locks/noticeboard.lock"), encoding: .utf8)
        #expect(lock.hasPrefix("{") && lock.hasSuffix("}"))
        #expect(try world.pawl("replay").code == 0)
    }

    @Test func progressWithoutATerminalIsShortAndPlain() throws {
        let world = try Installation()
        let end = try world.pawl("upgrade", "2.0.0")
        let lines = end.errors.split(separator: "\n")
        #expect(lines.count < 16, "\(end.errors)")
        #expect(!end.errors.contains("\u{1B}"))
        #expect(!end.errors.contains("\r"))
    }

    @Test(arguments: ["cut", "text", "empty"]) func anUnreadableArchiveTouchesNothing(
        _ kind: String
    ) throws {
        let world = try Installation()
        let before = try world.dump()
        try world.shell(
            """
            case \(kind) in
            cut) head -c 2000 archives/noticeboard-2.0.0.tar.gz >bad.tgz ;;
            text) echo hello >bad.tgz ;;
            empty) : >bad.tgz ;;
            esac
            """)
        let end = try world.pawl("upgrade", "2.0.0", "--archive", "bad.tgz")
        #expect(end.code == 12)
        #expect(end.errors.contains("bad.tgz cannot be unpacked"))
        #expect(try world.pawl("log").output.isEmpty)
        #expect(try world.dump() == before)
        #expect(try world.shell("ls releases") == "1.0.0\n")
    }
}
