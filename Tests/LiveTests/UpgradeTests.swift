import Foundation
import Testing

/// The built program on real containers, one stack after the other: the machine has two cores.
@Suite("Upgrades of a real stack", .serialized, .needsTestbed)
enum UpgradeTests {}

extension UpgradeTests {
    @Suite("The way forward", .serialized)
    struct Forward {
        @Test(.timeLimit(.minutes(4)), arguments: [[], ["--binlog"]])
        func `An upgrade migrates the data and keeps the old container`(
            arguments: [String]
        ) async throws {
            try await Stack.running(arguments: arguments) { stack in
                let pawl = try Pawl(stack)
                #expect(try await stack.post("of before") == 201)
                let notices = try await stack.notices(schema: 1)
                let old = try #require(try await stack.container(stack.web))
                try await pawl.run("upgrade", "2.0.0", ends: 0)

                #expect(try await stack.version() == "2.0.0")
                #expect(try await stack.notices(schema: 2) == notices)
                #expect(
                    try await stack.dump().contains("CREATE TABLE `schema_version`"))
                try await expectVerified(stack, pawl, keeping: old)

                let told = try await pawl.run("upgrade", "2.0.0", ends: 0)
                #expect(told.text.contains("nothing to do"))
                #expect(try await stack.containers().count == 3)
                #expect(try pawl.finishedBackups().count == 1)
            }
        }

        @Test(.timeLimit(.minutes(4)))
        func `The same version with a new digest is an upgrade`() async throws {
            try await Stack.running { stack in
                let repository = try PrivateRepository(of: stack)
                var pawl = try Pawl(stack)
                pawl.image = repository.image
                try await repository.publish("2.0.0", patchLevel: 1)
                try await pawl.run("upgrade", "2.0.0", ends: 0)
                let first = try #require(try await stack.container(stack.web))
                let told = try await pawl.run("upgrade", "2.0.0", ends: 0)
                #expect(told.text.contains("nothing to do"))
                #expect(try await stack.container(stack.web) == first)

                try await repository.publish("2.0.0", patchLevel: 2)
                try await pawl.run("upgrade", "2.0.0", ends: 0)
                let second = try #require(try await stack.container(stack.web))
                #expect(second.id != first.id)
                #expect(second.imageID != first.imageID)
                try await expectVerified(stack, pawl, keeping: first)
            }
        }
    }

    @Suite("The way back", .serialized)
    struct Back {
        @Test(.timeLimit(.minutes(4)), arguments: ["2.0.1", "2.0.2"])
        func `An unfit release is replaced by the old one with its data`(
            version: String
        ) async throws {
            try await Stack.running { stack in
                let pawl = try Pawl(stack)
                #expect(try await stack.post("of before") == 201)
                let (dump, objects) = (try await stack.dump(), try await stack.objects())
                let old = try #require(try await stack.container(stack.web))
                let result = try await pawl.run("upgrade", version, ends: 10)

                #expect(result.output.contains("rolled back"))
                #expect(try await stack.objects() == objects)
                expectSame(try await stack.dump(), dump)
                #expect(try await stack.version() == "1.0.0")
                try await expectRolledBack(stack, pawl, to: old)
                let saved = try await pawl.savedData(containing: "CREATE TABLE `author`")
                #expect(saved, "the migrated data is saved")
                // The sick one has changed every notice's letters.
                #expect(try await pawl.savedData(containing: "of before"))
                try await pawl.run("replay", ends: 0)
            }
        }

        @Test(.timeLimit(.minutes(4)))
        func `A person goes back after a good upgrade`() async throws {
            try await Stack.running { stack in
                let pawl = try Pawl(stack)
                let dump = try await stack.dump()
                let old = try #require(try await stack.container(stack.web))
                try await pawl.run("upgrade", "2.0.0", ends: 0)
                #expect(try await stack.post("of later") == 201)
                let asked = try await pawl.run("rollback", "--reason", "second thoughts", ends: 12)
                #expect(asked.errors.contains("--yes"))

                try await pawl.run("rollback", "--reason", "second thoughts", "--yes", ends: 10)
                expectSame(try await stack.dump(), dump)
                #expect(try await stack.version() == "1.0.0")
                try await expectRolledBack(stack, pawl, to: old)
                #expect(try await pawl.savedData(containing: "of later"))
                #expect(try pawl.log.entries().contains { $0.body.contains("second thoughts") })
                try await pawl.run("replay", ends: 0)
            }
        }

        @Test(.timeLimit(.minutes(4)))
        func `A spent outage budget turns the upgrade around`() async throws {
            try await Stack.running(slowly: 60) { stack in
                var pawl = try Pawl(stack)
                pawl.limits = ["outage": "6s"]
                let dump = try await stack.dump()
                let old = try #require(try await stack.container(stack.web))
                let result = try await pawl.run("upgrade", "2.1.0", ends: 10)
                #expect(result.output.contains("outage budget"), "\(result.text)")
                #expect(
                    try pawl.log.entries().contains { $0.failureCode == "outage-budget" })
                expectSame(try await stack.dump(), dump)
                try await expectRolledBack(stack, pawl, to: old)
            }
        }
    }
}
