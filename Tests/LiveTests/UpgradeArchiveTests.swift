import Foundation
import Glibc
import Testing

/// Upgrades from a file, with a registry that is not there.
@Suite("Upgrades without a registry", .serialized, .needsTestbed)
struct UpgradeArchiveTests {
    typealias Kind = ImageArchives.Kind

    /// Podman takes what Docker saves only as it is.
    private static let gzip = Testbed.engine == "podman" ? Kind.zstd : .gzip
    static let kinds = Kind.allCases.filter { Testbed.engine == "docker" || $0 != .gzip }

    private func offline(
        _ version: String = "1.0.0", slowly: Int = 3,
        _ body: (Stack, ImageArchives, Pawl) async throws -> Void
    ) async throws {
        try await Stack.running(version, slowly: slowly) { stack in
            let archives = ImageArchives(stack: stack)
            var pawl = try Pawl(stack)
            pawl.image = archives.repository
            try await archives.adoptingServing(version, in: archives.repository) {
                try await body(stack, archives, pawl)
            }
        }
    }

    @Test(.timeLimit(.minutes(4)), arguments: kinds)
    func `An archive is enough, of whatever kind`(kind: Kind) async throws {
        try await offline { stack, archives, pawl in
            let archive = try await archives.make("2.0.0", kind)
            let notices = try await stack.notices(schema: 1)
            let old = try #require(try await stack.container(stack.web))
            let checked = try await pawl.run("check", "--archive", archive.path, ends: 0)
            #expect(checked.output.contains("compare it with what its vendor says"))
            #expect(try await !archives.isLoaded(archive.imageID), "a check loads nothing")

            try await pawl.run("upgrade", "--archive", archive.path, ends: 0)
            #expect(try await stack.version() == "2.0.0")
            #expect(try await stack.notices(schema: 2) == notices)
            #expect(try await stack.container(stack.web)?.imageID == archive.imageID)
            #expect(
                try await stack.imageID("\(archives.repository):2.0.0") == archive.imageID,
                "it has the name that a pulled one has")
            try await expectVerified(stack, pawl, keeping: old)

            let told = try await pawl.run("upgrade", "2.0.0", "--archive", archive.path, ends: 0)
            #expect(told.text.contains("nothing to do"))
            try await pawl.run("replay", ends: 0)
        }
    }

    @Test(.timeLimit(.minutes(4)))
    func `An unfit release from an archive is rolled back, and a good one by hand`() async throws {
        try await offline { stack, archives, pawl in
            let (dump, old) = (
                try await stack.dump(), try #require(try await stack.container(stack.web))
            )
            let unfit = try await archives.make("2.0.1", Self.gzip)
            try await pawl.run("upgrade", "--archive", unfit.path, ends: 10)
            expectSame(try await stack.dump(), dump)
            try await expectRolledBack(stack, pawl, to: old)
            let before = try await stack.dump()

            let good = try await archives.make("2.0.0")
            try await pawl.run("upgrade", "--archive", good.path, ends: 0)
            try await pawl.run("verify", ends: 0)
            // The way back needs the file no more.
            try FileManager.default.removeItem(atPath: good.path)
            try await pawl.run("rollback", "--reason", "second thoughts", "--yes", ends: 10)
            expectSame(try await stack.dump(), before)
            try await expectRolledBack(stack, pawl, to: old)
            try await pawl.run("replay", ends: 0)
        }
    }

    @Test(.timeLimit(.minutes(4)), arguments: [Kind.gzip, .zstd, .layout])
    func `Pawl is killed while the engine loads, and goes on`(kind: Kind) async throws {
        let ambush = Ambush("pull", .loading, "the engine unpacks the archive")
        guard ambush.canBeSeen else { return }
        try await offline { stack, archives, pawl in
            let archive = try await archives.make("2.0.0", kind)
            let old = try #require(try await stack.container(stack.web))
            let program = try pawl.start(["upgrade", "--archive", archive.path], isSlow: true)
            defer { program.signal(SIGKILL) }
            try await ambush.catching(program, of: pawl)
            program.signal(SIGKILL)
            #expect(try await program.end().status == 128 + SIGKILL)
            #expect(try pawl.log.entries().openStep == "pull")

            try await pawl.run("resume", ends: 0)
            #expect(try await stack.version() == "2.0.0")
            #expect(try await stack.container(stack.web)?.imageID == archive.imageID)
            #expect(try pawl.log.entries().outcomes(of: "pull").count == 1)
            try await expectVerified(stack, pawl, keeping: old)
        }
    }

    @Test(.timeLimit(.minutes(4)))
    func `A name that the archive takes is given back until the start`() async throws {
        try await offline { stack, archives, pawl in
            // Somebody's `docker-compose up` would start what has this name.
            let archive = try await archives.make("2.0.0", name: stack.localTag)
            let old = try #require(try await stack.container(stack.web))
            try await pawl.run(
                "upgrade", "2.0.0", "--archive", archive.path, "--stop-before", "backed-up",
                ends: 15)
            #expect(try await archives.isLoaded(archive.imageID))
            #expect(try await stack.imageID(stack.localTag) == old.imageID)
            try await pawl.run("resume", ends: 0)
            #expect(try await stack.imageID(stack.localTag) == archive.imageID)
            try await expectVerified(stack, pawl, keeping: old)
        }
    }

    /// The engine ends a load whose client has gone, and moves the name after that.
    @Test(.timeLimit(.minutes(4)))
    func `A load that is given up leaves the name where it was`() async throws {
        let ambush = Ambush("pull", .loading, "the engine unpacks the archive")
        guard ambush.canBeSeen else { return }
        try await offline { stack, archives, pawl in
            let archive = try await archives.make("2.0.0", name: stack.localTag)
            let old = try #require(try await stack.container(stack.web))
            try await kill(pawl, ["upgrade", "2.0.0", "--archive", archive.path], at: ambush)
            // However far the engine gets with it.
            try await Testbed.docker("load", "--input", archive.path)
            try await pawl.run("rollback", "--reason", "given up", "--yes", ends: 10)
            #expect(try await stack.imageID(stack.localTag) == old.imageID)
            #expect(try await stack.container(stack.web) == old)
        }
    }

    @Test(.timeLimit(.minutes(4)))
    func `An archive that was replaced since is not loaded`() async throws {
        try await offline { stack, archives, pawl in
            let archive = try await archives.make("2.0.0")
            let other = try await archives.make("2.0.2")
            try await pawl.run(
                "upgrade", "--archive", archive.path, "--stop-before", "pulled", ends: 15)
            try FileManager.default.removeItem(atPath: archive.path)
            try FileManager.default.moveItem(atPath: other.path, toPath: archive.path)
            let old = try #require(try await stack.container(stack.web))
            let result = try await pawl.run("resume", ends: 10)
            #expect(result.text.contains("is not the archive of the plan"), "\(result.text)")
            for id in [archive.imageID, other.imageID] { #expect(try await !archives.isLoaded(id)) }
            try await expectRolledBack(stack, pawl, to: old)
            #expect(try await stack.container(stack.web) == old)
        }
    }

    // MARK: - Refused beforehand

    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var options: [String] = []
        let words: [String]
        /// Changes the archive, or what lies beside it.
        let shell: String
    }

    static let faults = [
        Fault(
            testDescription: "it is cut", words: ["not a whole archive", "gzip"],
            shell: #"truncate --size=-1000 "$0""#),
        Fault(
            testDescription: "a byte in its middle was altered", words: ["not a whole archive"],
            shell: #"printf '\377\377' | dd of="$0" bs=1 seek=5000000 conv=notrunc status=none"#),
        Fault(
            testDescription: "its vendor means another file",
            options: [
                "--sha256", String(repeating: "0a", count: 32),
            ], words: ["is not the file that --sha256 means"], shell: ":"),
        Fault(
            testDescription: "its checksum beside it is another's",
            words: ["is not the file that", ".sha256 means"],
            shell: #"echo "$(echo x | sha256sum | cut -c1-64)  $(basename "$0")" > "$0.sha256""#),
        Fault(
            testDescription: "it is no image archive",
            words: ["neither manifest.json nor index.json"],
            shell: #"tar -czf "$0" -C /etc hostname"#),
        Fault(
            testDescription: "it is another version", options: ["2.1.0"],
            words: ["holds version 2.0.0", "2.1.0 was asked for"], shell: ":"),
        Fault(
            testDescription: "it is not there", words: ["No such file"], shell: #"rm "$0""#),
    ]

    @Test(.timeLimit(.minutes(4)))
    func `What is wrong with an archive is told before anything is done`() async throws {
        try await offline { stack, archives, pawl in
            let archive = try await archives.make("2.0.0", .layoutInGzip)
            let before = try await stack.containers()
            for fault in Self.faults {
                let path = stack.path("faulty.tar.gz")
                try? FileManager.default.removeItem(atPath: "\(path).sha256")
                try? FileManager.default.removeItem(atPath: path)
                try FileManager.default.copyItem(atPath: archive.path, toPath: path)
                let arranged = try await Program.run(["sh", "-c", fault.shell, path])
                try #require(arranged.status == 0, "\(arranged.text)")
                let program = try pawl.start(["upgrade"] + fault.options + ["--archive", path])
                let result = try await program.end()
                #expect(result.status == 12, "\(fault): \(result.text)")
                for word in fault.words {
                    #expect(result.text.contains(word), "\(fault): \(result.text)")
                }
            }
            #expect(try await stack.containers() == before)
            #expect(try await !archives.isLoaded(archive.imageID))
            #expect(try pawl.log.entries().isEmpty)

            // The same file with the right words beside it.
            let sum = try await Program.run(["sha256sum", archive.path])
            try Data(sum.output.utf8).write(to: URL(filePath: "\(archive.path).sha256"))
            let good = try await pawl.run(
                "check", "--archive", archive.path, "--sha256", String(sum.output.prefix(64)),
                ends: 0)
            #expect(good.output.contains("as --sha256 and \(archive.path).sha256 says"))
        }
    }

    @Test(.timeLimit(.minutes(4)))
    func `Another application's image is refused, unless archives call it so`() async throws {
        try await offline { stack, archives, pawl in
            let archive = try await archives.make("2.0.0", name: "\(stack.name)/board:2.0.0")
            let result = try await pawl.run("check", "--archive", archive.path, ends: 12)
            #expect(result.text.contains("\(stack.name)/board:2.0.0"), "\(result.text)")
            #expect(result.text.contains("archived_as"), "\(result.text)")
        }
    }
}

@Suite("Versions that may not follow", .serialized, .needsTestbed)
struct UpgradeVersionTests {
    @Test(.timeLimit(.minutes(4)))
    func `A floor is not jumped over, whoever names it`() async throws {
        try await Stack.running { stack in
            var pawl = try Pawl(stack)
            pawl.versions = "{ floors: [2.0.0, 1.0.0] }"
            let refused = try await pawl.run("upgrade", "2.1.0", ends: 12)
            #expect(refused.text.contains("upgrade to 2.0.0 first"), "\(refused.text)")
            #expect(try pawl.log.entries().isEmpty)
            try await pawl.run("check", "2.0.0", ends: 0)

            let repository = try PrivateRepository(of: stack)
            try await repository.publish(
                "2.1.0", patchLevel: 1, labels: #"LABEL io.pawl.floors="1.0.1 2.0.0""#)
            pawl.versions = "{}"
            pawl.image = repository.image
            let archives = ImageArchives(stack: stack)
            try await archives.adoptingServing("1.0.0", in: repository.image) {
                let labelled = try await pawl.run("check", "2.1.0", ends: 12)
                #expect(labelled.text.contains("1.0.1 (io.pawl.floors)"), "\(labelled.text)")
                #expect(labelled.text.contains("1.0.1, then 2.0.0, then 2.1.0"))
            }

            let archive = try await archives.make(
                "2.1.0", name: "\(stack.name)/releases:2.1.0",
                labels: "LABEL io.pawl.floors=2.0.0")
            let archived = try await pawl.run("check", "--archive", archive.path, ends: 12)
            #expect(archived.text.contains("2.0.0 (io.pawl.floors)"), "\(archived.text)")
        }
    }

    @Test(.timeLimit(.minutes(4)))
    func `An older version is refused, unless the configuration allows it`() async throws {
        try await Stack.running("2.0.0") { stack in
            var pawl = try Pawl(stack)
            let refused = try await pawl.run("upgrade", "1.0.1", ends: 12)
            #expect(refused.text.contains("1.0.1 is older than 2.0.0"), "\(refused.text)")
            #expect(refused.text.contains("pawl rollback"), "\(refused.text)")
            #expect(try pawl.log.entries().isEmpty)
            pawl.versions = "{ downgrade: allow }"
            let allowed = try await pawl.run("check", "1.0.1", ends: 0)
            #expect(allowed.text.contains("1.0.1 is older than 2.0.0"), "\(allowed.text)")
        }
    }
}
