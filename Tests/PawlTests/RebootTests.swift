import Foundation
import Glibc
import Testing

/// The host goes down with everything on it; after its boot nothing but `pawl resume --all` is run.
@Suite(
    .serialized, .enabled(if: hasPython, "the sample application is in Python"),
    .enabled(if: Reboot.isPossible, Reboot.reason))
struct RebootTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let step: String
        var version = "2.0.0"
        /// Whether something on the host starts the application at boot.
        var hasInit = false
        let ends: Int32

        var testDescription: String { "\(step)\(hasInit ? ", with an init" : "")" }
    }

    static let cases = [
        Case(step: "pull", ends: 0), Case(step: "pull", hasInit: true, ends: 0),
        Case(step: "backUp", ends: 0), Case(step: "backUp", hasInit: true, ends: 0),
        Case(step: "stop", ends: 0), Case(step: "stop", hasInit: true, ends: 0),
        // A start that was begun may have touched the data, and what is dead is not started again.
        Case(step: "verify", ends: 10), Case(step: "verify", hasInit: true, ends: 0),
        Case(step: "restoreData", version: "2.0.1", ends: 10),
        Case(step: "verifyPrevious", version: "2.0.1", hasInit: true, ends: 10),
    ]

    @Test(arguments: cases) func goesOn(_ place: Case) throws {
        let (world, before) = try wentDown(in: place)
        let boot = try Reboot(world)
        if place.hasInit { try world.startCurrent() }

        let status = try boot.pawl("status", in: world)
        #expect(status.output.contains("Interrupted: "), "\(status.output)")
        #expect(status.output.contains("the host has been restarted since"), "\(status.output)")

        let end = try boot.pawl("resume", "--all", "--json", in: world)
        #expect(end.code == place.ends, "\(end.errors)")
        let report = try end.document()
        #expect(report["format"] as? String == "pawl.resumes/1")
        let items = try #require(report["instances"] as? [[String: Any]])
        #expect(items.map { $0["outcome"] as? String } == ["resumed"])

        #expect(try world.servingVersion() == (place.ends == 0 ? place.version : "1.0.0"))
        if place.ends == 10 { #expect(try world.dump() == before) }
        try expectTheReboot(in: world)
        let again = try boot.pawl("resume", "--all", in: world)
        #expect(again.code == 0)
        #expect(again.output.contains("Nothing was interrupted"))
        #expect(try world.pawl("replay").code == 0)
        // In the model's world a boot brings the application back, and only a stop ends it.
        if place.hasInit || !["pull", "backUp"].contains(place.step) {
            try Model.expectToFollow(world)
        }
    }

    /// An installation whose host went down in the step, and its data as they were before.
    private func wentDown(in place: Case) throws -> (world: Installation, before: String) {
        for _ in 1..<5 {
            // What is dead at its verification is given up when the checks' time is over.
            let world = try Installation(.init(verify: "3s"))
            let before = try world.dump()
            #expect(try world.pawl("upgrade", "9.9.9").code == 12)
            let watch = try LogWatch(world.path("state/pawl.sqlite"))
            let child = try world.begin("upgrade", place.version)
            do {
                try watch.atIntent(of: place.step, from: child) {
                    child.signal(SIGSTOP)
                    child.signal(SIGKILL)
                }
                #expect(try child.end().wasKilled)
                // One that is stopped for the upgrade is dead already.
                _ = try? world.killApplication()
                return (world, before)
            } catch is LogWatch.Missed {
                continue
            }
        }
        throw LogWatch.Missed(step: place.step)
    }

    private func expectTheReboot(in world: Installation) throws {
        let timeline = try world.pawl("timeline").output
        #expect(timeline.split(separator: "\n").count { $0.contains("· rebooted") } == 1)
        #expect(timeline.contains("the host was restarted; it was away for at most"))
        let report = try world.pawl("timeline", "--json").document()
        let reboots = try #require(report["reboots"] as? [[String: Int]])
        #expect(reboots.count == 1)
        let reboot = try #require(reboots.first)
        #expect(try #require(reboot["awayAtMostMilliseconds"]) < 60_000)
        let before = try #require(reboot["lastSequenceBefore"])
        #expect(reboot["firstSequenceAfter"] == before + 1)
        let marks = try #require(report["marks"] as? [[String: Any]])
        let resumed = marks.filter { $0["kind"] as? String == "resumed" }
        #expect(resumed.map { $0["sequence"] as? Int } == [before + 1])
    }

    @Test func anUpgradeThatWasShutDownGoesOn() throws {
        let world = try Installation(.init(slowSeconds: 3))
        let child = try begin(world, at: "verify")
        child.signal(SIGTERM)
        let stopped = try child.end()
        #expect(stopped.code == 15, "\(stopped.errors)")
        #expect(stopped.output.contains("Waits:       stopped by SIGTERM, as when the host is"))
        let boot = try Reboot(world)
        let end = try boot.pawl("resume", "--all", in: world)
        #expect(end.code == 0, "\(end.errors)\(end.output)")
        #expect(try world.servingVersion() == "2.1.0")
    }

    @Test func onesThatWaitForAPersonAreNamedAndLeftAlone() throws {
        let world = try Installation(.init(slowSeconds: 3))
        let child = try begin(world, at: "verify")
        child.signal(SIGINT)
        #expect(try child.end().code == 15)
        let watch = try LogWatch(world.path("state/pawl.sqlite"))
        let events = try watch.count()
        let boot = try Reboot(world)
        let end = try boot.pawl("resume", "--all", in: world)
        #expect(end.code == 15, "\(end.errors)")
        #expect(end.output.contains("noticeboard is left alone: a person had it wait."))
        #expect(end.output.contains("Waits:       stopped on request"))
        #expect(end.output.contains("Go on with:  pawl resume"))
        #expect(try watch.count() == events)
        #expect(try world.pawl("resume").code == 0)
    }

    private func begin(_ world: Installation, at step: String) throws -> Child {
        #expect(try world.pawl("upgrade", "9.9.9").code == 12)
        let watch = try LogWatch(world.path("state/pawl.sqlite"))
        let child = try world.begin("upgrade", "2.1.0")
        try watch.atIntent(of: step, from: child) {}
        return child
    }
}
