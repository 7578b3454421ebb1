import DockerEngine
import Testing
import UpgradeMachine

@testable import Drivers

/// What stands in front is told of each start, and a crash before that leaves it untold no longer.
@Suite("Telling a proxy of a start", .needsContainers, .timeLimit(.minutes(3)))
struct ContainersReloadTests {
    private static let file = "/tmp/told"

    private struct Proxied {
        let world: ContainersWorld
        let plan: Plan

        static func run(
            _ command: [String] = ["sh", "-c", "echo told >>\(file)"],
            _ body: (Proxied) async throws -> Void
        ) async throws {
            try await ContainersWorld.run { world in
                try await world.container()
                try await world.container("proxy")
                let plan = try await world.plan(to: "2.0.0")
                guard case .containers(let runtime) = plan.runtime else { return }
                let told = ContainerRuntime(
                    engine: runtime.engine, repository: runtime.repository,
                    localTag: runtime.localTag, containers: runtime.containers,
                    stopGrace: runtime.stopGrace, registry: runtime.registry,
                    reloads: [ProxyReload(container: world.name("proxy"), command: command)])
                try await body(
                    Proxied(
                        world: world,
                        plan: Plan(
                            upgrade: plan.upgrade, instance: plan.instance,
                            current: plan.current, candidate: plan.candidate,
                            runtime: .containers(settings: told), database: .none, fence: .none,
                            backups: plan.backups, checks: [], steadyFor: 0, limits: plan.limits)))
            }
        }

        func perform(_ effect: Effect) async throws -> Receipt {
            try await world.service.perform(effect, in: plan.silent)
        }

        func observe(_ effect: Effect) async throws -> Observation {
            try await world.service.observe(effect, in: plan.silent)
        }

        /// How often the proxy has been told.
        func told() async throws -> Int {
            let outcome = try await world.engine.runExec(
                in: world.name("proxy"),
                ExecCommand(["sh", "-c", "exit $(cat \(file) 2>/dev/null | wc -l)"]),
                limits: ExecLimits(whole: .seconds(10)))
            return outcome.exitCode
        }
    }

    @Test("After the candidate's start, after a crash before that, and after the way back")
    func told() async throws {
        try await Proxied.run { proxied in
            let start = Effect.start(release: proxied.plan.candidate)
            _ = try await proxied.perform(.pull(release: proxied.plan.candidate))
            _ = try await proxied.perform(.stop)
            #expect(try await proxied.told() == 0)
            let receipt = try await proxied.perform(start)
            #expect(try await proxied.told() == 1)
            let web = try await proxied.world.engine.inspectContainer(proxied.world.name("web"))

            // Nobody can see whether it was told, so that it is told again; nothing else is done.
            #expect(try await proxied.observe(start) == .absent)
            #expect(try await proxied.perform(start) == receipt)
            #expect(try await proxied.told() == 2)
            let again = try await proxied.world.engine.inspectContainer(web.id)
            #expect(again.state.startedAt == web.state.startedAt && again.state.isRunning)

            let back = Effect.startPrevious(kept: nil)
            _ = try await proxied.perform(.removeCandidate)
            let served = try await proxied.perform(back)
            #expect(try await proxied.observe(back) == .absent)
            #expect(try await proxied.perform(back) == served)
            #expect(try await proxied.told() == 4)
        }
    }

    @Test("One that refuses fails the step; one that does not run needs no telling")
    func refused() async throws {
        try await Proxied.run(["sh", "-c", "echo no such host >&2; exit 3"]) { proxied in
            let start = Effect.start(release: proxied.plan.candidate)
            _ = try await proxied.perform(.pull(release: proxied.plan.candidate))
            _ = try await proxied.perform(.stop)
            let failure = await failure { _ = try await proxied.perform(start) }
            #expect(failure?.code == "reload-failed" && failure?.isPermanent == false)
            #expect(failure?.excerpt?.contains("no such host") == true)
            // On the way back it does not keep the old release from serving.
            _ = try await proxied.perform(.removeCandidate)
            _ = try await proxied.perform(.startPrevious(kept: nil))
            let old = try await proxied.world.engine.inspectContainer(proxied.world.name("web"))
            #expect(old.state.isRunning)
        }
        try await Proxied.run(["sh", "-c", "exit 3"]) { proxied in
            _ = try await proxied.perform(.pull(release: proxied.plan.candidate))
            _ = try await proxied.perform(.stop)
            let proxy = proxied.world.name("proxy")
            try await proxied.world.engine.stopContainer(proxy, grace: .seconds(5))
            _ = try await proxied.perform(.start(release: proxied.plan.candidate))
        }
    }
}
