import Drivers
import Foundation
import Testing
import UpgradeMachine

/// An application made of shell scripts, as small as one can be that starts, stops and says so.
struct HostWorld {
    /// `start` leaves a loop in the background, which writes to the log each 50 ms.
    static let scripts = [
        "start": """
        #!/bin/sh
        echo "starting $(cat RELEASE)"; echo "boot $(cat RELEASE)" >> ../../app.log
        test -f ../../refuse && { echo "cannot: refused" >&2; exit 3; }
        test -f ../../hang && sleep 60
        setsid nohup ./loop & echo $! > ../../pid
        """,
        "loop": """
        #!/bin/sh
        i=0; while [ $i -lt 1200 ]; do i=$((i + 1)); echo "tick $i"; sleep 0.05; done
        """,
        "stop": """
        #!/bin/sh
        test -f ../../pid || exit 1
        kill "$(cat ../../pid)"; while ./status; do sleep 0.02; done; rm ../../pid
        """,
        "status": """
        #!/bin/sh
        test -f ../../pid || exit 3
        grep -q loop "/proc/$(cat ../../pid)/cmdline" 2>/dev/null && echo runs || exit 3
        """,
    ]

    let directory: TemporaryDirectory
    let settings: HostRuntime
    let service: HostService
    var plan: Plan
    var context: Context { plan.context }

    init(
        limits: Limits = Limits(stop: 10, start: 10), logFile: Bool = true
    ) async throws {
        directory = try TemporaryDirectory()
        settings = HostRuntime(
            directory: directory.path, start: ["./start"], stop: ["./stop"], status: ["./status"],
            logFile: logFile ? directory.path("app.log") : nil)
        service = HostService(settings: settings)
        for (name, script) in Self.scripts {
            try directory.write(script, to: "releases/1.0.0/\(name)", mode: 0o755)
        }
        try directory.write("1.0.0", to: "releases/1.0.0/RELEASE")
        try FileManager.default.createSymbolicLink(
            atPath: directory.path("current"), withDestinationPath: "releases/1.0.0")
        let archive = try Self.archive("2.0.0", in: directory)
        // An upgrade of its own: its tag must not end what a test beside this one runs.
        plan = .test(
            upgrade: "up-\(UUID().uuidString)", current: try HostService.currentRelease(settings),
            candidate: try HostService.candidate(archive: archive, version: "2.0.0"),
            runtime: settings, limits: limits)
        try await startByInit()
    }

    /// As this host's init would: without the tag of any step.
    func startByInit() async throws {
        // Foundation's Process would wait for the application, which inherits a socket of its.
        var start = Command(["./start"], in: directory.path("current"), limit: .seconds(10))
        start.outputFile = directory.path("first-start.log")
        _ = try await start.run()
    }

    static func archive(_ version: String, in directory: TemporaryDirectory) throws -> String {
        let stage = "stage-\(version)"
        for (name, script) in scripts {
            try directory.write(script, to: "\(stage)/\(name)", mode: 0o755)
        }
        try directory.write(version, to: "\(stage)/RELEASE")
        let archive = directory.path("\(version).tar.gz")
        try Shell.run(["tar", "-czf", archive, "-C", directory.path(stage), "."])
        return archive
    }

    /// Ends what a test has left running, by the id that its scripts noted.
    func end() {
        guard let id = try? directory.read("pid").trimmingCharacters(in: .newlines) else { return }
        _ = try? Shell.run(["kill", "-9", id])
    }

    var link: String {
        get throws {
            try FileManager.default.destinationOfSymbolicLink(atPath: directory.path("current"))
        }
    }
}

@Suite("An application on the host")
struct HostServiceTests {
    @Test("Pulled, stopped, started; then back", .timeLimit(.minutes(1)))
    func wholeWay() async throws {
        let world = try await HostWorld()
        defer { world.end() }
        let (service, context) = (world.service, world.context)
        let candidate = world.plan.candidate

        let pull = Effect.pull(release: candidate)
        #expect(try await service.observe(pull, in: context) == .absent)
        let pulled = try await service.perform(pull, in: context)
        #expect(pulled == .pulled(release: candidate, imageID: "2.0.0"))
        #expect(try await service.observe(pull, in: context) == .present(pulled))
        #expect(try await service.perform(pull, in: context) == pulled)

        #expect(try await service.observe(.stop, in: context) == .absent)
        let stopped = try await service.perform(.stop, in: context)
        let kept = Kept(parts: [.init(name: "current", id: "1.0.0", keptAs: "1.0.0")])
        #expect(stopped == .stopped(kept: kept, position: nil))
        #expect(try await service.observe(.stop, in: context) == .present(stopped))

        let start = Effect.start(release: candidate)
        #expect(try await service.observe(start, in: context) == .absent)
        let started = try await service.perform(start, in: context)
        #expect(
            started == .started(candidate: Served(parts: [.init(name: "current", id: "2.0.0")])))
        #expect(try await service.observe(start, in: context) == .present(started))
        #expect(try await service.perform(start, in: context) == started)
        let status = try await service.status(in: context)
        #expect(status.parts.map(\.isRunning) == [true])
        #expect(status.parts.map(\.releaseDigests) == [[candidate.digest]])
        let log = try await service.log(in: context, limitInBytes: 1000)
        #expect(log.lines == ["boot 2.0.0"])

        #expect(try await service.observe(.removeCandidate, in: context) == .absent)
        #expect(try await service.perform(.removeCandidate, in: context) == .candidateRemoved)
        #expect(
            try await service.observe(.removeCandidate, in: context)
                == .present(.candidateRemoved))
        let previous = Effect.startPrevious(kept: kept)
        #expect(try await service.observe(previous, in: context) == .absent)
        let back = try await service.perform(previous, in: context)
        #expect(try await service.observe(previous, in: context) == .present(back))
        #expect(try world.link == "releases/1.0.0")
        #expect(
            try await service.status(in: context).parts.map(\.releaseDigests)
                == [[world.plan.current.digest]])
    }

    @Test("A stop is done when the application has stopped, not when its command has")
    func waitsForTheStop() async throws {
        let world = try await HostWorld()
        defer { world.end() }
        try world.directory.write("#!/bin/sh\n", to: "releases/1.0.0/stop", mode: 0o755)
        // It runs as long as it was asked no more than three times.
        try world.directory.write("", to: "asked")
        try world.directory.write(
            """
            #!/bin/sh
            echo asked >> ../../asked
            test "$(wc -l < ../../asked)" -le 3 || exit 3
            """, to: "releases/1.0.0/status", mode: 0o755)
        _ = try await world.service.perform(.stop, in: world.context)
        let answers = try world.directory.read("asked").count { $0 == "\n" }
        #expect(answers == 4, "it was not waited for")
    }

    @Test("A start is done when the application runs, not when its command has ended")
    func waitsForTheStart() async throws {
        let world = try await HostWorld(limits: Limits(stop: 10, start: 1))
        defer { world.end() }
        let candidate = world.plan.candidate
        _ = try await world.service.perform(.pull(release: candidate), in: world.context)
        _ = try await world.service.perform(.stop, in: world.context)
        try world.directory.write("#!/bin/sh\n", to: "releases/2.0.0/start", mode: 0o755)
        let failure = await #expect(throws: Failure.self) {
            try await world.service.perform(.start(release: candidate), in: world.context)
        }
        #expect(failure?.code == "start-failed")
        #expect(failure?.message.contains("succeeded, but the application does not run") == true)
    }
}
