import DockerEngine
import Drivers
import Foundation
import Testing
import UpgradeMachine

/// Each step done twice, and the way there and back.
@Suite("Containers upgraded", .needsContainers, .timeLimit(.minutes(3)))
struct ContainersUpgradeTests {
    @Test("there and back, every step twice, with a paused writer and a local tag")
    func roundTrip() async throws {
        try await ContainersWorld.run { world in
            let tag = world.localTag()
            let old = try await world.pulled("1.0.0")
            try await world.engine.tagImage(
                old.id, repository: String(tag.dropLast(7)), tag: "latest")
            try await world.container(
                host: ["RestartPolicy": ["Name": "unless-stopped"]], config: ["Image": .string(tag)]
            )
            try await world.container("worker", host: ["RestartPolicy": ["Name": "always"]])
            let plan = try await world.plan(
                to: "2.0.0", ["web": .replaced, "worker": .paused], localTag: tag)
            #expect(plan.current.version == "1.0.0")
            let service = world.service

            let pulled = try await twice(.pull(release: plan.candidate), world, plan)
            guard case .pulled(_, let imageID) = pulled else { throw Odd(pulled) }
            #expect(try await world.engine.inspectImage(tag).id == old.id, "not before the start")

            let stopped = try await twice(.stop, world, plan)
            guard case .stopped(let kept, nil) = stopped else { throw Odd(stopped) }
            #expect(kept.parts.map(\.keptAs).last == world.name("worker"))
            try await expectParked(world, plan)

            let started = try await twice(.start(release: plan.candidate), world, plan)
            guard case .started(let served) = started else { throw Odd(started) }
            let web = try await world.engine.inspectContainer(world.name("web"))
            #expect(served.parts.map(\.id) == [web.id, kept.parts[1].id])
            #expect(web.imageID == imageID && web.configImage == tag)
            #expect(web.restartPolicy.name == "unless-stopped")
            #expect(try await world.engine.inspectImage(tag).id == imageID)
            let worker = try await world.engine.inspectContainer(world.name("worker"))
            #expect(worker.state.isRunning && worker.restartPolicy.name == "always")

            for _ in 1...2 {
                _ = try await twice(.removeCandidate, world, plan)
                try await expectParked(world, plan)
                let previous = try await twice(.startPrevious(kept: kept), world, plan)
                guard case .previousStarted(let serving) = previous else { throw Odd(previous) }
                #expect(serving.parts.map(\.id) == kept.parts.map(\.id))
                #expect(try await world.engine.inspectImage(tag).id == old.id)
                let back = try await world.engine.inspectContainer(world.name("web"))
                #expect(back.restartPolicy.name == "unless-stopped" && back.state.isRunning)
                // And once more all the way, with what the first time has left.
                #expect(try await twice(.stop, world, plan) == stopped)
                _ = try await twice(.start(release: plan.candidate), world, plan)
            }
            let status = try await service.status(in: plan.silent)
            #expect(status.parts.map(\.isRunning) == [true, true])
            #expect(status.parts[0].releaseDigests.contains(plan.candidate.digest))
        }
    }

    private func expectParked(_ world: ContainersWorld, _ plan: Plan) async throws {
        let kept = try await world.engine.inspectContainer(
            "\(world.name("web")).pawl-\(plan.upgrade)")
        let worker = try await world.engine.inspectContainer(world.name("worker"))
        #expect(!kept.state.isRunning && kept.restartPolicy.name == "no")
        #expect(!worker.state.isRunning && worker.restartPolicy.name == "no")
        await #expect(throws: DockerError.self) {
            _ = try await world.engine.inspectContainer(world.name("web"))
        }
    }

    @Test("what an earlier upgrade kept goes with the next one's success, and nothing else")
    func tidy() async throws {
        try await ContainersWorld.run { world in
            try await world.container()
            let first = try await world.plan(to: "2.0.0", upgrade: "u1")
            let service = world.service
            _ = try await service.perform(.pull(release: first.candidate), in: first.silent)
            _ = try await service.perform(.stop, in: first.silent)
            _ = try await service.perform(.start(release: first.candidate), in: first.silent)
            #expect(
                try await service.observe(.tidy, in: first.silent) == .present(.tidied(removed: []))
            )
            let second = try await world.plan(to: "2.1.0", upgrade: "u2")
            #expect(second.current.version == "2.0.0")
            let survey = try await world.planner.survey(world.selection(["web": .replaced]))
            #expect(survey.findings.contains { $0.code == "kept" })
            // In somebody's use, whatever their names say.
            try await world.container("web.pawl-mine", config: ["Labels": ["mine": "1"]])
            try await world.container(
                "web.pawl-policy", host: ["RestartPolicy": ["Name": "always"]], start: false)
            try await world.container("otherweb.pawl-x", start: false)
            _ = try await service.perform(.pull(release: second.candidate), in: second.silent)
            _ = try await service.perform(.stop, in: second.silent)
            _ = try await service.perform(.start(release: second.candidate), in: second.silent)
            #expect(try await service.observe(.tidy, in: second.silent) == .absent)
            let removed = try await service.perform(.tidy, in: second.silent)
            #expect(removed == .tidied(removed: ["\(world.name("web")).pawl-\(first.upgrade)"]))
            #expect(try await service.perform(.tidy, in: second.silent) == .tidied(removed: []))
            let names = try await world.engine.listContainers(all: true).map(\.name)
            for name in ["web", "web.pawl-mine", "web.pawl-policy", "otherweb.pawl-x"] {
                #expect(names.contains(world.name(name)))
            }
            #expect(names.contains("\(world.name("web")).pawl-\(second.upgrade)"))
        }
    }

    @Test("the log is that of the present start, the newest part of it")
    func log() async throws {
        try await ContainersWorld.run { world in
            try await world.container(config: [
                "Cmd": [
                    "sh", "-c",
                    "trap 'exit 0' TERM; echo start $$ one; echo two >&2; sleep 600 & wait",
                ]
            ])
            let plan = try await world.plan(to: "2.0.0")
            let name = world.name("web")
            var log = try await world.service.log(in: plan.silent, limitInBytes: 1000)
            while log.lines.count < 2 {
                log = try await world.service.log(in: plan.silent, limitInBytes: 1000)
            }
            #expect(log.lines.contains("two") && log.lines.contains { $0.hasSuffix("one") })
            try await world.engine.stopContainer(name, grace: .seconds(5))
            try await world.engine.startContainer(name)
            var again = try await world.service.log(in: plan.silent, limitInBytes: 1000)
            while again.lines.count < 2 {
                again = try await world.service.log(in: plan.silent, limitInBytes: 1000)
            }
            #expect(again.lines.count == 2 && again.sizeInBytes == log.sizeInBytes)
            let short = try await world.service.log(in: plan.silent, limitInBytes: 4)
            #expect(short.lines.joined().utf8.count <= 4 && short.sizeInBytes == log.sizeInBytes)
        }
    }

    @Test("an image that was imported is known by its id, and never pulled")
    func imported() async throws {
        try await ContainersWorld.run { world in
            let image = try await world.pulled("2.0.0")
            let name = world.localTag("imported")
            let repository = String(name.dropLast(7))
            try await world.engine.tagImage(image.id, repository: repository, tag: "latest")
            let release = try await world.planner.localRelease(
                name, version: "7.0.0", in: repository)
            #expect(release.digest == image.id)
            let runtime = ContainerRuntime(
                engine: "", repository: repository, localTag: nil, containers: [], stopGrace: 1,
                registry: nil)
            let plan = try await world.plan(candidate: release, containers: [])
            let local = Plan(
                upgrade: plan.upgrade, instance: plan.instance, current: release,
                candidate: release, runtime: .containers(settings: runtime), database: .none,
                fence: .none, backups: "", checks: [], steadyFor: 0, limits: Limits())
            let receipt = try await twice(.pull(release: release), world, local)
            #expect(receipt == .pulled(release: release, imageID: image.id))
            try await world.engine.removeImage("\(repository):pawl-7.0.0")
        }
    }
}

/// A receipt of another kind than the step's.
struct Odd: Error {
    let receipt: Receipt
    init(_ receipt: Receipt) { self.receipt = receipt }
}
