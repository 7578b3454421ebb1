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
    private static func compose(
        _ arguments: [String], _ folder: URL, _ world: ContainersWorld
    ) async throws {
        let file = folder.appending(path: "docker-compose.yml").path
        var command = Command(
            ["/usr/bin/docker-compose", "-p", world.prefix, "-f", file] + arguments,
            limit: .seconds(60))
        command.environment = ["DOCKER_HOST": "\(world.engine.endpoint)"]
        let result = try await command.run()
        try #require(result.isSuccess, "\(result.output) \(result.errors)")
    }

    @Test("`up` after an upgrade goes on with the candidate's image")
    func up() async throws {
        try await ContainersWorld.run { world in
            let tag = world.localTag()
            let old = try await world.pulled("1.0.0")
            try await world.engine.tagImage(
                old.id, repository: String(tag.dropLast(7)), tag: "latest")
            let folder = FileManager.default.temporaryDirectory.appending(path: world.prefix)
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let network = try await world.network("net")
            let file = """
                version: "2.4"
                services:
                  web:
                    container_name: \(world.name("web"))
                    image: \(tag)
                    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
                    restart: always
                    networks: {net: {aliases: [board]}}
                networks:
                  net: {external: {name: \(network)}}
                """
            try Data(file.utf8).write(to: folder.appending(path: "docker-compose.yml"))
            try await Self.compose(["up", "-d"], folder, world)
            let plan = try await world.plan(to: "2.0.0", localTag: tag)
            let service = world.service
            _ = try await service.perform(.pull(release: plan.candidate), in: plan.silent)
            _ = try await service.perform(.stop, in: plan.silent)
            _ = try await service.perform(.start(release: plan.candidate), in: plan.silent)
            let candidate = try await world.engine.inspectContainer(world.name("web"))
            let survey = try await world.planner.survey(world.selection(["web": .replaced]))
            #expect(survey.findings.contains { $0.code == "compose" })

            try await Self.compose(["up", "-d"], folder, world)
            let after = try await world.engine.inspectContainer(world.name("web"))
            #expect(after.imageID == candidate.imageID && after.state.isRunning)
            // It makes its own container anew and takes the kept one away. A way back is refused
            // before any data is touched, while the stranger may be writing it.
            let refused = await failure {
                _ = try await service.perform(.removeCandidate, in: plan.silent)
            }
            #expect(refused?.code == "container-changed" && refused?.isPermanent == true)
            #expect(try await service.observe(.removeCandidate, in: plan.silent) == .absent)
            try await world.engine.stopContainer(after.id, grace: .seconds(5))
            _ = try await twice(.removeCandidate, world, plan)
            let gone = await failure {
                _ = try await service.perform(.startPrevious(kept: nil), in: plan.silent)
            }
            #expect(gone?.code == "container-gone")
        }
    }
}
