import Foundation
import Glibc
import Testing

/// What is done beside upgrades, on a real application of this host.
@Suite(.serialized, .enabled(if: hasPython, "the sample application is in Python"))
struct OperationTests {
    /// The path that a backup leaves on stdout.
    private func backUp(_ world: Installation) throws -> String {
        let end = try world.pawl("backup", "--reason", "nightly")
        #expect(end.code == 0, "\(end.errors)")
        return end.output.trimmingCharacters(in: .newlines)
    }

    private func post(_ world: Installation) throws {
        try world.shell(
            "curl -sf -d 'author=eve&body=late' http://127.0.0.1:\(world.port)/notices")
    }

    @Test func `A backup prints its path alone, and is what was there`() throws {
        let world = try Installation()
        let before = try world.dump()
        let path = try backUp(world)
        #expect(path.hasPrefix(world.path("state/backups/noticeboard/")))
        try world.shell("zstd -dq <\(path) >copy.db")
        let copy = try world.shell(
            """
            python3 -c 'import sqlite3
            for line in sqlite3.connect("file:copy.db?mode=ro", uri=True).iterdump():
                print(line)'
            """)
        #expect(copy == before)
        #expect(try world.servingVersion() == "1.0.0")
        #expect(try world.pawl("backup", "--list").output.contains(path))
        let status = try world.pawl("status").output
        #expect(status.contains("Backup ") && status.contains("Backup:      \(path)"))
    }

    @Test func `A restore brings back what was, and saves what it replaces`() throws {
        let world = try Installation()
        let before = try world.dump()
        _ = try backUp(world)
        try post(world)
        let late = try world.dump()
        #expect(late != before)

        let unasked = try world.pawl("restore", "latest")
        #expect(unasked.code == 12)
        #expect(unasked.errors.contains("rows now. It is saved first"))
        #expect(try world.dump() == late)

        let end = try world.pawl("restore", "latest", "--yes", "--json")
        #expect(end.code == 0, "\(end.errors)")
        #expect(try world.dump() == before)
        #expect(try world.servingVersion() == "1.0.0")
        let report = try end.document()
        #expect(report["operation"] as? String == "restore")
        let saved = try #require(report["backup"] as? String)

        #expect(try world.pawl("restore", saved, "--yes").code == 0)
        #expect(try world.dump() == late)
        #expect(try world.pawl("replay").code == 0)
    }

    /// What is there now is not what a candidate has made of it.
    @Test func `A restore saves the data, whatever an upgrade may lose`() throws {
        let world = try Installation()
        _ = try backUp(world)
        try world.shell(
            "sed -i 's/verify: 300s/verify: 300s, may_lose_migrated_data: yes/' pawl.yaml")
        let report = try world.pawl("restore", "latest", "--dry-run", "--json").document()
        let plan = try #require(report["plan"] as? [String: Any])
        #expect(plan["mayLoseMigratedData"] as? Bool == false)
        let upgrade = try world.pawl("plan", "2.0.0", "--json").document()
        #expect((upgrade["plan"] as? [String: Any])?["mayLoseMigratedData"] as? Bool == true)
    }

    @Test func `A damaged backup is refused while the service runs`() throws {
        let world = try Installation()
        let path = try backUp(world)
        try world.shell("printf x | dd of=\(path) bs=1 seek=50 conv=notrunc 2>&1")
        let end = try world.pawl("restore", path, "--yes")
        #expect(end.code == 12 && end.errors.contains("nothing was changed"))
        #expect(try world.pawl("status").output.hasPrefix("Backup "))
    }

    @Test func `Data that cannot be loaded leaves what was there`() throws {
        let world = try Installation()
        let before = try world.dump()
        try world.shell("head -c 4096 data/noticeboard.db >half.db")
        let end = try world.pawl("restore", "half.db", "--yes")
        #expect(end.code == 10, "\(end.errors)")
        #expect(try world.dump() == before)
        #expect(try world.servingVersion() == "1.0.0")
        #expect(try world.pawl("status").output.contains("put back as it was before"))
    }

    @Test func `A copy of the database that somebody else has made can be restored`() throws {
        let world = try Installation()
        let before = try world.dump()
        try world.shell("sqlite3 data/noticeboard.db '.backup copy.db'; zstd -q copy.db")
        for copy in ["copy.db", "copy.db.zst"] {
            try post(world)
            #expect(try world.pawl("restore", copy, "--yes").code == 0)
            #expect(try world.dump() == before)
        }
    }

    @Test(
        "What is no backup is refused before anything is stopped",
        arguments: ["nothing-there", "pawl.yaml", "20200101-000000-0000"])
    func refusesWhatIsNone(name: String) throws {
        let world = try Installation()
        let end = try world.pawl("restore", name, "--yes")
        #expect([12, 64].contains(end.code), "\(end.errors)")
        #expect(try world.servingVersion() == "1.0.0")
        #expect(try world.pawl("status").output.contains("Nothing has been done yet"))
    }

    @Test func `It is stopped, stays so, and starts again`() throws {
        let world = try Installation()
        #expect(try world.pawl("stop").code == 0)
        #expect(throws: Unexpected.self) { try world.servingVersion() }
        #expect(try world.pawl("status").output.contains("start it with: pawl start"))
        #expect(try world.pawl("verify", "--within", "1").code == 20)
        #expect(try world.pawl("start").code == 0)
        #expect(try world.servingVersion() == "1.0.0")
        #expect(try world.pawl("restart").code == 0)
        #expect(try world.servingVersion() == "1.0.0")
    }

    @Test func `A start that does not serve says so, and blocks nothing`() throws {
        let world = try Installation(.init(verify: "5s"))
        #expect(try world.pawl("stop").code == 0)
        try world.shell("mv data/noticeboard.db away.db; mkdir data/noticeboard.db")
        let failed = try world.pawl("start")
        #expect(failed.code == 20, "\(failed.errors)")
        try world.shell("rmdir data/noticeboard.db; mv away.db data/noticeboard.db")
        #expect(try world.pawl("start").code == 0)
    }

    @Test func `The log of the application is told, and written to a new file alone`() throws {
        let world = try Installation()
        let lines = try world.pawl("logs", "--lines", "1").output
        #expect(lines.contains("ready on port") && lines.split(separator: "\n").count == 1)
        #expect(try world.pawl("logs", "--output", "app.log").code == 0)
        #expect(try world.shell("cat app.log").contains("ready on port"))
        #expect(try world.pawl("logs", "--output", "app.log").code == 12)
    }

    @Test func `A release is got beforehand, and the upgrade finds it`() throws {
        let world = try Installation()
        #expect(try world.pawl("pull", "2.0.0").code == 0)
        #expect(try world.servingVersion() == "1.0.0")
        let end = try world.pawl("upgrade", "2.0.0")
        #expect(end.code == 0 && end.errors.contains("getting the new release (found done)"))
    }

    @Test func `What was put in the place of what served last is not started`() throws {
        let world = try Installation()
        #expect(try world.pawl("restart").code == 0)
        #expect(try world.pawl("pull", "2.0.0").code == 0)
        #expect(try world.pawl("stop").code == 0)
        try world.shell("ln -sfn releases/2.0.0 current")
        let end = try world.pawl("start")
        #expect(end.code == 12, "\(end.errors)")
        #expect(end.errors.contains("1.0.0") && end.errors.contains("without a backup"))
        // Nor does another stop make it what served.
        #expect(try world.pawl("stop").code == 0)
        #expect(try world.pawl("start").code == 12)
        try world.shell("ln -sfn releases/1.0.0 current")
        #expect(try world.pawl("start").code == 0)
    }

    @Test func `The releases say which serves, and which can be gone back to`() throws {
        let world = try Installation()
        #expect(try world.pawl("upgrade", "2.0.0").code == 0)
        #expect(try world.pawl("upgrade", "2.0.1").code == 10)
        let releases = try #require(
            try world.pawl("releases", "--json").document()["releases"] as? [[String: Any]])
        #expect(releases.map { $0["version"] as? String } == ["1.0.0", "2.0.0", "2.0.1"])
        #expect(releases.map { $0["serves"] as? Bool } == [false, true, false])
        let backup = try #require(releases[0]["rollbackBackup"] as? String)
        #expect(FileManager.default.fileExists(atPath: backup))
        #expect(releases[1]["rollbackBackup"] == nil && releases[2]["rollbackBackup"] == nil)
    }

    @Test func `An upgrade before a failed one is gone back from by its name`() throws {
        let world = try Installation()
        let before = try world.dump()
        #expect(try world.pawl("upgrade", "2.0.0").code == 0)
        #expect(try world.pawl("upgrade", "2.0.1").code == 10)
        let alone = try world.pawl("rollback", "--reason", "test", "--yes")
        #expect(alone.code == 10 && alone.errors.contains("pawl rollback UPGRADE"))
        #expect(try world.servingVersion() == "2.0.0")

        let list = try world.pawl("status", "--all").output
        let id = try #require(list.split(separator: " ").first.map(String.init))
        let back = try world.pawl("rollback", id, "--reason", "test", "--yes")
        #expect(back.code == 10, "\(back.errors)")
        #expect(try world.dump() == before)
        #expect(try world.pawl("rollback", "u-none", "--reason", "test", "--yes").code == 64)
    }

    @Test func `Without the old release a rollback is refused, and nothing is touched`() throws {
        let world = try Installation()
        #expect(try world.pawl("upgrade", "2.0.0").code == 0)
        let before = try world.dump()
        try world.shell("mv releases/1.0.0 away")
        let refused = try world.pawl("rollback", "--reason", "test", "--yes")
        #expect(refused.code == 12)
        #expect(refused.errors.contains("there is nothing to go back to"))
        #expect(try world.dump() == before)
        #expect(try world.servingVersion() == "2.0.0")
    }

    @Test func `None runs into an upgrade that has not ended, and a rollback is of the upgrade`()
        throws
    {
        let world = try Installation()
        #expect(try world.pawl("upgrade", "2.0.0", "--stop-before", "stopped").code == 15)
        for command in [["backup"], ["stop"], ["restart"], ["pull", "2.0.1"]] {
            let end = try Pawl.run(command, in: world.directory.path)
            #expect(end.code == 12, "\(command)")
            #expect(end.errors.contains("has not ended"))
        }
        #expect(try world.pawl("resume").code == 0)
        _ = try backUp(world)
        let back = try world.pawl("rollback", "--reason", "test", "--yes")
        #expect(back.code == 10, "\(back.errors)")
        #expect(try world.servingVersion() == "1.0.0")
    }

    /// An older stream is written again by a rollback: it, and not the newest, is what goes on.
    @Test func `A rollback that was killed goes on, though a backup came after its upgrade`() throws
    {
        let world = try Installation()
        let before = try world.dump()
        #expect(try world.pawl("upgrade", "2.0.0").code == 0)
        _ = try backUp(world)
        try kill(world, in: "restoreData", of: ["rollback", "--reason", "test", "--yes"])
        #expect(try world.pawl("backup").code == 12)
        #expect(try world.pawl("resume").code == 10)
        #expect(try world.dump() == before)
    }

    @Test(
        "Killed in any step, a restore goes on to its end",
        arguments: ["stop", "saveData", "restoreData", "startPrevious", "verifyPrevious"],
        [0, 300_000] as [useconds_t])
    func killed(step: String, after delay: useconds_t) throws {
        let world = try Installation()
        let before = try world.dump()
        _ = try backUp(world)
        try post(world)
        try kill(world, in: step, of: ["restore", "latest", "--yes"], after: delay)
        #expect(try world.pawl("start").code == 12, "nothing begins beside it")
        let end = try world.pawl("resume")
        #expect(end.code == 0, "\(end.errors)")
        #expect(try world.dump() == before)
        #expect(try world.servingVersion() == "1.0.0")
        #expect(try world.pawl("replay").code == 0)
    }

    /// The host's init starts the application after a boot, before Pawl comes back.
    @Test func `What is written between a killed restore's save and its load is saved`() throws {
        let world = try Installation()
        let before = try world.dump()
        _ = try backUp(world)
        try kill(world, in: "saveData", of: ["restore", "latest", "--yes"], after: 300_000)
        try world.shell(
            "cd current && NOTICEBOARD_HOME=\(world.path("data")) PORT=\(world.port) bin/start")
        try world.waitUntilItAnswers()
        try post(world)
        let end = try world.pawl("resume")
        #expect(end.code == 0, "\(end.errors)")
        #expect(try world.dump() == before)
        let saved = try world.shell(
            "for f in state/backups/noticeboard/*replaced*.zst; do zstd -dqc $f | strings; done")
        #expect(saved.contains("late"))
    }

    /// SIGKILL in the very moment of a step's intent, or with its work done and not recorded.
    private func kill(
        _ world: Installation, in step: String, of command: [String], after delay: useconds_t = 0
    ) throws {
        let watch = try LogWatch(world.path("state/pawl.sqlite"))
        let child = try Child(Pawl.path, command, in: world.directory.path)
        try watch.atIntent(of: step, from: child) {
            usleep(delay)
            child.signal(SIGSTOP)
            child.signal(SIGKILL)
        }
        #expect(try child.end().wasKilled)
    }
}
