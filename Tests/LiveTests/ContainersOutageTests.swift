import DockerEngine
import Foundation
import Testing
import UpgradeMachine

@testable import Drivers

/// Settings that once left the service down after an upgrade, or on the way back.
@Suite("Containers that an upgrade once left down", .needsContainers, .timeLimit(.minutes(3)))
struct ContainersOutageTests {
    @Test("a published port stays published where the new image does not expose it")
    func publishedPort() async throws {
        try await ContainersWorld.run { world in
            let old = try await world.image(
                "old", stopSignal: "SIGTERM", changes: ["EXPOSE 4711"])
            let network = try await world.network("net")
            let made = try await world.engine.createContainer(
                name: world.name("web"),
                body: [
                    "Image": .string(old), "Cmd": ContainersWorld.sleeper,
                    "HostConfig": [
                        "NetworkMode": .string(network),
                        "PortBindings": ["4711/tcp": [["HostIp": "127.0.0.1", "HostPort": "0"]]],
                    ],
                ])
            try await world.engine.startContainer(made.id)
            let plan = try await world.plan(to: "2.0.0")
            let image = try await world.pulled("2.0.0")
            try #require(image.config["ExposedPorts", "4711/tcp"] == nil)
            _ = try await twice(.stop, world, plan)
            _ = try await twice(.start(release: plan.candidate), world, plan)
            let web = try await world.engine.inspectContainer(world.name("web"))
            let published = web.raw["NetworkSettings", "Ports", "4711/tcp"]?.arrayValue ?? []
            #expect(published.first?["HostIp"] == "127.0.0.1")
        }
    }

    @Test("linked containers are linked to each other's copies, and back")
    func links() async throws {
        try await ContainersWorld.run { world in
            let bridge: JSONValue = ["NetworkMode": "bridge"]
            for name in ["cache", "queue"] { try await world.container(name, host: bridge) }
            var host = bridge
            host["Links"] = [
                .string("\(world.name("cache")):first"), .string("\(world.name("queue")):second"),
            ]
            try await world.container(host: host)
            let members: KeyValuePairs<String, PlannedContainer.Role> = [
                "cache": .replaced, "queue": .replaced, "web": .replaced,
            ]
            let web = world.name("web")
            let expected: Set<String> = [
                "/\(world.name("cache")):/\(web)/first", "/\(world.name("queue")):/\(web)/second",
            ]
            func links() async throws -> Set<String> {
                let details = try await world.engine.inspectContainer(web)
                return Set(details.raw["HostConfig", "Links"]?.stringsValue ?? [])
            }
            try #require(try await links() == expected)
            let plan = try await world.plan(to: "2.0.0", members)
            let service = world.service
            _ = try await twice(.pull(release: plan.candidate), world, plan)
            // Twice, so that what the first one has renamed is looked at once more.
            let stopped = try await twice(.stop, world, plan)
            guard case .stopped(let kept, _) = stopped else { throw ContainersWorld.Unavailable() }
            _ = try await twice(.start(release: plan.candidate), world, plan)
            #expect(try await links() == expected)
            #expect(try await world.run(["cat", "/etc/hosts"], in: web).contains("first"))
            _ = try await service.perform(.removeCandidate, in: plan.silent)
            _ = try await twice(.startPrevious(kept: kept), world, plan)
            #expect(try await links() == expected)
        }
    }

    @Test("a container is given the time to stop that it was made to have")
    func stopTimeout() async throws {
        try await ContainersWorld.run { world in
            let slow = "trap 'sleep 7; exit 0' TERM; while :; do sleep 0.1; done"
            let web = try await world.container(config: [
                "Cmd": ["sh", "-c", .string(slow)], "StopTimeout": 60,
            ])
            // Its grace is 5 s.
            let plan = try await world.plan(to: "2.0.0")
            _ = try await world.service.perform(.stop, in: plan.silent)
            #expect(try await world.engine.inspectContainer(web.id).state.exitCode == 0)
        }
    }

    @Test("a volume's place may have a slash at its end")
    func trailingSlash() async throws {
        try await ContainersWorld.run { world in
            try await world.container(host: ["Binds": [.string("\(world.prefix)-data:/data/")]])
            let plan = try await world.plan(to: "2.0.0")
            _ = try await twice(.pull(release: plan.candidate), world, plan)
            _ = try await twice(.stop, world, plan)
            _ = try await twice(.start(release: plan.candidate), world, plan)
            let web = try await world.engine.inspectContainer(world.name("web"))
            #expect(web.mounts.map(\.volume) == ["\(world.prefix)-data"])
        }
    }

    @Test("volumes of a container that has been removed stay with the copy")
    func removedVolumesFrom() async throws {
        try await ContainersWorld.run { world in
            let data = try await world.container("data", config: ["Volumes": ["/data": [:]]])
            try await world.container(host: ["VolumesFrom": [.string(data.name)]])
            _ = try await world.run(["sh", "-c", "echo one > /data/file"], in: world.name("web"))
            try await world.engine.removeContainer(data.id, force: true)
            let plan = try await world.plan(to: "2.0.0")
            _ = try await twice(.pull(release: plan.candidate), world, plan)
            _ = try await twice(.stop, world, plan)
            _ = try await twice(.start(release: plan.candidate), world, plan)
            #expect(try await world.run(["cat", "/data/file"], in: world.name("web")) == "one\n")
        }
    }

    @Test("the lines of a container with a terminal are lines")
    func terminal() async throws {
        try await ContainersWorld.run { world in
            try await world.container(config: [
                "Tty": true,
                "Cmd": ["sh", "-c", "trap 'exit 0' TERM; echo one; echo two; sleep 600 & wait"],
            ])
            let plan = try await world.plan(to: "2.0.0")
            let deadline = ContinuousClock.now + .seconds(30)
            var lines: [String] = []
            while lines.joined().count < 6, ContinuousClock.now < deadline {
                lines = try await world.service.log(in: plan.silent, limitInBytes: 1000).lines
            }
            #expect(lines == ["one", "two"])
        }
    }

    @Test("the last words of a container that is being restarted are read")
    func restarting() async throws {
        try await ContainersWorld.run { world in
            let web = try await world.container(
                host: ["RestartPolicy": ["Name": "always"]],
                config: ["Cmd": ["sh", "-c", "echo last words; exit 3"]])
            // The engine waits longer and longer between two starts.
            let deadline = ContinuousClock.now + .seconds(60)
            var details = web
            while !(details.state.isRestarting && details.restartCount > 2) {
                try #require(ContinuousClock.now < deadline, "it is not being restarted")
                details = try await world.engine.inspectContainer(web.id)
            }
            let log = try await world.service.logText(of: details, tail: nil, limitInBytes: 1000)
            #expect(log?.text.contains("last words") == true)
        }
    }

    @Test("a copy that is made of another image than the candidate's does not stay")
    func movedName() async throws {
        try await ContainersWorld.run { world in
            let web = try await world.container()
            let other = try await world.pulled("2.0.1")
            let plan = try await world.plan(to: "2.0.0")
            let image = try await world.pulled("2.0.0")
            let scene = try Scene(world.engine, plan.silent)
            let planned = try #require(scene.replaced.first)
            _ = try await world.service.perform(.stop, in: plan.silent)
            let kept = try await world.engine.inspectContainer(web.id)
            let copy = try await world.service.copy(
                of: kept, planned, scene, image, name: other.id, copies: [:])
            let failure = await failure {
                _ = try await world.service.create(copy, from: image, scene)
            }
            #expect(failure?.code == "image-moved")
            #expect(try await scene.container(world.name("web")) == nil)
        }
    }
}

/// Copies are made once before anything is stopped.
@Suite("Copies tried out", .needsContainers, .timeLimit(.minutes(3)))
struct ContainersProbeLiveTests {
    @Test("what the engine refuses is the pull's failure, and the service goes on")
    func refused() async throws {
        try await ContainersWorld.run { world in
            let folder = FileManager.default.temporaryDirectory.appending(path: world.prefix)
            let manager = FileManager.default
            try manager.createDirectory(at: folder, withIntermediateDirectories: false)
            defer { try? manager.removeItem(at: folder) }  // The test may have removed it.
            let web = try await world.container(host: [
                "Mounts": [
                    ["Type": "bind", "Source": .string(folder.path()), "Target": "/files"]
                ]
            ])
            try manager.removeItem(at: folder)
            // A version that no other test pulls may have its tag already, and is pulled once.
            let tag = world.localTag("probe")
            let image = try await world.pulled("2.1.0")
            let repository = String(tag.dropLast(7))
            try await world.engine.tagImage(image.id, repository: repository, tag: "latest")
            let release = try await world.planner.localRelease(
                tag, version: "2.1.0", in: repository)
            let survey = try await world.planner.survey(world.selection(["web": .replaced]))
            let plan = try await world.plan(
                candidate: release, containers: survey.containers, repository: repository)
            let pull = Effect.pull(release: release)
            let service = world.service
            let failure = await failure { _ = try await service.perform(pull, in: plan.silent) }
            #expect(failure?.code == "engine-refused")
            #expect(failure?.message.contains("a copy of \(web.name)") == true)
            #expect(failure?.advice.hasPrefix("nothing was stopped") == true)
            #expect(try await service.observe(pull, in: plan.silent) == .absent)
            try await service.clear(pull, in: plan.silent)
            #expect(try await world.probes(of: plan).isEmpty)
            #expect(
                try await world.engine.inspectContainer(web.name).state.startedAt
                    == web.state.startedAt)

            try manager.createDirectory(at: folder, withIntermediateDirectories: false)
            _ = try await twice(pull, world, plan)
            #expect(try await world.probes(of: plan).isEmpty)
            try await world.engine.removeImage("\(repository):pawl-2.1.0")
        }
    }

    @Test("one that a crash has left is no candidate and nothing kept, and goes")
    func leftover() async throws {
        try await ContainersWorld.run { world in
            try await world.container()
            let plan = try await world.plan(to: "2.0.0")
            let service = world.service
            let pull = Effect.pull(release: plan.candidate)
            for clearing in ["end", "clear", "perform"] {
                try await leave(world, plan)
                let scene = try Scene(world.engine, plan.silent)
                #expect(try await scene.candidates().isEmpty)
                let survey = try await world.planner.survey(world.selection(["web": .replaced]))
                #expect(!survey.findings.contains { $0.code.hasPrefix("kept") })
                #expect(
                    try await service.observe(.tidy, in: plan.silent)
                        == .present(.tidied(removed: [])))
                switch clearing {
                case "end": try await service.endLeftovers(of: pull, in: plan.silent)
                case "clear": try await service.clear(pull, in: plan.silent)
                default: _ = try await service.perform(pull, in: plan.silent)
                }
                #expect(try await world.probes(of: plan).isEmpty, "\(clearing)")
            }
        }
    }

    private func leave(_ world: ContainersWorld, _ plan: Plan) async throws {
        let image = try await world.pulled("2.0.0")
        let scene = try Scene(world.engine, plan.silent)
        let planned = try #require(scene.replaced.first)
        let web = try await world.engine.inspectContainer(planned.id)
        let copy = try await world.service.copy(
            of: web, planned, scene, image, name: image.id, copies: [:])
        _ = try await world.service.create(copy, from: image, scene, isProbe: true)
        try #require(try await world.probes(of: plan).count == 1)
    }

    @Test("an empty volume of the service that runs stays empty")
    func emptyVolume() async throws {
        try await ContainersWorld.run { world in
            let place = "/usr/share"
            try await world.container(host: [
                "Binds": [.string("\(world.prefix)-data:\(place)")],
                "Mounts": [
                    [
                        "Type": "volume", "Source": .string("\(world.prefix)-more"),
                        "Target": "/etc/default",
                    ]
                ],
            ])
            let web = world.name("web")
            let list = ["sh", "-c", "ls -A \(place) /etc/default | grep -v :$ | grep ."]
            try #require(try await world.run(list, in: web) != "", "the image has nothing there")
            _ = try await world.run(
                ["sh", "-c", "rm -rf \(place)/* /etc/default/*"], in: web)
            try #require(try await world.run(list, in: web) == "")
            let plan = try await world.plan(to: "2.0.0")
            _ = try await world.service.perform(.pull(release: plan.candidate), in: plan.silent)
            #expect(try await world.run(list, in: web) == "")
        }
    }
}

extension ContainersWorld {
    fileprivate func probes(of plan: Plan) async throws -> [ContainerSummary] {
        try await engine.listContainers(
            all: true, filters: ["label": ["io.pawl.probe=\(plan.upgrade)"]])
    }
}
