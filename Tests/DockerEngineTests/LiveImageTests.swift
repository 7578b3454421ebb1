import DockerEngine
import Foundation
import Synchronization
import Testing

@Suite(.needsRegistry, .timeLimit(.minutes(2)), .serialized) struct LiveImageTests {
    private func repository() throws -> String {
        "\(try #require(LiveEngine.registry))/noticeboard"
    }

    @Test("pulled with the right password, by tag and by digest")
    func pulled() async throws {
        let (engine, credential) = (try LiveEngine.engine(), try LiveEngine.credential())
        let seen = Collected<ImageProgress>()
        let digest = try await engine.pullImage(
            try repository(), reference: "1.0.0", credential: credential
        ) { seen.append($0) }
        #expect(!seen.values.isEmpty)
        let asked = try await engine.inspectDistribution(
            "\(try repository()):1.0.0", credential: credential)
        #expect(digest == asked.digest)
        let image = try await engine.inspectImage("\(try repository()):1.0.0")
        #expect(image.repoDigests.contains("\(try repository())@\(asked.digest)"))
        #expect(image.sizeInBytes > 0 && image.config["Cmd"] != nil)
        try await engine.pullImage(
            try repository(), reference: asked.digest, credential: credential)
        #expect(
            try await engine.inspectImage("\(try repository())@\(asked.digest)").id == image.id)
    }

    @Test("the wrong password, and none, are told as such")
    func wrongPassword() async throws {
        let engine = try LiveEngine.engine()
        let wrong = try LiveEngine.credential(password: "wr0ng")
        for credential in [wrong, nil] {
            await #expect {
                try await engine.pullImage(
                    try repository(), reference: "2.0.0", credential: credential)
            } throws: { error in
                if case DockerError.unauthorized = error { true } else { false }
            }
            await #expect {
                try await engine.inspectDistribution(
                    "\(try repository()):2.0.0", credential: credential)
            } throws: { error in
                if case DockerError.unauthorized = error { true } else { false }
            }
        }
    }

    @Test("a tag or a repository that the registry has not")
    func absent() async throws {
        let (engine, credential) = (try LiveEngine.engine(), try LiveEngine.credential())
        for (repository, tag) in [(try repository(), "0.0.0"), (try repository() + "x", "1")] {
            await #expect {
                try await engine.pullImage(repository, reference: tag, credential: credential)
            } throws: { if case DockerError.notFound = $0 { true } else { false } }
            await #expect {
                try await engine.inspectDistribution(
                    "\(repository):\(tag)", credential: credential)
            } throws: { if case DockerError.notFound = $0 { true } else { false } }
        }
    }

    @Test("tagged, found by its name, untagged")
    func tagged() async throws {
        let engine = try LiveEngine.engine()
        let image = try await engine.inspectImage(try LiveEngine.image())
        try await engine.tagImage(image.id, repository: "engine-test/tagged", tag: "a_1.b-2")
        let found = try await engine.listImages(filters: ["reference": ["engine-test/tagged"]])
        #expect(found.map(\.id) == [image.id])
        #expect(found.first?.repoTags.contains("engine-test/tagged:a_1.b-2") == true)
        try await engine.removeImage("engine-test/tagged:a_1.b-2")
        await #expect {
            try await engine.inspectImage("engine-test/tagged:a_1.b-2")
        } throws: { if case DockerError.notFound = $0 { true } else { false } }
    }

    /// One file of a tar archive (POSIX.1-1988 ustar), padded to whole blocks.
    private func entry(_ name: String, _ content: [UInt8]) -> [UInt8] {
        var head = [UInt8](repeating: 0, count: 512)
        let octal = { (value: Int, width: Int) in
            let digits = String(value, radix: 8)
            return String(repeating: "0", count: width - digits.count) + digits
        }
        let put = { (text: String, offset: Int, head: inout [UInt8]) in
            head.replaceSubrange(offset..<offset + text.utf8.count, with: Array(text.utf8))
        }
        put(name, 0, &head)
        put("0000644", 100, &head)
        put("0000000", 108, &head)
        put("0000000", 116, &head)
        put(octal(content.count, 11), 124, &head)
        put("00000000000", 136, &head)
        put("        0", 148, &head)
        put("ustar\u{0}00", 257, &head)
        put(octal(head.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", 148, &head)
        return head + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    @Test("an archive is loaded under its name")
    func loaded() async throws {
        let engine = try LiveEngine.engine()
        let config = """
            {"architecture":"amd64","os":"linux","config":{"Cmd":["x"]},"rootfs":{"type":"layers",\
            "diff_ids":["sha256:\
            5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"]}}
            """
        let manifest = """
            [{"Config":"c.json","RepoTags":["engine-test/loaded:1"],"Layers":["layer.tar"]}]
            """
        // The layer is an empty archive, whose SHA-256 is the one above.
        let empty = [UInt8](repeating: 0, count: 1024)
        let archive =
            entry("c.json", Array(config.utf8)) + entry("layer.tar", empty)
            + entry("manifest.json", Array(manifest.utf8)) + empty
        let rest = Mutex(archive[...])
        let names = try await engine.loadImages(sizeInBytes: Int64(archive.count)) { buffer in
            rest.withLock { rest in
                let part = rest.prefix(buffer.count)
                buffer.copyBytes(from: part)
                rest = rest.dropFirst(part.count)
                return part.count
            }
        }
        #expect(names == ["engine-test/loaded:1"])
        let image = try await engine.inspectImage("engine-test/loaded:1")
        #expect(image.config["Cmd"] == ["x"] && image.repoDigests.isEmpty)
        try await engine.removeImage("engine-test/loaded:1")
    }

    @Test("what is no archive is refused")
    func noArchive() async throws {
        let engine = try LiveEngine.engine()
        let left = Collected<Int>()
        await #expect(throws: DockerError.self) {
            try await engine.loadImages { buffer in
                guard left.values.isEmpty else { return 0 }
                left.append(1)
                buffer.copyBytes(from: [UInt8](repeating: 65, count: 5000))
                return 5000
            }
        }
    }
}
