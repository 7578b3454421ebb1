import Foundation
import Testing
import UpgradeMachine

@testable import Drivers

@Suite("An application on the host, after crashes and mistakes", .timeLimit(.minutes(1)))
struct HostCrashTests {
    /// Pulled and stopped, as a start finds it.
    func stopped(
        limits: Limits = Limits(stop: 10, start: 10), logFile: Bool = true
    ) async throws -> HostWorld {
        let world = try await HostWorld(limits: limits, logFile: logFile)
        _ = try await world.service.perform(
            .pull(release: world.plan.candidate), in: world.context)
        _ = try await world.service.perform(.stop, in: world.context)
        return world
    }

    func failure(_ effect: Effect, _ world: HostWorld) async -> Failure? {
        await #expect(throws: Failure.self) {
            try await world.service.perform(effect, in: world.context)
        }
    }

    // MARK: Pull

    @Test("A release that is half unpacked is torn, cleared, and unpacked anew")
    func tornPull() async throws {
        let world = try await HostWorld()
        defer { world.end() }
        try world.directory.write("half", to: "releases/.2.0.0.\(world.plan.upgrade).partial/start")
        let effect = Effect.pull(release: world.plan.candidate)
        guard case .torn = try await world.service.observe(effect, in: world.context) else {
            Issue.record("half a release was taken for one")
            return
        }
        try await world.service.clear(effect, in: world.context)
        #expect(try await world.service.observe(effect, in: world.context) == .absent)
        _ = try await world.service.perform(effect, in: world.context)
        #expect(try world.directory.read("releases/2.0.0/RELEASE") == "2.0.0")
        #expect(try world.store.partials() == [])
    }

    @Test("Leavings of older upgrades are tidied, releases are not")
    func tidy() async throws {
        let world = try await HostWorld()
        defer { world.end() }
        #expect(
            try await world.service.observe(.tidy, in: world.context)
                == .present(.tidied(removed: [])))
        try world.directory.write("half", to: "releases/.1.5.0.up-0.partial/deep/file")
        #expect(try await world.service.observe(.tidy, in: world.context) == .absent)
        #expect(
            try await world.service.perform(.tidy, in: world.context)
                == .tidied(removed: [".1.5.0.up-0.partial"]))
        #expect(FileManager.default.fileExists(atPath: world.directory.path("releases/1.0.0")))
    }

    @Test("The same version with another digest is another release, side by side")
    func sameVersion() async throws {
        var world = try await HostWorld()
        defer { world.end() }
        _ = try await world.service.perform(
            .pull(release: world.plan.candidate), in: world.context)
        try world.directory.write("2.0.0 again", to: "stage-2.0.0/RELEASE")
        let archive = world.directory.path("again.tar.zst")
        try Shell.run(
            ["tar", "--zstd", "-cf", archive, "-C", world.directory.path("stage-2.0.0"), "."])
        let again = try HostService.candidate(archive: archive, version: "2.0.0")
        #expect(again.digest != world.plan.candidate.digest)
        world.plan = .test(
            upgrade: world.plan.upgrade, current: world.plan.current, candidate: again,
            runtime: world.settings)
        let effect = Effect.pull(release: again)
        #expect(try await world.service.observe(effect, in: world.context) == .absent)
        let name = "2.0.0+\(again.digest.dropFirst("sha256:".count).prefix(12))"
        let receipt = Receipt.pulled(release: again, imageID: name)
        #expect(try await world.service.perform(effect, in: world.context) == receipt)
        #expect(try await world.service.observe(effect, in: world.context) == .present(receipt))
        #expect(try world.directory.read("releases/\(name)/RELEASE") == "2.0.0 again")
        #expect(try world.directory.read("releases/2.0.0/RELEASE") == "2.0.0")
    }

    @Test("An archive that is not the planned one is not put into place")
    func changedArchive() async throws {
        let world = try await HostWorld()
        defer { world.end() }
        try world.directory.write("changed", to: "stage-2.0.0/RELEASE")
        _ = try HostWorld.archive("2.0.0", in: world.directory)
        try world.directory.write("x", to: "stage-2.0.0/more")
        try Shell.run([
            "tar", "-czf", world.plan.candidate.reference, "-C",
            world.directory.path("stage-2.0.0"), ".",
        ])
        #expect(
            await failure(.pull(release: world.plan.candidate), world)?.code == "archive-changed")
        #expect(!FileManager.default.fileExists(atPath: world.directory.path("releases/2.0.0")))
    }

    @Test(
        "An archive that would write outside is refused, and writes nothing",
        arguments: [
            "n = tarfile.TarInfo('../escaped'); t.addfile(n)",
            "n = tarfile.TarInfo('a/../../escaped'); t.addfile(n)",
            "n = tarfile.TarInfo(OUT + '/escaped'); t.addfile(n)",
            """
            n = tarfile.TarInfo('l'); n.type = tarfile.SYMTYPE; n.linkname = OUT; t.addfile(n)
            n = tarfile.TarInfo('l/escaped'); t.addfile(n)
            """,
            "n = tarfile.TarInfo('device'); n.type = tarfile.FIFOTYPE; t.addfile(n)",
            "n = tarfile.TarInfo('./.pawl-release.json.partial'); n.type = tarfile.SYMTYPE; "
                + "n.linkname = OUT + '/victim'; t.addfile(n)",
            "",
        ])
    func escaping(python: String) async throws {
        var world = try await HostWorld()
        defer { world.end() }
        let archive = world.directory.path("evil.tar")
        let script = "import sys, tarfile\nOUT = sys.argv[2]\nt = tarfile.open(sys.argv[1], 'w')\n"
        try Shell.run(
            ["python3", "-c", script + python + "\nt.close()", archive, world.directory.path])
        world.plan = .test(
            upgrade: world.plan.upgrade, current: world.plan.current,
            candidate: try HostService.candidate(archive: archive, version: "2.0.0"),
            runtime: world.settings)
        #expect(await failure(.pull(release: world.plan.candidate), world)?.code == "bad-archive")
        #expect(!FileManager.default.fileExists(atPath: world.directory.path("escaped")))
        #expect(!FileManager.default.fileExists(atPath: world.directory.path("releases/2.0.0")))
    }

    // MARK: Start

    @Test("Killed between link and start: torn, and not started again")
    func linkAlone() async throws {
        let world = try await stopped()
        let effect = Effect.start(release: world.plan.candidate)
        try world.store.switchLink(to: "2.0.0")
        guard case .torn = try await world.service.observe(effect, in: world.context) else {
            Issue.record("a start that was begun is not torn")
            return
        }
        #expect(await failure(effect, world)?.code == "start-begun")
        #expect(try await world.service.observe(.removeCandidate, in: world.context) == .absent)
        _ = try await world.service.perform(.removeCandidate, in: world.context)
        _ = try await world.service.perform(.startPrevious(kept: nil), in: world.context)
        defer { world.end() }
        #expect(try world.link == "releases/1.0.0")
    }

    @Test("A start command that fails is told, with its last words")
    func refused() async throws {
        let world = try await stopped()
        try world.directory.write("", to: "refuse")
        let failure = await failure(.start(release: world.plan.candidate), world)
        #expect(failure?.code == "start-failed")
        #expect(failure?.message.contains("exited with 3") == true)
        #expect(failure?.excerpt == "starting 2.0.0\ncannot: refused\n")
    }

    @Test("A start command that hangs is ended at the limit, and the way back is free")
    func hanging() async throws {
        let world = try await stopped(limits: Limits(stop: 10, start: 1))
        try world.directory.write("", to: "hang")
        let tag = StepTag(upgrade: world.plan.upgrade, step: .start)
        #expect(
            await failure(.start(release: world.plan.candidate), world)?.code
                == "command-timed-out")
        #expect(!tag.isCarried())
        try FileManager.default.removeItem(atPath: world.directory.path("hang"))
        _ = try await world.service.perform(.removeCandidate, in: world.context)
        _ = try await world.service.perform(.startPrevious(kept: nil), in: world.context)
        world.end()
    }

    @Test("A resumed start leaves the application alone that the ended command has started")
    func adopted() async throws {
        let world = try await stopped()
        defer { world.end() }
        let effect = Effect.start(release: world.plan.candidate)
        let receipt = try await world.service.perform(effect, in: world.context)
        // As after a crash before the outcome was recorded.
        let resumed = HostService(settings: world.settings)
        try await resumed.endLeftovers(of: effect, in: world.context)
        #expect(try await resumed.observe(effect, in: world.context) == .present(receipt))
    }

    @Test("A start command that still runs is ended, with all that it has started")
    func leftover() async throws {
        let world = try await stopped()
        try world.directory.write("", to: "hang")
        let effect = Effect.start(release: world.plan.candidate)
        let tag = StepTag(upgrade: world.plan.upgrade, step: .start)
        // What a dead Pawl leaves: its command in a session of its own, its note, the link.
        try world.store.switchLink(to: "2.0.0")
        var command = Command(
            ["sh", "-c", "setsid sh -c 'setsid ./loop >/dev/null 2>&1 & ./start' >&2 & echo $!"],
            in: world.store.link, limit: .seconds(5))
        command.tag = tag
        command.outputFile = world.directory.path("left")
        let process = try #require(
            Int32(try await command.run().errors.split(separator: "\n").first ?? ""))
        let note = StartNote(tag: tag, process: process)
        try Files.makeDirectory(world.store.notes, mode: 0o700)
        try note.write(to: world.service.startNotePath)
        #expect(!note.hasEnded)
        #expect(tag.isCarried())
        try await world.service.endLeftovers(of: effect, in: world.context)
        #expect(!tag.isCarried())
        guard case .torn = try await world.service.observe(effect, in: world.context) else {
            Issue.record("a start that was ended is not torn")
            return
        }
    }

    @Test("The candidate's removal ends what its stop command does not know")
    func unknownToStop() async throws {
        let world = try await stopped()
        let tag = StepTag(upgrade: world.plan.upgrade, step: .start)
        _ = try await world.service.perform(
            .start(release: world.plan.candidate), in: world.context)
        var worker = Command(
            ["sh", "-c", "setsid sleep 50 >/dev/null 2>&1 &"], limit: .seconds(5))
        worker.tag = tag
        worker.outputFile = "/dev/null"
        _ = try await worker.run()
        _ = try await world.service.perform(.removeCandidate, in: world.context)
        #expect(!tag.isCarried())
        #expect(
            try await world.service.observe(.removeCandidate, in: world.context)
                == .present(.candidateRemoved))
    }

    // MARK: Planning and stop

    @Test("A release that was there before Pawl has a digest of its files, whatever their times")
    func unmarked() async throws {
        let world = try await HostWorld()
        defer { world.end() }
        let current = try HostService.currentRelease(world.settings)
        #expect(current.version == "1.0.0")
        #expect(current.reference == world.directory.path("releases/1.0.0"))
        try Shell.run(["touch", "-d", "2001-01-01", world.directory.path("releases/1.0.0/RELEASE")])
        #expect(try HostService.currentRelease(world.settings) == current)
        try Shell.run(["chmod", "600", world.directory.path("releases/1.0.0/RELEASE")])
        let other = try HostService.currentRelease(world.settings)
        #expect(other.digest != current.digest)
        // What it writes into its own directory does not make it another release in this upgrade.
        #expect(
            try await world.service.status(in: world.context).parts[0].releaseDigests
                == [current.digest])
    }

    @Test("A link that does not lead to a release is refused with advice", arguments: ["", "/tmp"])
    func noCurrent(target: String) async throws {
        let world = try await HostWorld()
        world.end()
        try FileManager.default.removeItem(atPath: world.directory.path("current"))
        if !target.isEmpty {
            try FileManager.default.createSymbolicLink(
                atPath: world.directory.path("current"), withDestinationPath: target)
        }
        let failure = #expect(throws: Failure.self) {
            try HostService.currentRelease(world.settings)
        }
        #expect(failure?.code == "no-current-release")
    }

    @Test("A link that somebody else moved is not stopped")
    func moved() async throws {
        let world = try await HostWorld()
        defer { world.end() }
        _ = try await world.service.perform(
            .pull(release: world.plan.candidate), in: world.context)
        try world.store.switchLink(to: "2.0.0")
        #expect(await failure(.stop, world)?.code == "current-moved")
    }

    @Test(
        "A version that is no directory's name is refused",
        arguments: ["", "..", ".x", "a/b", "a\nb"])
    func badVersion(version: String) async throws {
        let failure = #expect(throws: Failure.self) {
            try HostService.candidate(archive: "/dev/null", version: version)
        }
        #expect(failure?.code == "bad-version")
    }

    // MARK: Log

    enum Rotation: CaseIterable {
        case none, truncated, truncatedAndGrown, replaced
    }

    @Test("The log begins at the start, also after a rotation", arguments: Rotation.allCases)
    func log(rotation: Rotation) async throws {
        let world = try await stopped()
        let old =
            try String(repeating: "an old line\n", count: 50) + world.directory.read("app.log")
        try world.directory.write(old, to: "app.log")
        _ = try await world.service.perform(
            .start(release: world.plan.candidate), in: world.context)
        world.end()
        let new = "new line\n"
        switch rotation {
        case .none: break
        case .truncated: try world.directory.write(new, to: "app.log")
        case .truncatedAndGrown:
            try world.directory.write(String(repeating: new, count: 500), to: "app.log")
        case .replaced:
            try FileManager.default.removeItem(atPath: world.directory.path("app.log"))
            try world.directory.write(new, to: "app.log")
        }
        let log = try await HostService(settings: world.settings)
            .log(in: world.context, limitInBytes: 90)
        switch rotation {
        case .none: #expect(log == ServiceLog(lines: ["boot 2.0.0"], sizeInBytes: 11))
        case .truncated, .replaced:
            #expect(log == ServiceLog(lines: ["new line"], sizeInBytes: 9))
        case .truncatedAndGrown:
            #expect(log.sizeInBytes == 4500)
            #expect(log.lines == [String](repeating: "new line", count: 9))
        }
    }

    @Test("Without a log of its own, what it prints is its log")
    func ownOutput() async throws {
        let world = try await stopped(logFile: false)
        defer { world.end() }
        _ = try await world.service.perform(
            .start(release: world.plan.candidate), in: world.context)
        var lines: [String] = []
        while lines.count < 3 {
            lines = try await world.service.log(in: world.context, limitInBytes: 5000).lines
        }
        #expect(lines.prefix(3) == ["starting 2.0.0", "tick 1", "tick 2"])
    }
}

extension HostWorld {
    var store: ReleaseStore { service.store }
}
