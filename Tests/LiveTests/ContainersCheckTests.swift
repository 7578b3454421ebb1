import DockerEngine
import Drivers
import Testing
import UpgradeMachine

/// What checks see of real containers.
@Suite("Containers checked", .needsContainers, .timeLimit(.minutes(3)))
struct ContainersCheckTests {
    private func plan(
        _ world: ContainersWorld, _ question: Check.Question
    ) async throws -> Plan {
        let plan = try await world.plan(to: "1.0.0")
        let release = Release(
            version: "7.1.0", reference: plan.candidate.reference, digest: plan.candidate.digest)
        return Plan(
            upgrade: plan.upgrade, instance: plan.instance, current: release, candidate: release,
            runtime: plan.runtime, database: .none, fence: .none, backups: plan.backups,
            checks: [Check(name: "inside", question: question)], steadyFor: 0, limits: Limits())
    }

    @Test("a container is asked at its own address, on a network of its own and on the host's")
    func address() async throws {
        try await ContainersWorld.run { world in
            let network = try await world.network("back")
            for mode in [network, "host"] {
                let port = mode == "host" ? 18_080 + Int.random(in: 0..<900) : 8080
                let server: JSONValue = [
                    "sh", "-c",
                    .string(
                        "echo Version 7.1.0 >/tmp/page; cd /tmp; exec python3 -m http.server \(port)"
                    ),
                ]
                let container = try await world.container(
                    host: ["NetworkMode": .string(mode)], config: ["Cmd": server])
                let plan = try await plan(
                    world,
                    .http(
                        probe: HTTPProbe(
                            url: "http://studio.internal:\(port)/page", status: 200,
                            version: .pattern(expression: "Version (.+)"), authorityFile: nil,
                            destination: .container(name: world.name("web")))))
                let receipt = try await Verification(service: world.service)
                    .perform(.verify(release: plan.candidate), in: plan.silent)
                guard case .verified(let results, _) = receipt else { throw Odd(receipt) }
                #expect(results.map(\.saw) == ["200, version 7.1.0"])
                try await world.engine.removeContainer(container.id, force: true)
            }
        }
    }

    @Test("a start that the engine's own count does not tell is another run")
    func restarted() async throws {
        try await ContainersWorld.run { world in
            try await world.container()
            let plan = try await world.plan(to: "1.0.0")
            let first = try #require(
                try await world.service.status(in: plan.silent).parts.first)
            let again = try #require(
                try await world.service.status(in: plan.silent).parts.first)
            #expect(first.run != nil && first == again)
            try await world.engine.stopContainer(world.name("web"), grace: .seconds(5))
            try await world.engine.startContainer(world.name("web"))
            let second = try #require(
                try await world.service.status(in: plan.silent).parts.first)
            #expect(second.restarts == first.restarts)
            #expect(second.run != first.run)
        }
    }
}
