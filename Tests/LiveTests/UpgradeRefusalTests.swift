import Foundation
import Glibc
import Testing

extension UpgradeTests {
    @Suite("What is refused beforehand", .serialized)
    struct Refusals {
        /// What is wrong, and what the message has to say about it.
        struct Fault: Sendable, CustomTestStringConvertible {
            let testDescription: String
            var version = "2.0.0"
            let words: [String]
            let arrange: @Sendable (inout Pawl, Stack) async throws -> Void
        }

        static let faults = [
            Fault(
                testDescription: "a wrong registry password", words: ["registry", "password"],
                arrange: { $0.registryPasswordFile = try $1.secret("wrong") }),
            Fault(
                testDescription: "an unknown version", version: "9.9.9",
                words: ["has no 9.9.9", "spelling"],
                arrange: { _, _ in }),
            Fault(
                testDescription: "a wrong database password",
                words: ["Access denied", "password"],
                arrange: { $0.databasePasswordFile = try $1.secret("wrong") }),
            Fault(
                testDescription: "a container that is not there", words: ["_nobody", "docker ps"],
                arrange: { $0.containers = ["\($1.name)_nobody"] }),
            Fault(
                testDescription: "a database container that is not there",
                words: ["_nothing", "docker ps"],
                arrange: { $0.databaseContainer = "\($1.name)_nothing" }),
            Fault(
                testDescription: "a database container that is stopped", words: ["docker start"],
                arrange: { _, stack in try await Testbed.docker("stop", stack.database) }),
            Fault(
                testDescription: "a service that does not run", words: ["start it"],
                arrange: { _, stack in try await Testbed.docker("stop", stack.web) }),
        ]

        @Test(.timeLimit(.minutes(2)), arguments: faults)
        func `It is refused, with what to do, and nothing is changed`(
            fault: Fault
        ) async throws {
            try await Stack.running { stack in
                var pawl = try Pawl(stack)
                try await fault.arrange(&pawl, stack)
                let before = try await stack.containers()
                let image = try await stack.imageID(stack.localTag)
                let result = try await pawl.run("upgrade", fault.version, ends: 12)
                for word in fault.words {
                    #expect(result.text.contains(word), "\(result.text)")
                }
                #expect(try await stack.containers() == before)
                #expect(try await stack.imageID(stack.localTag) == image)
                #expect(try pawl.files(in: pawl.backups).isEmpty)
                #expect(try pawl.log.entries().isEmpty)
                try await pawl.run("check", fault.version, ends: 12)
            }
        }
    }

    @Suite("A disk that gets full", .serialized)
    struct FullDisk {
        @Test(.timeLimit(.minutes(3)))
        func `A dump that no longer fits leaves everything as it was`() async throws {
            try await Stack.running { stack in
                let pawl = try Pawl(stack)
                try await SmallDisk.mounted(at: pawl.backups, sizeInMegabytes: 256) { disk in
                    try await stack.addBallast()
                    let dump = try await stack.dump()
                    let before = try await stack.containers()

                    let result = try await fill(
                        disk, of: pawl, upgradingTo: "2.0.0",
                        at: Ambush("backUp", .bytes(65_536, of: "before"), "being written"))
                    #expect([10, 12].contains(result.status), "\(result.text)")
                    #expect(result.text.contains("No space left"), "\(result.text)")
                    #expect(result.text.contains("make room"), "\(result.text)")

                    #expect(try await stack.containers() == before)
                    expectSame(try await stack.dump(), dump)
                    let left = try pawl.files(in: pawl.backups).filter { $0 != disk.filler }
                    #expect(left.isEmpty, "nothing that passes for a backup")
                    try await expectNothingAtWork(stack, pawl)

                    try disk.empty()
                    try await pawl.run("upgrade", "2.0.0", ends: 0)
                    try await pawl.run("replay", ends: 0)
                }
            }
        }

        @Test(.timeLimit(.minutes(3)))
        func `Where the migrated data cannot be saved a person is asked`() async throws {
            try await Stack.running { stack in
                let pawl = try Pawl(stack)
                try await SmallDisk.mounted(at: pawl.backups, sizeInMegabytes: 256) { disk in
                    try await stack.addBallast()
                    let dump = try await stack.dump()
                    let old = try #require(try await stack.container(stack.web))
                    let result = try await fill(
                        disk, of: pawl, upgradingTo: "2.0.1",
                        at: Ambush("saveData", .bytes(65_536, of: "migrated"), "being written"))
                    #expect(result.status == 11, "\(result.text)")
                    #expect(result.text.contains("make room"), "\(result.text)")
                    #expect(result.text.contains("pawl resume --retry"), "\(result.text)")
                    #expect(try await stack.objects().contains("audit_trail"), "not replaced")

                    try disk.empty()
                    try await pawl.run("resume", ends: 11)
                    try await pawl.run("upgrade", "2.0.0", ends: 12)
                    try await pawl.run("resume", "--retry", "--reason", "made room", ends: 10)
                    expectSame(try await stack.dump(), dump)
                    #expect(try pawl.finishedBackups().count == 2)
                    try await expectRolledBack(stack, pawl, to: old)
                    try await pawl.run("replay", ends: 0)
                }
            }
        }

        /// Fills the disk exactly when the dump has begun.
        private func fill(
            _ disk: SmallDisk, of pawl: Pawl, upgradingTo version: String, at ambush: Ambush
        ) async throws -> Program.Result {
            let program = try pawl.start(["upgrade", version], isSlow: true)
            defer { program.signal(SIGKILL) }
            try await ambush.catching(program, of: pawl)
            try disk.fill()
            program.signal(SIGCONT)
            return try await program.end()
        }
    }
}

/// A file system in memory of a few megabytes, for one test to fill.
private struct SmallDisk {
    let path: String
    let filler = "filler"

    static func mounted(
        at path: String, sizeInMegabytes: Int, _ body: (SmallDisk) async throws -> Void
    ) async throws {
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
        let options = "size=\(sizeInMegabytes)m,mode=700"
        try #require(
            mount("tmpfs", path, "tmpfs", 0, options) == 0,
            "mount \(path): \(String(cString: strerror(errno))); it needs root")
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(SmallDisk(path: path)))
        } catch {
            result = .failure(error)
        }
        // Where a program that a failed test has left still writes to it.
        umount2(path, Int32(MNT_DETACH))
        try result.get()
    }

    /// Writes until not one byte more fits.
    func fill() throws {
        let file = open("\(path)/\(filler)", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        for size in [1 << 20, 1 << 10, 1] {
            let bytes = [UInt8](repeating: 0, count: size)
            // A part of what was asked for may still fit.
            while write(file, bytes, size) > 0 {}
            try #require(errno == ENOSPC)
        }
    }

    func empty() throws { try FileManager.default.removeItem(atPath: "\(path)/\(filler)") }
}
