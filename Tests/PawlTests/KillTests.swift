import Foundation
import Glibc
import Testing

/// SIGKILL at every step boundary; `pawl resume` has to bring each upgrade to its right end.
@Suite(.serialized, .enabled(if: hasPython, "the sample application is in Python"))
struct KillTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let step: String
        let point: Point
        var testDescription: String { "\(point.rawValue) the work of \(step)" }
    }

    /// Where Pawl is killed: in the intent's very moment, or with its work done and not recorded.
    enum Point: String, Sendable {
        case before, behind

        var delay: useconds_t { self == .before ? 0 : 300_000 }
    }

    private static func cases(_ before: [String], behind: [String]) -> [Case] {
        before.map { Case(step: $0, point: .before) }
            + behind.map { Case(step: $0, point: .behind) }
    }

    static let wayForward = cases(
        ["pull", "raiseFence", "backUp", "stop", "liftFence", "start", "verify", "tidy"],
        behind: ["pull", "backUp", "stop", "start"])
    static let wayBack = cases(
        ["removeCandidate", "saveData", "restoreData", "startPrevious", "verifyPrevious"],
        behind: ["saveData", "restoreData", "startPrevious"])

    @Test(arguments: wayForward) func forward(_ kill: Case) throws {
        let (world, before) = try killed(kill, upgradingTo: "2.0.0")

        let end = try world.pawl("resume")
        // A start that has or may have touched the data is adopted or rolled back.
        let expected: Set<Int32> = kill.step == "start" ? [0, 10] : [0]
        #expect(expected.contains(end.code), "\(end.errors)")
        #expect(try world.servingVersion() == (end.code == 0 ? "2.0.0" : "1.0.0"))
        if end.code == 10 { #expect(try world.dump() == before) }
        try expectTheLogIsSound(world, end.code)
    }

    @Test(arguments: wayBack) func back(_ kill: Case) throws {
        let (world, before) = try killed(kill, upgradingTo: "2.0.1")

        let end = try world.pawl("resume")
        #expect(end.code == 10, "\(end.errors)")
        #expect(try world.servingVersion() == "1.0.0")
        #expect(try world.dump() == before)
        try expectTheLogIsSound(world, end.code)
    }

    /// The installation as it was left, and its data as they were.
    ///
    /// A step may be shorter than a turn of the scheduler: a moment that was missed is tried for
    /// again from the beginning, and one that is never hit fails the test.
    private func killed(
        _ kill: Case, upgradingTo version: String
    ) throws -> (world: Installation, before: String) {
        for _ in 1..<5 {
            let world = try Installation()
            let before = try world.dump()
            do {
                try perform(kill, on: world, upgradingTo: version)
                return (world, before)
            } catch is LogWatch.Missed {
                continue
            }
        }
        throw LogWatch.Missed(step: kill.step)
    }

    private func perform(
        _ kill: Case, on world: Installation, upgradingTo version: String
    ) throws {
        // Makes the log, for the watch to be there first.
        #expect(try world.pawl("upgrade", "9.9.9").code == 12)
        let watch = try LogWatch(world.path("state/pawl.sqlite"))
        let child = try world.begin("upgrade", version)
        try watch.atIntent(of: kill.step, from: child) {
            // However long: the watch's lock keeps Pawl from recording what it has done.
            usleep(kill.point.delay)
            child.signal(SIGSTOP)
            child.signal(SIGKILL)
        }
        let killed = try child.end()
        #expect(killed.wasKilled)

        let status = try world.pawl("status", "--json")
        #expect(status.code == 0, "\(status.errors)")
        let upgrades = try #require(try status.document()["upgrades"] as? [[String: Any]])
        #expect(upgrades.count == 1)
        #expect(upgrades.first?["openStep"] as? String == kill.step)
        #expect(upgrades.first?["heldBy"] == nil)
    }

    private func expectTheLogIsSound(_ world: Installation, _ code: Int32) throws {
        let watch = try LogWatch(world.path("state/pawl.sqlite"))
        let events = try watch.count()
        #expect(try world.pawl("resume").code == code)
        #expect(try watch.count() == events, "resuming an end appends nothing")
        let replay = try world.pawl("replay", "--json")
        #expect(replay.code == 0, "\(replay.errors)")
        #expect(try replay.document()["events"] as? Int == events)
        try Model.expectToFollow(world)
    }
}
