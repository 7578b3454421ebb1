import DockerEngine
import Foundation
import Testing
import UpgradeMachine

@testable import Drivers

/// An image archive as planning reads it and the pull loads it.
@Suite("Containers from an archive", .serialized, .needsContainers, .timeLimit(.minutes(3)))
struct ContainersArchiveTests {
    private struct Scene {
        let world: ContainersWorld
        let path: String
        let imageID: String
        /// In the archive; what it stands for on this host is another image.
        let name: String

        func found(_ path: String? = nil) async throws -> ArchivedRelease {
            try await world.planner.release(
                from: ArchiveRequest(
                    path: path ?? self.path, version: "9.1.0", sha256: nil, archivedAs: nil,
                    limit: 60), in: "127.0.0.1:9/\(world.prefix)-studio")
        }

        func plan(_ release: Release) async throws -> Plan {
            try await world.plan(
                candidate: release, containers: [],
                repository: "127.0.0.1:9/\(world.prefix)-studio")
        }

        func stands(for name: String) async throws -> String {
            try await world.engine.inspectImage(name).id
        }
    }

    private func scene(_ body: (Scene) async throws -> Void) async throws {
        try await ContainersWorld.run { world in
            let name = world.localTag("studio")
            let image = try await world.image(
                "made", stopSignal: "SIGTERM", changes: ["LABEL made.for=\(world.prefix)"])
            let id = try await world.engine.inspectImage(image).id
            let path = FileManager.default.temporaryDirectory
                .appending(path: "\(world.prefix).tar").path
            defer { try? FileManager.default.removeItem(atPath: path) }
            let (repository, tag) = (String(name.dropLast(":latest".count)), "latest")
            try await world.engine.tagImage(id, repository: repository, tag: tag)
            try await Testbed.docker("save", "--output", path, name)
            try await Testbed.docker("rmi", "--force", id)
            let other = try await world.pulled("1.0.0")
            try await world.engine.tagImage(other.id, repository: repository, tag: tag)
            let scene = Scene(world: world, path: path, imageID: id, name: name)
            let result = await Result { try await body(scene) }
            try await Testbed.docker("rmi", "--force", id, mayFail: true)
            try result.get()
        }
    }

    @Test("loaded once, adopted afterwards, and known by its id")
    func loaded() async throws {
        try await scene { scene in
            let found = try await scene.found()
            let release = found.release
            #expect(release.digest == scene.imageID && release.version == "9.1.0")
            #expect(release.reference == "archive:\(scene.path)")
            let other = try await scene.stands(for: scene.name)
            #expect(release.file?.movedNames == [.init(name: scene.name, imageID: other)])
            let plan = try await scene.plan(release)
            let effect = Effect.pull(release: release)
            #expect(
                try await scene.world.service.observe(effect, in: plan.silent) == .absent)
            let receipt = try await twice(effect, scene.world, plan)
            #expect(receipt == .pulled(release: release, imageID: scene.imageID))
            #expect(try await scene.stands(for: scene.name) == other)
        }
    }

    @Test("a crash between the load and the names is made good")
    func namesGivenBack() async throws {
        try await scene { scene in
            let release = try await scene.found().release
            let plan = try await scene.plan(release)
            let other = try await scene.stands(for: scene.name)
            // As a dead Pawl has left it: the engine has loaded the archive.
            try await Testbed.docker("load", "--quiet", "--input", scene.path)
            #expect(try await scene.stands(for: scene.name) == scene.imageID)
            let effect = Effect.pull(release: release)
            #expect(
                try await scene.world.service.observe(effect, in: plan.silent) == .absent)
            try FileManager.default.removeItem(atPath: scene.path)
            _ = try await scene.world.service.perform(effect, in: plan.silent)
            #expect(try await scene.stands(for: scene.name) == other)
        }
    }

    @Test("a file that was altered since, and one that is gone, reach no engine")
    func altered() async throws {
        try await scene { scene in
            let release = try await scene.found().release
            let plan = try await scene.plan(release)
            let pull = { () async throws in
                await failure {
                    _ = try await scene.world.service.perform(
                        .pull(release: release), in: plan.silent)
                }
            }
            let file = try FileHandle(forUpdating: URL(filePath: scene.path))
            try file.seekToEnd()
            try file.write(contentsOf: Data([0]))
            try file.close()
            let changed = try await pull()
            #expect(changed?.code == "archive-changed" && changed?.isPermanent == true)
            try FileManager.default.removeItem(atPath: scene.path)
            #expect(try await pull() != nil)
            let list = try await scene.world.engine.listImages()
            #expect(!list.contains { $0.id == scene.imageID })
        }
    }

    @Test("too little room is a refusal, where it is known how much is needed")
    func room() async throws {
        try await scene { scene in
            try await scene.world.container()
            let release = try await scene.found().release
            let selection = scene.world.selection(["web": .replaced])
            let full = try await scene.world.planner.survey(
                selection, candidate: release, neededInBytes: .max)
            let finding = full.findings.first { $0.code == "disk-space" }
            #expect(finding?.severity == .refusal)
            #expect(finding?.text.contains("loading the archive") == true)
            let enough = try await scene.world.planner.survey(
                selection, candidate: release, neededInBytes: 1)
            #expect(!enough.findings.contains { $0.code == "disk-space" })
        }
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
