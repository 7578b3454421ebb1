import Foundation
import Glibc
import Testing

// `kill -9` of Pawl within each step, at what the step has just done to the world. Each kill has a
// stack of its own. A kill that misses its step is a test that fails.

@Suite("An upgrade whose Pawl is killed", .serialized, .needsTestbed)
struct UpgradeKillTests {
    /// On the way to 2.1.0, whose migration takes a while.
    static let places = [
        Ambush(
            "pull", .engine(action: "pull") { event, stack in event.name.contains(stack.name) },
            "the image has come"),
        Ambush("raiseFence", .answer(to: "SELECT @@GLOBAL.read_only"), "the server is read-only"),
        Ambush("backUp", .bytes(65_536, of: "before"), "a part of the dump is written"),
        Ambush("stop", .engine(action: "die") { $0.name == $1.web }, "the container has ended"),
        Ambush(
            "stop", .engine(action: "rename") { $0.name.hasPrefix("\($1.web).pawl-") },
            "the container is parked"),
        Ambush(
            "liftFence", .answer(to: "SELECT NOT @@GLOBAL.read_only"),
            "the server takes writes again"),
        Ambush("liftFence", .intent, "the proof is being made"),
        Ambush(
            "start", .engine(action: "create") { event, _ in event.isCandidate },
            "the candidate is made"),
        Ambush(
            "start", .engine(action: "start") { event, _ in event.isCandidate },
            "the candidate runs"),
        Ambush(
            "verify",
            .answer(
                to: """
                    SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_NAME = 'search_word'
                    """), "the data is being migrated"),
        Ambush(
            "tidy", .engine(action: "destroy") { $0.name.hasPrefix("\($1.web).pawl-") },
            "the first of three is removed"),
    ].filter(\.canBeSeen)

    @Test(.timeLimit(.minutes(4)), arguments: places)
    func `An upgrade that is killed goes on to its end`(ambush: Ambush) async throws {
        try await Stack.running(slowly: 3) { stack in
            let repository = try PrivateRepository(of: stack)
            // Of its own, so that it is not on this host yet.
            try await repository.publish("2.1.0", patchLevel: 1)
            var pawl = try Pawl(stack)
            pawl.image = repository.image
            pawl.steadyFor = "1s"
            try await stack.addBallast()
            if ambush.step == "tidy" { try await stack.addKeptContainers(3) }
            let notices = try await stack.notices(schema: 1)
            let ballast = try await stack.dump(table: "ballast")
            let old = try #require(try await stack.container(stack.web))

            try await kill(pawl, ["upgrade", "2.1.0"], at: ambush)
            try await pawl.run("resume", ends: 0)

            #expect(try await stack.version() == "2.1.0")
            #expect(try await stack.notices(schema: 2) == notices)
            expectSame(try await stack.dump(table: "ballast"), ballast)
            try expectOnce(
                [
                    "pull", "backUp", "stop", "liftFence", "start", "verify", "tidy",
                ], pawl)
            if EngineEvents.arePrompt {
                #expect(stack.events.all.count { $0.isStartOfCandidate } == 1)
                #expect(
                    stack.events.all.count { $0.action == "die" && $0.name == stack.web } == 1,
                    "the old container was stopped once")
            }
            #expect(try pawl.finishedBackups().count == 1)
            try await expectVerified(stack, pawl, keeping: old)
        }
    }

    @Test(.timeLimit(.minutes(4)))
    func `So does one whose resumes are killed as well`() async throws {
        try await Stack.running(slowly: 5) { stack in
            let pawl = try Pawl(stack)
            try await stack.addBallast()
            let notices = try await stack.notices(schema: 1)
            let old = try #require(try await stack.container(stack.web))
            try await kill(pawl, ["upgrade", "2.1.0"], at: Self.place("backUp"))
            try await kill(pawl, ["resume"], at: Self.place("stop"))
            try await kill(pawl, ["resume"], at: Self.place("start"))
            try await kill(pawl, ["resume"], at: Self.place("verify"))
            try await pawl.run("resume", ends: 0)

            #expect(try await stack.notices(schema: 2) == notices)
            try expectOnce(["backUp", "stop", "liftFence", "start", "verify"], pawl, resumes: 4)
            #expect(stack.events.all.count { $0.isStartOfCandidate } == 1)
            #expect(try pawl.finishedBackups().count == 1)
            try await expectVerified(stack, pawl, keeping: old)
        }
    }

    private static func place(_ step: String) throws -> Ambush {
        try #require(places.last { $0.step == step })
    }
}

@Suite("A rollback whose Pawl is killed", .serialized, .needsTestbed)
struct UpgradeRollbackKillTests {
    /// On the way back from 2.0.1.
    static let places = [
        Ambush(
            "removeCandidate", .engine(action: "die") { event, _ in event.isCandidate },
            "the candidate has ended"),
        Ambush("saveData", .bytes(65_536, of: "migrated"), "a part of the dump is written"),
        Ambush("restoreData", .intent, "the data is saved, and nothing of it replaced"),
        Ambush(
            "restoreData",
            .answer(
                to: """
                    SELECT COUNT(*) > 0 FROM information_schema.PROCESSLIST
                      WHERE INFO LIKE 'INSERT INTO `ballast`%'
                    """), "the old rows are being loaded"),
        Ambush(
            "startPrevious", .engine(action: "rename") { $0.name == $1.web },
            "the old container has its name again"),
        Ambush("verifyPrevious", .intent, "the old release is being asked"),
    ].filter(\.canBeSeen)

    @Test(.timeLimit(.minutes(4)), arguments: places)
    func `A rollback that is killed goes on to its end`(ambush: Ambush) async throws {
        try await Stack.running { stack in
            var pawl = try Pawl(stack)
            pawl.steadyFor = "1s"
            try await stack.addBallast()
            let dump = try await stack.dump()
            let old = try #require(try await stack.container(stack.web))

            try await kill(pawl, ["upgrade", "2.0.1"], at: ambush) {
                guard ambush.step == "restoreData", case .intent = ambush.sign else { return }
                let objects = try await stack.objects()
                #expect(objects.contains("audit_trail"), "nothing is replaced yet")
            }
            try await pawl.run("resume", ends: 10)

            expectSame(try await stack.dump(), dump)
            #expect(try await stack.version() == "1.0.0")
            try expectOnce(
                [
                    "removeCandidate", "saveData", "restoreData", "startPrevious",
                    "verifyPrevious",
                ], pawl)
            if EngineEvents.arePrompt {
                #expect(stack.events.all.count { $0.isStartOfCandidate } == 1)
            }
            #expect(try pawl.finishedBackups().count == 2)
            try await expectRolledBack(stack, pawl, to: old)
        }
    }
}

/// Kills a command at the sign, once its log says that it is within the step.
func kill(
    _ pawl: Pawl, _ words: [String], at ambush: Ambush,
    whileStopped look: () async throws -> Void = {}
) async throws {
    let program = try pawl.start(words, isSlow: true)
    defer { program.signal(SIGKILL) }
    try await ambush.catching(program, of: pawl)
    try await look()
    program.signal(SIGKILL)
    #expect(try await program.end().status == 128 + SIGKILL)
    #expect(try pawl.log.entries().openStep == ambush.step)
}

/// Each step has one outcome, the take-over is on record, and the log is as it was written.
private func expectOnce(_ steps: [String], _ pawl: Pawl, resumes: Int = 1) throws {
    let entries = try pawl.log.entries()
    for step in steps {
        #expect(entries.outcomes(of: step).count == 1, "\(step) in \(entries.story)")
    }
    #expect(entries.count { $0.type == "resumed" } == resumes)
}

extension EngineEvents.Event {
    fileprivate var isStartOfCandidate: Bool { action == "start" && isCandidate }
}

extension Stack {
    /// Makes containers such as earlier upgrades have kept.
    fileprivate func addKeptContainers(_ count: Int) async throws {
        for number in 1...count {
            try await Testbed.docker(
                "create", "--name", "\(web).pawl-earlier-\(number)", "--network", "none",
                localTag)
        }
    }
}
