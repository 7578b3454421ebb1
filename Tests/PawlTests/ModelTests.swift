import Foundation
import Glibc
import Testing

/// Real logs against the model of the protocol (`tools/model`): each has to be one of its
/// behaviours, and one that was altered must not be.
@Suite(
    .serialized, .enabled(if: hasPython, "the sample application is in Python"),
    .enabled(if: Model.isThere, "there is no spin"))
struct ModelTests {
    @Test func whatWentWellOrBackIsABehaviour() throws {
        let world = try Installation()
        #expect(try world.pawl("upgrade", "2.0.0").code == 0)
        #expect(try world.pawl("rollback", "--reason", "test", "--yes").code == 10)
        #expect(try world.pawl("upgrade", "2.0.1").code == 10)
        #expect(try world.pawl("upgrade", "2.0.2").code == 10)
        try Model.expectToFollow(world)
    }

    @Test(arguments: ["pulled", "backed-up", "stopped", "started", "verified"])
    func whatWaitedIsABehaviour(_ state: String) throws {
        let world = try Installation()
        #expect(try world.pawl("upgrade", "2.0.0", "--stop-before", state).code == 15)
        try Model.expectToFollow(world)
        #expect(try world.pawl("resume").code == 0)
        #expect(try world.pawl("upgrade", "2.1.0", "--stop-before", state).code == 15)
        #expect(try world.pawl("rollback", "--reason", "test", "--yes").code == 10)
        try Model.expectToFollow(world)
    }

    @Test func whatWasKilledAndTurnedAroundIsABehaviourAndNothingElseIs() throws {
        let world = try Installation()
        #expect(try world.pawl("upgrade", "9.9.9").code == 12)
        let child = try world.begin("upgrade", "2.0.1")
        // Its migration is what it is killed in.
        try world.waitForLog("Migrating schema")
        child.signal(SIGKILL)
        #expect(try child.end().wasKilled)
        #expect(try world.pawl("resume").code == 10)
        try Model.expectToFollow(world)

        let log = try world.pawl("log", "--json").output.split(separator: "\n").map(String.init)
        #expect(log.contains { $0.contains(#""type":"resumed""#) })
        let altered = Model.alterations(of: log)
        #expect(altered.count > 2 * log.count)
        // The log itself goes the same way, or a tool that refuses everything would pass.
        let followed = try Model.followed(altered + [.init(name: "unaltered", log: log)])
        #expect(followed == ["unaltered"], "the model follows what cannot have happened")
    }
}

/// `tools/model --logs`, and logs for it.
enum Model {
    static let isThere = access("/usr/bin/spin", X_OK) == 0

    struct Alteration {
        let name: String
        let log: [String]
    }

    private static let tool = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "tools/model").path

    /// Fails where the model cannot do what the log says was done; nothing is asked without spin.
    static func expectToFollow(_ world: Installation) throws {
        guard isThere else { return }
        let log = try world.pawl("log", "--json")
        try world.directory.write(log.output, to: "log.jsonl")
        let end = try Child(tool, ["--logs", world.path("log.jsonl")], in: "/").end()
        let events = try world.pawl("log").output
        #expect(end.code == 0, "\(end.output)\(end.errors)\(events)")
    }

    /// The names of those that the model can do.
    static func followed(_ altered: [Alteration]) throws -> [String] {
        let folder = try Scratch()
        for alteration in altered {
            try folder.write(alteration.log.joined(separator: "\n"), to: alteration.name)
        }
        let end = try Child(tool, ["--logs"] + altered.map(\.name), in: folder.path).end()
        let lines = end.output.split(separator: "\n")
        #expect(end.code == (lines.allSatisfy(isFollowed) ? 0 : 1), "\(end.errors)")
        #expect(lines.count == altered.count, "\(end.errors)")
        return lines.filter(isFollowed).map { String($0.prefix { $0 != ":" }) }
    }

    private static func isFollowed(_ line: Substring) -> Bool { line.contains(" is a behaviour") }

    /// One upgrade's log with one event missing, told twice, or told before the one before it; and
    /// with one word of it another. What is only cut short is no alteration: it may be going on.
    static func alterations(of log: [String]) -> [Alteration] {
        var altered: [Alteration] = []
        for index in log.indices {
            var twice = log
            twice.insert(log[index], at: index)
            altered.append(Alteration(name: "twice-\(index + 1)", log: twice))
            guard index + 1 < log.count else { continue }
            var without = log
            without.remove(at: index)
            altered.append(Alteration(name: "without-\(index + 1)", log: without))
            var swapped = log
            swapped.swapAt(index, index + 1)
            altered.append(Alteration(name: "swapped-\(index + 1)", log: swapped))
        }
        let words = [
            ("older-number", #""fence_number":2"#, #""fence_number":1"#),
            ("another-position", #""fenceRaised":{"position":""#, #""fenceRaised":{"position":"x"#),
            ("not-saved", #""saveData""#, #""restoreData""#),
        ]
        for (name, word, other) in words {
            let changed = log.map { $0.replacing(word, with: other) }
            altered.append(Alteration(name: name, log: changed))
        }
        return altered
    }
}
