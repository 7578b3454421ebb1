import Foundation
import Glibc
import Testing

// The host goes down within a step: Pawl and every container of the stack are killed. At the next
// boot the engine starts what the restart policies say, and `pawl resume --all` is all that is run.
// Its database is still coming up then.

@Suite("An upgrade whose host is restarted", .serialized, .needsTestbed, .needsPrivateBoot)
struct UpgradeRebootTests {
    struct Place: Sendable, CustomTestStringConvertible {
        let ambush: Ambush
        /// A start that was cut may have touched the data in a way that the candidate does not
        /// get over by itself.
        var ends: Set<Int32> = [0]
        /// Containers that the engine starts at the boot, by the ends of their names.
        let started: Set<String>

        var testDescription: String { ambush.testDescription }
    }

    static let places = [
        Place(
            ambush: Ambush("backUp", .bytes(65_536, of: "before"), "a part of the dump is written"),
            started: ["_db", "_web"]),
        Place(
            ambush: Ambush("stop", .intent, "the old container runs, and is started again"),
            started: ["_db", "_web"]),
        Place(
            ambush: Ambush("liftFence", .intent, "the old container is kept, and stays as it is"),
            started: ["_db"]),
        Place(
            ambush: Ambush(
                "start", .engine(action: "start") { event, _ in event.isCandidate },
                "the candidate runs, and is started again"),
            ends: [0, 10], started: ["_db", "_web"]),
        Place(
            ambush: Ambush(
                "verify",
                .answer(
                    to: """
                        SELECT COUNT(*) FROM information_schema.TABLES
                          WHERE TABLE_NAME = 'search_word'
                        """), "the data is being migrated, and the candidate started again"),
            started: ["_db", "_web"]),
    ]

    @Test(.timeLimit(.minutes(4)), arguments: places)
    func `It goes on to its end`(place: Place) async throws {
        try await Stack.running(slowly: 3) { stack in
            var pawl = try Pawl(stack)
            pawl.steadyFor = "1s"
            try await stack.addBallast()
            let dump = try await stack.dump()
            let notices = try await stack.notices(schema: 1)
            let old = try #require(try await stack.container(stack.web))

            try await goDown(
                &pawl, ["upgrade", "2.1.0"], at: place.ambush, expecting: place.started)
            let end = try await pawl.run("resume", "--all")
            #expect(place.ends.contains(end.status), "\(end.text)")
            if end.status == 0 {
                #expect(try await stack.version() == "2.1.0")
                #expect(try await stack.notices(schema: 2) == notices)
                try await expectVerified(stack, pawl, keeping: old)
            } else {
                expectSame(try await stack.dump(), dump)
                #expect(try await stack.version() == "1.0.0")
                try await expectRolledBack(stack, pawl, to: old)
            }
            try await expectTheReboot(pawl)
        }
    }

    static let placesOfTheWayBack = [
        Place(
            ambush: Ambush(
                "removeCandidate", .engine(action: "die") { event, _ in event.isCandidate },
                "the candidate has ended"), started: ["_db"]),
        Place(
            ambush: Ambush(
                "restoreData",
                .answer(
                    to: """
                        SELECT COUNT(*) > 0 FROM information_schema.PROCESSLIST
                          WHERE INFO LIKE 'INSERT INTO `ballast`%'
                        """), "the old rows are being loaded"), started: ["_db"]),
        Place(
            ambush: Ambush("verifyPrevious", .intent, "the old release is being asked"),
            started: ["_db", "_web"]),
    ]

    @Test(.timeLimit(.minutes(4)), arguments: placesOfTheWayBack)
    func `Its way back goes on to its end`(place: Place) async throws {
        try await Stack.running { stack in
            var pawl = try Pawl(stack)
            pawl.steadyFor = "1s"
            try await stack.addBallast()
            let dump = try await stack.dump()
            let old = try #require(try await stack.container(stack.web))

            try await goDown(
                &pawl, ["upgrade", "2.0.1"], at: place.ambush, expecting: place.started)
            try await pawl.run("resume", "--all", ends: 10)

            expectSame(try await stack.dump(), dump)
            #expect(try await stack.version() == "1.0.0")
            try await expectRolledBack(stack, pawl, to: old)
            try await expectTheReboot(pawl)
        }
    }

    @Test(.timeLimit(.minutes(4)))
    func `A database that does not come up is waited for, and nothing is judged by it`()
        async throws
    {
        try await Stack.running { stack in
            var pawl = try Pawl(stack)
            try await pawl.run("upgrade", "2.0.0", "--stop-before", "backed-up", ends: 15)
            let events = try pawl.log.entries().count
            try await Testbed.docker("stop", stack.database)
            pawl.bootIDFile = try stack.newBoot()
            let program = try pawl.start(["resume"])
            try await eventually("it says what it waits for") {
                program.errors.contains("Waiting for up to 2 minutes: ")
            }
            #expect(try pawl.log.entries().count == events, "it is not taken over yet")
            try await Testbed.docker("start", stack.database)
            let end = try await program.end()
            #expect(end.status == 0, "\(end.text)")
            #expect(try await stack.version() == "2.0.0")
        }
    }
}

/// The host goes down with everything on it, and comes up again as far as the engine brings it.
private func goDown(
    _ pawl: inout Pawl, _ words: [String], at ambush: Ambush, expecting started: Set<String>
) async throws {
    let stack = pawl.stack
    let program = try pawl.start(words, isSlow: true)
    defer { program.signal(SIGKILL) }
    try await ambush.catching(program, of: pawl)
    program.signal(SIGKILL)
    #expect(try await program.end().status == 128 + SIGKILL)
    #expect(try pawl.log.entries().openStep == ambush.step)

    let running = try await stack.containers().values.filter(\.state.isRunning)
    try await Testbed.docker("kill", arguments: running.map(\.id))
    let coming = running.filter { $0.policy != "no" }.sorted { $0.name < $1.name }
    #expect(Set(coming.map { String($0.name.dropFirst(stack.name.count)) }) == started)
    try await Testbed.docker("start", arguments: coming.map(\.id))
    pawl.bootIDFile = try stack.newBoot()
}

/// The timeline tells of one reboot, and that Pawl came back with the first event after it.
private func expectTheReboot(_ pawl: Pawl) async throws {
    struct Document: Decodable {
        struct Reboot: Decodable {
            let lastSequenceBefore: Int
            let firstSequenceAfter: Int
            let awayAtMostMilliseconds: Int
        }
        let reboots: [Reboot]
    }
    let json = try await pawl.run("timeline", "--json", ends: 0)
    let document = try JSONDecoder().decode(Document.self, from: Data(json.output.utf8))
    let reboot = try #require(document.reboots.first)
    #expect(document.reboots.count == 1)
    #expect((1..<120_000).contains(reboot.awayAtMostMilliseconds))
    let first = try pawl.log.entries().first { $0.sequence == reboot.firstSequenceAfter }
    #expect(first?.type == "resumed")
    let text = try await pawl.run("timeline", ends: 0).output
    #expect(text.contains("the host was restarted; it was away for at most"), "\(text)")
}

extension Stack {
    /// A file with the id of another boot.
    fileprivate func newBoot() throws -> String {
        let file = path("boot-id")
        try Data("\(UUID().uuidString.lowercased())\n".utf8).write(to: URL(filePath: file))
        return file
    }
}

extension Trait where Self == ConditionTrait {
    fileprivate static var needsPrivateBoot: Self {
        .enabled(if: geteuid() == 0, "root alone can mount another boot id for a process")
    }
}
