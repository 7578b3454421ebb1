import DockerEngine
import Drivers
import Foundation
import Testing
import UpgradeMachine

/// The world as a crash between any two calls leaves it.
@Suite("Containers after a crash", .needsContainers, .timeLimit(.minutes(3)))
struct ContainersCrashTests {
    /// A service and its plan, with the candidate's image there.
    private func begin(
        _ world: ContainersWorld, host: JSONValue = ["RestartPolicy": ["Name": "always"]],
        _ settings: [String: JSONValue] = [:], to version: String = "2.0.0"
    ) async throws -> Plan {
        try await world.container(host: host, config: settings)
        try await world.pulled(version)
        return try await world.plan(to: version)
    }

    enum Halfway: String, CaseIterable, Sendable {
        case stopped, policyless, renamed
    }

    @Test("a stop that got part of the way is finished, or taken back", arguments: Halfway.allCases)
    func stop(_ halfway: Halfway) async throws {
        try await ContainersWorld.run { world in
            let plan = try await begin(world)
            let (name, id) = (
                world.name("web"), try await world.engine.inspectContainer(world.name("web")).id
            )
            try await world.engine.stopContainer(id, grace: .seconds(5))
            if halfway != .stopped {
                try await world.engine.updateContainer(id, restartPolicy: .no)
            }
            if halfway == .renamed {
                try await world.engine.renameContainer(id, to: "\(name).pawl-\(plan.upgrade)")
            }
            let service = world.service
            let seen = try await service.observe(.stop, in: plan.silent)
            #expect((seen == .absent) == (halfway != .renamed))
            // Back at once, as where the stop was never finished: there is no evidence of it.
            _ = try await twice(.startPrevious(kept: nil), world, plan)
            let back = try await world.engine.inspectContainer(name)
            #expect(back.id == id && back.state.isRunning && back.restartPolicy.name == "always")
            _ = try await twice(.stop, world, plan)
        }
    }

    /// Stopping it takes the whole grace.
    private static let deaf: JSONValue = ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"]

    @Test("what is paused cannot start by itself while it is stopped on the way back")
    func pausedStays() async throws {
        try await ContainersWorld.run { world in
            try await world.container(
                "worker", host: ["RestartPolicy": ["Name": "always"]],
                config: ["Cmd": Self.deaf])
            try await world.container("web")
            try await world.pulled("2.0.0")
            let plan = try await world.plan(to: "2.0.0", ["web": .replaced, "worker": .paused])
            _ = try await world.service.perform(.stop, in: plan.silent)
            _ = try await world.service.perform(
                .start(release: plan.candidate), in: plan.silent)
            async let removed = world.service.perform(.removeCandidate, in: plan.silent)
            try await eventually {
                let worker = try await world.engine.inspectContainer(world.name("worker"))
                try #require(worker.state.isRunning, "stopped with its policy as it was")
                return worker.restartPolicy.name == "no"
            }
            _ = try await removed
        }
    }

    @Test("a container that is started again while the others stop is stopped after all")
    func startedAgain() async throws {
        try await ContainersWorld.run { world in
            try await world.container("slow", config: ["Cmd": Self.deaf])
            try await world.container("web")
            try await world.pulled("2.0.0")
            let plan = try await world.plan(to: "2.0.0", ["slow": .replaced, "web": .replaced])
            async let stopped = world.service.perform(.stop, in: plan.silent)
            try await eventually {
                try await !world.engine.inspectContainer(world.name("web")).state.isRunning
            }
            try await world.engine.startContainer(world.name("web"))
            let receipt = try await stopped
            #expect(
                try await world.service.observe(.stop, in: plan.silent) == .present(receipt))
        }
    }

    @Test("a copy that was made and never started is made anew, and its tag moved again")
    func created() async throws {
        try await ContainersWorld.run { world in
            let plan = try await begin(world)
            let service = world.service
            _ = try await service.perform(.stop, in: plan.silent)
            let half = try await world.container(
                version: "2.0.0", start: false,
                config: [
                    "Labels": [
                        "io.pawl.upgrade": .string(plan.upgrade),
                        "io.pawl.instance": .string(plan.instance),
                    ]
                ])
            let effect = Effect.start(release: plan.candidate)
            #expect(try await service.observe(effect, in: plan.silent) == .absent)
            _ = try await twice(effect, world, plan)
            let web = try await world.engine.inspectContainer(world.name("web"))
            #expect(web.id != half.id && web.state.isRunning)
        }
    }

    @Test("a candidate that ended is torn, is never started again, and goes")
    func ended() async throws {
        try await ContainersWorld.run { world in
            let plan = try await begin(
                world, host: [:],
                [
                    "Cmd": [
                        "sh", "-c",
                        "grep -q 2.0.1 RELEASE && { echo broken by design; exit 3; }; sleep 600",
                    ]
                ], to: "2.0.1")
            let service = world.service
            _ = try await service.perform(.stop, in: plan.silent)
            let effect = Effect.start(release: plan.candidate)
            let first = await failure { _ = try await service.perform(effect, in: plan.silent) }
            // It may end a moment after it was looked at.
            if let first {
                #expect(first.code == "candidate-ended" && first.isPermanent)
                #expect(first.message.contains("exited with 3"))
                #expect(first.excerpt == "broken by design\n")
            }
            _ = try await world.engine.waitContainer(world.name("web"), within: .seconds(10))
            let seen = try await service.observe(effect, in: plan.silent)
            guard case .torn(let detail) = seen else {
                Issue.record("\(seen)")
                return
            }
            #expect(detail.contains("exited with 3"))
            let before = try await world.engine.inspectContainer(world.name("web"))
            let second = await failure { _ = try await service.perform(effect, in: plan.silent) }
            #expect(second?.code == "candidate-ended")
            let after = try await world.engine.inspectContainer(world.name("web"))
            #expect(after.id == before.id && after.state.startedAt == before.state.startedAt)
            _ = try await twice(.removeCandidate, world, plan)
            _ = try await twice(.startPrevious(kept: nil), world, plan)
        }
    }

    @Test("of two candidates the one that runs is taken over, the other is started")
    func oneOfTwo() async throws {
        try await ContainersWorld.run { world in
            try await world.container("a")
            try await world.container("b")
            try await world.pulled("2.0.0")
            let plan = try await world.plan(to: "2.0.0", ["a": .replaced, "b": .replaced])
            let service = world.service
            let effect = Effect.start(release: plan.candidate)
            _ = try await service.perform(.stop, in: plan.silent)
            _ = try await service.perform(effect, in: plan.silent)
            try await world.engine.removeContainer(world.name("b"), force: true)
            let a = try await world.engine.inspectContainer(world.name("a"))
            #expect(try await service.observe(effect, in: plan.silent) == .absent)
            _ = try await twice(effect, world, plan)
            let again = try await world.engine.inspectContainer(world.name("a"))
            #expect(again.id == a.id && again.state.startedAt == a.state.startedAt)
        }
    }

    @Test("a container that somebody made anew is left alone, and nothing is stopped")
    func changed() async throws {
        try await ContainersWorld.run { world in
            try await world.container("other")
            _ = try await begin(world)
            let both = try await world.plan(to: "2.0.0", ["other": .replaced, "web": .replaced])
            try await world.engine.removeContainer(world.name("web"), force: true)
            let stranger = try await world.container()
            let refused = await failure {
                _ = try await world.service.perform(.stop, in: both.silent)
            }
            #expect(refused?.code == "container-changed" && refused?.isPermanent == true)
            let other = try await world.engine.inspectContainer(world.name("other"))
            #expect(other.state.isRunning)
            // The stop did nothing, and the stranger runs the old version: that serves.
            let back = try await twice(.startPrevious(kept: nil), world, both)
            guard case .previousStarted(let serving) = back else { throw Odd(back) }
            #expect(serving.parts.map(\.id) == [other.id, stranger.id])
        }
    }

    @Test("other settings under the same id are a change, too")
    func changedSettings() async throws {
        try await ContainersWorld.run { world in
            let network = try await world.network("late")
            let plan = try await begin(world, host: ["NetworkMode": "bridge"])
            try await world.engine.connectNetwork(network, container: world.name("web"))
            let refused = await failure {
                _ = try await world.service.perform(.stop, in: plan.silent)
            }
            #expect(refused?.code == "container-changed")
            #expect(refused?.message.contains("other settings") == true)
        }
    }

    @Test("a kept container that is gone cannot serve, and a taken name is told")
    func gone() async throws {
        try await ContainersWorld.run { world in
            let plan = try await begin(world)
            let service = world.service
            let stopped = try await service.perform(.stop, in: plan.silent)
            guard case .stopped(let kept, nil) = stopped else { throw Odd(stopped) }
            try await world.container(version: "2.0.0")
            for effect in [Effect.startPrevious(kept: kept), .start(release: plan.candidate)] {
                let taken = await failure { _ = try await service.perform(effect, in: plan.silent) }
                #expect(taken?.code == "name-taken" && taken?.isPermanent == true)
            }
            try await world.engine.removeContainer(kept.parts[0].id)
            let gone = await failure {
                _ = try await service.perform(.startPrevious(kept: kept), in: plan.silent)
            }
            #expect(gone?.code == "container-gone" && gone?.isPermanent == true)
            #expect(gone?.message.contains(kept.parts[0].keptAs) == true)
        }
    }

    @Test("a port that is taken leaves a copy that never ran, and the way back")
    func port() async throws {
        try await ContainersWorld.run { world in
            let plan = try await begin(
                world,
                host: [
                    "NetworkMode": "bridge",
                    "PortBindings": ["99/tcp": [["HostIp": "127.0.0.1", "HostPort": "18099"]]],
                ], ["ExposedPorts": ["99/tcp": [:]]])
            let service = world.service
            _ = try await service.perform(.stop, in: plan.silent)
            try await world.container(
                "thief",
                host: [
                    "NetworkMode": "bridge",
                    "PortBindings": ["99/tcp": [["HostIp": "127.0.0.1", "HostPort": "18099"]]],
                ], config: ["ExposedPorts": ["99/tcp": [:]]])
            let effect = Effect.start(release: plan.candidate)
            let refused = await failure { _ = try await service.perform(effect, in: plan.silent) }
            #expect(refused?.code == "port-in-use" && refused?.isPermanent == true)
            #expect(try await service.observe(effect, in: plan.silent) == .absent)
            try await world.engine.removeContainer(world.name("thief"), force: true)
            _ = try await twice(.removeCandidate, world, plan)
            _ = try await twice(.startPrevious(kept: nil), world, plan)
        }
    }
}
