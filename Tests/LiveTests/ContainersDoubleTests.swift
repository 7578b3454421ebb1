import DockerEngine
import Testing
import UpgradeMachine

@testable import Drivers

/// Kept containers that join one another, and what stands for them once an upgrade is committed.
@Suite("Doubles of kept containers", .needsContainers, .timeLimit(.minutes(3)))
struct ContainersDoubleTests {
    /// As compose makes two services of which one has `network_mode: service:a`.
    @Test("Containers that join one another are kept without compose's labels, and come back")
    func joinedOfCompose() async throws {
        try await ContainersWorld.run { world in
            func labels(_ service: String) -> JSONValue {
                [
                    "com.docker.compose.project": "p", "com.docker.compose.config-hash": "h",
                    "com.docker.compose.service": .string(service),
                    "com.docker.compose.version": "2.0.0",
                ]
            }
            let first = try await world.container("a", config: ["Labels": labels("a")])
            try await world.container(
                "b", host: ["NetworkMode": .string("container:\(first.id)")],
                config: ["Labels": labels("b")])
            let plan = try await world.plan(to: "2.0.0", ["a": .replaced, "b": .replaced])
            try await world.pulled("2.0.0")
            for effect in [Effect.stop, .start(release: plan.candidate)] {
                _ = try await world.service.perform(effect, in: plan.silent)
            }
            // Killed with all doubles made, and the first of the kept ones removed.
            let scene = try Scene(world.engine, plan.silent)
            try await world.service.setAside(scene)
            let doubles = try await world.engine.listContainers(
                all: true, filters: ["label": [ContainerDouble.keeps]]
            ).map(\.id)
            #expect(doubles.count == 2)
            _ = try await twice(.tidy, world, plan)
            for id in doubles {
                #expect(try await world.engine.inspectContainer(id).composeProject == nil)
            }

            _ = try await twice(.removeCandidate, world, plan)
            _ = try await twice(.startPrevious(kept: Kept(parts: [])), world, plan)
            let a = try await world.engine.inspectContainer(world.name("a"))
            let b = try await world.engine.inspectContainer(world.name("b"))
            #expect(b.raw["HostConfig", "NetworkMode"]?.stringValue == "container:\(a.id)")
            #expect(a.state.isRunning && b.state.isRunning)
            #expect(a.composeProject?.service == "a" && b.composeProject?.service == "b")
        }
    }

    @Test("A crash between two that are set aside makes no double anew")
    func joinedCrash() async throws {
        try await ContainersWorld.run { world in
            let labels: JSONValue = [
                "com.docker.compose.project": "p", "com.docker.compose.config-hash": "h",
                "com.docker.compose.service": "s", "com.docker.compose.version": "2.0.0",
            ]
            let first = try await world.container("a", config: ["Labels": labels])
            let second = try await world.container(
                "b", host: ["NetworkMode": .string("container:\(first.id)")],
                config: ["Labels": labels])
            let plan = try await world.plan(to: "2.0.0", ["a": .replaced, "b": .replaced])
            try await world.pulled("2.0.0")
            for effect in [Effect.stop, .start(release: plan.candidate)] {
                _ = try await world.service.perform(effect, in: plan.silent)
            }
            let scene = try Scene(world.engine, plan.silent)
            let found = try await world.service.foundByCompose(scene)
            var doubles: [String: String] = [:]
            for (planned, kept) in found {
                doubles[kept.id] = try await world.service.makeDouble(
                    of: kept, planned, scene, doubles)
            }
            try await world.engine.removeContainer(second.id)
            _ = try await twice(.tidy, world, plan)
            // The very doubles, since the second joins the first.
            for id in doubles.values { _ = try await world.engine.inspectContainer(id) }
            _ = try await twice(.removeCandidate, world, plan)
            _ = try await twice(.startPrevious(kept: Kept(parts: [])), world, plan)
            let b = try await world.engine.inspectContainer(world.name("b"))
            #expect(b.state.isRunning)
        }
    }
}
