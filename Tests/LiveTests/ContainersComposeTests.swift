import DockerEngine
import Foundation
import Testing
import UpgradeMachine

@testable import Drivers

extension Trait where Self == ConditionTrait {
    fileprivate static var needsCompose: Self {
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: "/usr/bin/docker-compose"),
            "needs docker-compose 1.29 at /usr/bin (apt-get install docker-compose)")
    }
}

/// What docker-compose makes of an upgrade that it did not do.
@Suite("Containers of docker-compose", .needsContainers, .needsCompose, .timeLimit(.minutes(3)))
struct ContainersComposeTests {
    /// A project with one service, which runs release 1.0.0 under a tag of this host.
    private struct Project {
        let world: ContainersWorld
        let plan: Plan
        private let folder: URL

        static func run(_ body: (Project) async throws -> Void) async throws {
            try await ContainersWorld.run { world in
                let tag = world.localTag()
                let old = try await world.pulled("1.0.0")
                try await world.engine.tagImage(
                    old.id, repository: String(tag.dropLast(7)), tag: "latest")
                let folder = FileManager.default.temporaryDirectory.appending(path: world.prefix)
                try FileManager.default.createDirectory(
                    at: folder, withIntermediateDirectories: true)
                defer { try? FileManager.default.removeItem(at: folder) }
                let file = """
                    version: "2.4"
                    services:
                      web:
                        container_name: \(world.name("web"))
                        image: \(tag)
                        command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
                        restart: always
                        volumes: ["/data"]
                        networks: {net: {aliases: [board]}}
                    networks:
                      net: {external: {name: \(try await world.network("net"))}}
                    """
                try Data(file.utf8).write(to: folder.appending(path: "docker-compose.yml"))
                try await up(world, folder)
                let plan = try await world.plan(to: "2.0.0", localTag: tag)
                try await body(Project(world: world, plan: plan, folder: folder))
            }
        }

        func up() async throws { try await Self.up(world, folder) }

        private static func up(_ world: ContainersWorld, _ folder: URL) async throws {
            var command = Command(
                ["/usr/bin/docker-compose", "-p", world.prefix, "up", "-d"], in: folder.path,
                limit: .seconds(60))
            command.environment = ["DOCKER_HOST": "\(world.engine.endpoint)"]
            let result = try await command.run()
            try #require(result.isSuccess, "\(result.output) \(result.errors)")
        }

        @discardableResult
        func perform(_ effect: Effect) async throws -> Receipt {
            try await world.service.perform(effect, in: plan.silent)
        }

        func upgrade() async throws {
            try await perform(.pull(release: plan.candidate))
            try await perform(.stop)
            try await perform(.start(release: plan.candidate))
        }

        var web: ContainerDetails {
            get async throws { try await world.engine.inspectContainer(world.name("web")) }
        }

        var planned: PlannedContainer {
            get throws {
                guard case .containers(let runtime) = plan.runtime else {
                    throw CancellationError()
                }
                return try #require(runtime.containers.first)
            }
        }

        var keptName: String { world.name("web") + ".pawl-" + plan.upgrade }

        /// All that `up` could have changed, by name.
        func all() async throws -> [String: String] {
            var all: [String: String] = [:]
            for summary in try await world.engine.listContainers(all: true) {
                guard summary.ownName.contains(world.prefix) else { continue }
                let details = try await world.engine.inspectContainer(summary.id)
                let started = details.state.startedAt.map { "\($0)" } ?? "never"
                all[details.name] = "\(details.id) \(details.state.status) since \(started)"
            }
            return all
        }
    }

    @Test("`up` after an upgrade leaves all as it is; so does one after a rollback by hand")
    func up() async throws {
        try await Project.run { project in
            let pinned = try await project.world.planner.survey(
                project.world.selection(["web": .replaced]))
            // Without a tag that moves, the file's own name stands for the old version for ever.
            #expect(pinned.findings.contains { $0.code == "compose-names-version" })
            let survey = try await project.world.planner.survey(
                project.world.selection(["web": .replaced], localTag: project.plan.localTag))
            let finding = try #require(survey.findings.first { $0.code == "compose" })
            #expect(finding.text.contains("leaves the new container as it is"))
            let old = try await project.web
            try await project.upgrade()
            let candidate = try await project.web
            #expect(try await twice(.tidy, project.world, project.plan) == .tidied(removed: []))
            let upgraded = try await project.all()
            #expect(Set(upgraded.keys) == [project.world.name("web"), project.keptName])
            try await project.up()
            #expect(try await project.all() == upgraded)
            #expect(try await project.web.id == candidate.id && candidate.id != old.id)

            let kept = Kept(parts: [
                Kept.Part(
                    name: project.world.name("web"), id: try project.planned.id,
                    keptAs: project.keptName)
            ])
            _ = try await twice(.removeCandidate, project.world, project.plan)
            _ = try await twice(.startPrevious(kept: kept), project.world, project.plan)
            let restored = try await project.web
            #expect(restored.imageID == old.imageID && restored.configImage == old.configImage)
            #expect(restored.state.isRunning && restored.restartPolicy == old.restartPolicy)
            #expect(restored.mounts == old.mounts && !old.mounts.isEmpty)
            #expect(restored.networks.map(\.name) == old.networks.map(\.name))
            #expect(restored.networks.first?.aliases.contains("board") == true)
            #expect(restored.composeProject == old.composeProject)
            let rolledBack = try await project.all()
            #expect(Array(rolledBack.keys) == [project.world.name("web")])
            try await project.up()
            #expect(try await project.all() == rolledBack)

            // And the next upgrade knows nothing of the detour.
            let plan = try await project.world.plan(
                to: "2.0.0", localTag: project.plan.localTag, upgrade: "u2")
            for effect in [Effect.stop, .start(release: plan.candidate), .tidy] {
                _ = try await twice(effect, project.world, plan)
            }
            let again = try await project.all()
            try await project.up()
            #expect(try await project.all() == again)
        }
    }

    @Test("A crash anywhere while the kept one is set aside, or made anew, is gone on from")
    func crashes() async throws {
        try await Project.run { project in
            let engine = project.world.engine
            try await project.upgrade()
            // Half a double was made.
            let half = ContainerDouble.name(of: project.keptName)
            _ = try await engine.createContainer(
                name: half,
                body: [
                    "Image": .string(try project.planned.imageID),
                    "Labels": [ContainerDouble.keeps: .string(try project.planned.id)],
                ])
            try await project.perform(.tidy)
            let double = try await engine.inspectContainer(project.keptName)
            #expect(!double.mounts.isEmpty && double.composeProject == nil)
            #expect(double.restartPolicy == .no && double.state.startedAt == nil)
            // The kept one is gone, and the double has not its name yet.
            try await engine.renameContainer(double.id, to: half)
            let service = project.world.service
            #expect(try await service.observe(.tidy, in: project.plan.silent) == .absent)
            try await project.perform(.tidy)
            #expect(try await engine.inspectContainer(project.keptName).id == double.id)

            // On the way back the copy was made, and not started.
            try await project.perform(.removeCandidate)
            let name = project.world.name("web")
            let copy = try await engine.createContainer(
                name: name,
                body: [
                    "Image": .string(try project.planned.imageID),
                    "Labels": [ContainerDouble.keeps: .string(try project.planned.id)],
                ])
            let kept = Kept(parts: [])
            let back = Effect.startPrevious(kept: kept)
            #expect(try await service.observe(back, in: project.plan.silent) == .absent)
            try await project.perform(back)
            let restored = try await project.web
            #expect(restored.id != copy.id && restored.state.isRunning)
            #expect(restored.composeProject != nil && restored.mounts == double.mounts)
        }
    }

    @Test("`up` in the middle of an upgrade is told from the upgrade's own doing")
    func amidst() async throws {
        try await Project.run { project in
            try await project.upgrade()
            let candidate = try await project.web
            try await project.up()
            let after = try await project.web
            #expect(after.imageID == candidate.imageID && after.state.isRunning)
            // It makes its own container anew and takes the kept one away. A way back is refused
            // before any data is touched, while the stranger may be writing it.
            let refused = await failure { try await project.perform(.removeCandidate) }
            #expect(refused?.code == "container-changed" && refused?.isPermanent == true)
            let service = project.world.service
            #expect(
                try await service.observe(.removeCandidate, in: project.plan.silent) == .absent)
            try await project.world.engine.stopContainer(after.id, grace: .seconds(5))
            _ = try await twice(.removeCandidate, project.world, project.plan)
            let gone = await failure { try await project.perform(.startPrevious(kept: nil)) }
            #expect(gone?.code == "container-gone")
        }
    }
}

extension Plan {
    fileprivate var localTag: String? {
        guard case .containers(let runtime) = runtime else { return nil }
        return runtime.localTag
    }
}
