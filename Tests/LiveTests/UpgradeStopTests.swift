import Foundation
import Glibc
import Testing

extension UpgradeTests {
    @Suite("Stopped on request", .serialized)
    struct Stopped {
        @Test(.timeLimit(.minutes(3)))
        func `Ctrl-C during a migration leaves it to resume`() async throws {
            try await Stack.running(slowly: 5) { stack in
                let pawl = try Pawl(stack)
                let notices = try await stack.notices(schema: 1)
                let old = try #require(try await stack.container(stack.web))
                let ambush = Ambush(
                    "verify",
                    .answer(
                        to: """
                            SELECT COUNT(*) FROM information_schema.TABLES
                              WHERE TABLE_NAME = 'search_word'
                            """), "the data is being migrated")
                let stopped = try await stop(pawl, upgradingTo: "2.1.0", at: ambush, by: SIGINT)
                #expect(stopped.status == 15, "\(stopped.text)")
                #expect(stopped.text.contains("pawl resume"))
                let status = try await pawl.run("status", ends: 0)
                #expect(status.output.contains("pawl resume"), "\(status.text)")

                try await pawl.run("resume", ends: 0)
                #expect(try await stack.notices(schema: 2) == notices)
                #expect(stack.events.all.count { $0.action == "start" && $0.isCandidate } == 1)
                try await expectVerified(stack, pawl, keeping: old)
            }
        }

        @Test(.timeLimit(.minutes(3)))
        func `SIGTERM during the dump leaves a service that takes writes`() async throws {
            try await Stack.running { stack in
                let pawl = try Pawl(stack)
                try await stack.addBallast()
                let old = try #require(try await stack.container(stack.web))
                let stopped = try await stop(
                    pawl, upgradingTo: "2.0.0",
                    at: Ambush("backUp", .bytes(65_536, of: "before"), "it is being written"),
                    by: SIGTERM)
                #expect(stopped.status == 15, "\(stopped.text)")
                #expect(stopped.text.contains("pawl resume"))
                #expect(try await stack.container(stack.web) == old)
                try await expectNothingAtWork(stack, pawl)
                let notices = try await stack.notices(schema: 1)

                try await pawl.run("resume", ends: 0)
                #expect(try await stack.notices(schema: 2) == notices)
                #expect(try pawl.finishedBackups().count == 1)
                try await expectVerified(stack, pawl, keeping: old)
            }
        }

        @Test(.timeLimit(.minutes(3)))
        func `It stops before every state, and goes on`() async throws {
            try await Stack.running { stack in
                let pawl = try Pawl(stack)
                let old = try #require(try await stack.container(stack.web))
                try await pawl.run("upgrade", "2.0.0", "--stop-before", "pulled", ends: 15)
                for state in ["backed-up", "stopped"] {
                    try await pawl.run("resume", "--stop-before", state, ends: 15)
                    #expect(try await stack.container(stack.web) == old)
                    try await expectNothingAtWork(stack, pawl)
                }
                let notices = try await stack.notices(schema: 1)
                try await pawl.run("resume", "--stop-before", "started", ends: 15)
                #expect(try await stack.container(stack.web) == nil)
                try await pawl.run("resume", "--stop-before", "verified", ends: 15)
                #expect(try await stack.container(stack.web)?.isCandidate == true)
                try await pawl.run("resume", ends: 0)
                #expect(try await stack.notices(schema: 2) == notices)
                try await expectVerified(stack, pawl, keeping: old)
                try await pawl.run("replay", ends: 0)
            }
        }

        @Test(.timeLimit(.minutes(3)))
        func `What is written while it waits survives a rollback`() async throws {
            try await Stack.running { stack in
                let pawl = try Pawl(stack)
                let old = try #require(try await stack.container(stack.web))
                try await pawl.run("upgrade", "2.0.1", "--stop-before", "stopped", ends: 15)
                #expect(try await stack.post("written while it waits") == 201)
                let dump = try await stack.dump()
                try await pawl.run("resume", ends: 10)
                expectSame(try await stack.dump(), dump)
                let entries = try pawl.log.entries()
                #expect(
                    entries.contains { $0.type == "backupInvalidated" }, "\(entries.story)")
                try await expectRolledBack(stack, pawl, to: old)
            }
        }

        /// Stops it exactly there, so that the signal is the next thing that it meets.
        private func stop(
            _ pawl: Pawl, upgradingTo version: String, at ambush: Ambush, by signal: Int32
        ) async throws -> Program.Result {
            let program = try pawl.start(["upgrade", version], isSlow: true)
            defer { program.signal(SIGKILL) }
            try await ambush.catching(program, of: pawl)
            program.signal(signal)
            program.signal(SIGCONT)
            return try await program.end()
        }
    }

    @Suite("Two at once", .serialized)
    struct TwoAtOnce {
        @Test(.timeLimit(.minutes(3)))
        func `One works, and the other says who holds the instance`() async throws {
            try await Stack.running { stack in
                let pawl = try Pawl(stack)
                let old = try #require(try await stack.container(stack.web))
                let programs = try [
                    pawl.start(["upgrade", "2.0.0"]), pawl.start(["upgrade", "2.0.0"]),
                ]
                var results: [(program: Program, result: Program.Result)] = []
                for program in programs { results.append((program, try await program.end())) }
                results.sort { $0.result.status < $1.result.status }
                try #require(
                    results.map(\.result.status) == [0, 13], "\(results.map(\.result.text))")
                let words = results[1].result.errors
                #expect(words.contains("process \(results[0].program.pid)"), "\(words)")
                #expect(words.contains("\(String(cString: getpwuid(geteuid()).pointee.pw_name))"))
                #expect(try pawl.log.entries().count { $0.type == "planned" } == 1)
                try await expectVerified(stack, pawl, keeping: old)
            }
        }

        @Test(.timeLimit(.minutes(3)), arguments: ["resume", "upgrade"])
        func `Nobody comes between in the middle of it`(command: String) async throws {
            try await Stack.running(slowly: 5) { stack in
                let pawl = try Pawl(stack)
                let first = try pawl.start(["upgrade", "2.1.0"])
                defer { first.signal(SIGKILL) }
                try await eventually("it verifies") {
                    // A log that is being written to is asked again.
                    (try? pawl.log.entries())?.openStep == "verify"
                }
                let words = command == "upgrade" ? ["upgrade", "2.0.0"] : [command]
                let second = try await pawl.start(words).end()
                #expect(second.status == 13, "\(second.text)")
                #expect(second.errors.contains("process \(first.pid)"), "\(second.text)")
                #expect(try await pawl.run("status").status == 0, "looking is always allowed")
                #expect(try await first.end().status == 0)
            }
        }
    }
}
