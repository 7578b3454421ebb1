import Foundation
import Glibc
import Testing

/// Several instances in one log, and one command that goes on with all that was interrupted.
@Suite(.serialized, .enabled(if: hasPython, "the sample application is in Python"))
struct ResumeAllTests {
    @Test func eachIsTreatedByItsOwn() throws {
        let first = try Installation(.init(name: "alpha"))
        let state = first.path("state")
        let second = try Installation(.init(name: "beta", state: state))
        let third = try Installation(
            .init(startPrefix: "../../gate,", name: "gamma", state: state))
        #expect(try second.pawl("upgrade", "2.0.0", "--stop-before", "stopped").code == 15)
        try halt(third)
        // The last by name: what comes before it keeps it from nothing.
        let fourth = try Installation(.init(name: "omega", state: state))
        try kill(fourth, in: state)
        #expect(try first.pawl("upgrade", "2.0.0").code == 0)

        let end = try fourth.pawl("resume", "--all", "--json", "--state", state)
        #expect(end.code == 11, "\(end.errors)")
        let report = try end.document()
        #expect(report["exitStatus"] as? Int == 11)
        let items = try #require(report["instances"] as? [[String: Any]])
        #expect(items.map { $0["instance"] as? String } == ["beta", "gamma", "omega"])
        #expect(items.map { $0["outcome"] as? String } == ["waits", "halted", "resumed"])
        #expect(items.map { $0["exitStatus"] as? Int } == [15, 11, 0])
        let halted = try #require(items[1]["advice"] as? String)
        #expect(halted.contains("pawl resume --retry --reason WHY"), "\(halted)")
        #expect(halted.contains("--instance gamma"), "\(halted)")
        #expect(try fourth.servingVersion() == "2.0.0")
        #expect(try second.servingVersion() == "1.0.0")

        let told = try first.pawl("resume", "--all")
        #expect(told.code == 11)
        #expect(told.output.contains("gamma is left alone: a person is needed."))
        #expect(told.output.contains("Decide, with one of:"))
        #expect(!told.output.contains("omega"), "it has ended")
    }

    @Test func oneThatIsHeldKeepsNoOtherFromGoingOn() throws {
        let first = try Installation(.init(slowSeconds: 6, name: "alpha"))
        let second = try Installation(.init(name: "beta", state: first.path("state")))
        #expect(try first.pawl("upgrade", "9.9.9").code == 12)
        try kill(second, in: first.path("state"))
        let watch = try LogWatch(first.path("state/pawl.sqlite"))
        let child = try first.begin("upgrade", "2.1.0")
        try watch.atIntent(of: "verify", from: child) {}

        let end = try second.pawl("resume", "--all")
        #expect(end.code == 13, "\(end.errors)\(end.output)")
        #expect(end.output.contains("alpha: alpha is held by another run:"), "\(end.output)")
        #expect(end.output.contains("of beta, 1.0.0 → 2.0.0: verified"), "\(end.output)")
        #expect(try second.servingVersion() == "2.0.0")
        #expect(try child.end().code == 0)
    }

    @Test func aRequestToStopIsOneForAll() throws {
        let first = try Installation(.init(slowSeconds: 4, name: "alpha"))
        let second = try Installation(.init(name: "beta", state: first.path("state")))
        #expect(try first.pawl("upgrade", "9.9.9").code == 12)
        let watch = try LogWatch(first.path("state/pawl.sqlite"))
        let child = try first.begin("upgrade", "2.1.0")
        try watch.atIntent(of: "verify", from: child) {}
        child.signal(SIGKILL)
        #expect(try child.end().wasKilled)
        try kill(second, in: first.path("state"))

        let later = try LogWatch(first.path("state/pawl.sqlite"))
        let resuming = try first.begin("resume", "--all", "--json")
        try later.wait(for: "resumed")
        resuming.signal(SIGTERM)
        let end = try resuming.end()
        #expect(end.code == 15, "\(end.errors)")
        let items = try #require(try end.document()["instances"] as? [[String: Any]])
        #expect(items.map { $0["outcome"] as? String } == ["resumed", "notTried"])
        #expect(try second.servingVersion() == "1.0.0")

        #expect(try first.pawl("resume", "--all").code == 0)
        #expect(try first.servingVersion() == "2.1.0")
        #expect(try second.servingVersion() == "2.0.0")
    }

    @Test func whereNothingWasDone() throws {
        let scratch = try Scratch()
        let end = try Pawl.run(["resume", "--all", "--state", "state"], in: scratch.path)
        #expect(end.code == 0)
        #expect(end.output.contains("Nothing was interrupted"))
        let json = try Pawl.run(["resume", "--all", "--json", "--state", "x"], in: scratch.path)
        #expect(try json.document()["instances"] as? [String] == [])
        for words in [["--instance", "a"], ["--stop-before", "started"]] {
            #expect(try Pawl.run(["resume", "--all"] + words).code == 64)
        }
    }

    /// Killed with its first intent, in a log that another one has begun.
    private func kill(_ world: Installation, in state: String) throws {
        let watch = try LogWatch(state + "/pawl.sqlite")
        let child = try world.begin("upgrade", "2.0.0")
        try watch.wait(for: "began")
        child.signal(SIGKILL)
        #expect(try child.end().wasKilled)
    }

    /// Its old release cannot be started again.
    private func halt(_ world: Installation) throws {
        try world.directory.write(
            """
            #!/bin/sh
            if [ "$(cat RELEASE)" = 1.0.0 ]; then exit 7; fi
            exec "$@"
            """, to: "gate")
        try world.shell("chmod +x gate")
        #expect(try world.pawl("upgrade", "2.0.2").code == 11)
    }
}
