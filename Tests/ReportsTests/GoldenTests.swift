import Foundation
import Reports
import Testing
import UpgradeMachine

/// Timelines, statuses and their JSON, as files that a reader can judge: `Golden/NAME.txt` and
/// `Golden/NAME.json`.
///
/// With `PAWL_UPDATE_GOLDEN` in the environment the files are written anew; look at the difference.
struct GoldenTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let tell: @Sendable () throws -> Story
        /// Of the host where the status is asked.
        var bootID: String { name == "interrupted-by-a-reboot" ? "boot-2" : "boot-1" }
        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "verified") {
            var story = Story()
            try story.go()
            return story
        },
        Case(name: "rolled-back") {
            var story = Story()
            try story.go(to: .verify)
            try story.fail(.sick)
            try story.go()
            return story
        },
        Case(name: "several-attempts") {
            var story = Story()
            try story.go(to: .backUp)
            try story.fail(.busy)
            try story.fail(.busy)
            try story.go()
            return story
        },
        Case(name: "killed") {
            var story = Story()
            try story.go(to: .verify)
            return story
        },
        Case(name: "paused") {
            var story = Story()
            try story.go(to: .backUp)
            try story.happen(
                .paused(
                    cause: Failure(
                        code: "stop-requested", message: "stopped on request",
                        advice: "go on with: pawl resume")))
            return story
        },
        Case(name: "resumed") {
            var story = Story()
            try story.go(to: .stop)
            story.seconds += 60
            (story.actor, story.fenceNumber) = ("grace as root", 2)
            try story.happen(.resumed)
            try story.adopt()
            try story.go()
            return story
        },
        Case(name: "rebooted") {
            var story = Story()
            try story.go(to: .verify)
            story.seconds += 180
            story.bootID = "boot-2"
            try story.happen(.resumed)
            try story.go()
            return story
        },
        Case(name: "interrupted-by-a-reboot") {
            var story = Story()
            try story.go(to: .stop)
            return story
        },
        Case(name: "shut-down-and-replaced") {
            var story = Story()
            try story.go(to: .verify)
            try story.happen(.paused(cause: .shutDown))
            story.seconds += 7200
            story.bootID = "boot-2"
            story.tool = Tool(version: "0.2.0", digest: "d2")
            try story.happen(.resumed)
            try story.go()
            return story
        },
        Case(name: "clock-set-back") {
            var story = Story()
            try story.go(to: .verify)
            story.seconds -= 10
            story.bootID = "boot-2"
            try story.happen(.resumed)
            try story.go()
            return story
        },
        Case(name: "waiting-at-shutdown") {
            var story = Story()
            try story.go(to: .verify)
            try story.happen(.paused(cause: .shutDown))
            return story
        },
        Case(name: "rebooted-while-halted") {
            var story = Story()
            try story.haltOnTheWayBack()
            story.seconds += 86_400
            story.bootID = "boot-2"
            try story.happen(.retried(reason: "the port is free"), .resumed)
            try story.go()
            return story
        },
        Case(name: "ordered-back") {
            var story = Story()
            try story.go()
            story.seconds += 3600
            try story.happen(
                .rollbackOrdered(
                    cause: Failure(
                        code: "ordered", message: "ada ordered it: reports are wrong",
                        advice: "nothing to do")))
            try story.go()
            return story
        },
        Case(name: "turned-before-the-stop") {
            var story = Story()
            try story.go(to: .pull)
            try story.fail(
                Failure(
                    code: "bad-archive", message: "/srv/7.1.0.tgz cannot be unpacked",
                    advice: "get the archive again", isPermanent: true))
            try story.go()
            return story
        },
        Case(name: "halted") {
            var story = Story()
            try story.haltOnTheWayBack()
            return story
        },
        Case(name: "halted-and-retried") {
            var story = Story()
            try story.haltOnTheWayBack()
            try story.happen(.retried(reason: "the port is free"), .resumed)
            try story.go()
            return story
        },
        Case(name: "halted-and-settled") {
            var story = Story()
            try story.haltOnTheWayBack()
            guard case .halted(let halt) = story.run.upgrade, let effect = halt.undetermined,
                let receipt = effect.receiptWhenDone
            else { return story }
            try story.happen(
                .settled(
                    step: effect.step, settlement: .done(receipt: receipt),
                    reason: "started by hand"), .resumed)
            try story.go()
            return story
        },
        Case(name: "tidying-failed") {
            var story = Story()
            try story.go(to: .tidy)
            try story.fail(
                Failure(
                    code: "busy", message: "/srv/6.0.0 is in use", advice: "remove it later",
                    isPermanent: true))
            return story
        },
    ]

    @Test(arguments: cases) func text(_ golden: Case) throws {
        let timeline = try #require(try Timeline(try golden.tell().entries))
        let place = Surroundings(
            options: ["--instance", "studio"], bootID: golden.bootID, clock: Self.clock)
        let text = timeline.text(clock: Self.clock) + "\n\n" + StatusText(timeline, in: place).text
        try expect(text + "\n", golden.name + ".txt")
        #expect(!text.split(separator: "\n").contains { $0.hasSuffix(" ") })
    }

    @Test(arguments: cases) func json(_ golden: Case) throws {
        let timeline = try #require(try Timeline(try golden.tell().entries))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let place = Surroundings(
            options: ["--instance", "studio"], bootID: golden.bootID, clock: Self.clock)
        let bytes = try encoder.encode(UpgradeReport(timeline, in: place))
        try expect(String(decoding: bytes, as: UTF8.self) + "\n", golden.name + ".json")
    }

    /// Every statement names an event that there is.
    @Test(arguments: cases) func sequences(_ golden: Case) throws {
        let entries = try golden.tell().entries
        let timeline = try #require(try Timeline(entries))
        let known = Set(entries.map(\.sequence))
        let named =
            timeline.steps.flatMap {
                [$0.beganSequence, $0.span.ended?.sequence].compactMap { $0 }
            }
            + timeline.marks.map(\.sequence)
            + timeline.reboots.flatMap { [$0.before.sequence, $0.after.sequence] }
        #expect(known.isSuperset(of: named))
    }

    @Test func aHolderIsNamedInPlaceOfWhatToType() throws {
        var story = Story()
        try story.go(to: .verify)
        let timeline = try #require(try Timeline(story.entries))
        let place = Surroundings(heldBy: "ada on server, process 7", clock: Self.clock)
        let text = StatusText(timeline, in: place).text
        #expect(text.contains("At work:     ada on server, process 7"))
        #expect(text.contains("Now:         verifying the new release"))
        #expect(!text.contains("pawl resume"))
    }

    @Test func aHistoryThatCannotHaveBeenIsRefused() throws {
        var entries = Story().entries
        var story = Story()
        try story.go(to: .stop)
        entries.append(try #require(story.entries.last))
        #expect(throws: IllegalEvent.self) { try Timeline(entries) }
        #expect(try Timeline([]) == nil)
        #expect(try Timeline(Array(story.entries.dropFirst())) == nil)
    }

    private static let clock: @Sendable (Int64) -> String = { milliseconds in
        let seconds = (milliseconds - 1_790_000_000_000) / 1000
        let parts = [seconds / 3600, seconds / 60 % 60, seconds % 60]
        return parts.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
    }

    private func expect(_ found: String, _ name: String) throws {
        let golden = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "Golden/\(name)")
        if ProcessInfo.processInfo.environment["PAWL_UPDATE_GOLDEN"] != nil {
            try found.write(to: golden, atomically: true, encoding: .utf8)
        }
        #expect(found == (try String(contentsOf: golden, encoding: .utf8)))
    }
}

extension Story {

    /// The old release does not start: three tries, then a person is asked.
    fileprivate mutating func haltOnTheWayBack() throws {
        try go(to: .verify)
        try fail(.sick)
        try go(to: .startPrevious)
        try fail(.busy)
        try fail(.busy)
        try fail(.busy)
    }
}
