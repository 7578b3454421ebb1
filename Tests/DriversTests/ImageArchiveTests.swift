import Foundation
import Testing
import UpgradeMachine

@testable import Drivers

@Suite("Image archives") struct ImageArchiveTests {
    typealias Maker = ImageArchiveMaker

    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func write(_ bytes: [UInt8], as name: String = "studio.tar") throws -> String {
        try Data(bytes).write(to: URL(filePath: directory.path(name)))
        return directory.path(name)
    }

    private func read(_ path: String) async throws(Failure) -> ImageArchive.Contents {
        try await ImageArchive(path: path, limit: .seconds(60)).read()
    }

    private func refusal(_ path: String) async -> Failure? {
        do throws(Failure) {
            _ = try await read(path)
            return nil
        } catch {
            return error
        }
    }

    // MARK: - Whole ones

    @Test(arguments: ["plain", "gzip", "zstd"])
    func `What docker save writes is read, however it is compressed`(kind: String) async throws {
        let image = Maker.Image(labels: ["a": "b"])
        let bytes = Maker.tar(Maker.saved([image]))
        let plain = try write(bytes)
        if kind != "plain" { try Shell.run([kind, "-k", "-q", plain]) }
        let path = plain + (["gzip": ".gz", "zstd": ".zst"][kind] ?? "")
        let contents = try await read(path)
        let sum = try Shell.run(["sha256sum", path]).prefix { $0 != " " }
        #expect(contents.digest == "sha256:\(sum)")
        #expect(contents.images.map(\.id) == [Maker.id(of: image)])
        let found = try #require(contents.images.first)
        #expect(found.names == ["registry.example/acme/studio:7.1.0"])
        #expect(found.platform == ImagePlatform(system: "linux", architecture: "amd64"))
        #expect(found.labels == ["a": "b"] && found.manifests.isEmpty && found.layers.count == 2)
        #expect(!contents.isLayoutAlone && !contents.hasCompressedLayers)
    }

    @Test func `Several frames of zstd are one archive, also where one ends with a block`()
        async throws
    {
        var image = Maker.Image()
        image.layers = [Maker.noise(3 * ArchiveReader.chunkLength, seed: 3)]
        let bytes = Maker.tar(Maker.saved([image]))
        let path = try write([])
        var parts: [String] = []
        for start in stride(from: 0, to: bytes.count, by: ArchiveReader.chunkLength) {
            let part = try write(
                Array(bytes[start...].prefix(ArchiveReader.chunkLength)), as: "part-\(start)")
            try Shell.run(["zstd", "-q", part])
            parts.append("\(part).zst")
        }
        try Shell.run(["sh", "-c", #"out=$1; shift; cat "$@" > "$out""#, "-", path] + parts)
        #expect(try await read(path).images.map(\.id) == [Maker.id(of: image)])
    }

    @Test(arguments: [false, true])
    func `So is an OCI layout`(compressed: Bool) async throws {
        let image = Maker.Image()
        let files = try Maker.layout([image], tag: "7.1.0", compressed: compressed)
        let contents = try await read(try write(Maker.tar(files)))
        let found = try #require(contents.images.first)
        #expect(contents.images.count == 1 && contents.isLayoutAlone)
        #expect(contents.hasCompressedLayers == compressed)
        #expect(found.id == Maker.id(of: image) && found.names.isEmpty && found.tags == ["7.1.0"])
        #expect(found.manifests.count == 1)
        let all = Set(files.map(\.name))
        #expect(found.layers.allSatisfy(all.contains) && all.contains(found.configuration))
    }

    @Test func `One that is described in both ways is one image`() async throws {
        let image = Maker.Image()
        let saved = Maker.saved([image])
        let layout = try Maker.layout([image], tag: "registry.example/acme/studio:7.1.0")
        let contents = try await read(try write(Maker.tar(saved + layout)))
        let found = try #require(contents.images.first)
        #expect(contents.images.count == 1 && !contents.isLayoutAlone)
        #expect(found.names == ["registry.example/acme/studio:7.1.0"])
        #expect(found.manifests.count == 1)
    }

    @Test func `An index of platforms leads to each of them`() async throws {
        let images = [Maker.Image(), Maker.Image(architecture: "arm64")]
        let contents = try await read(
            try write(Maker.tar(try Maker.layout(images, tag: "studio:7"))))
        #expect(contents.images.map(\.platform.architecture) == ["amd64", "arm64"])
        #expect(contents.images.allSatisfy { $0.names == ["studio:7"] && $0.manifests.count == 2 })
    }

    @Test func `Equal layers may be links, as older engines save them`() async throws {
        var image = Maker.Image()
        image.layers = [image.layers[0], image.layers[0]]
        var files = Maker.saved([image])
        let second = try #require(files.firstIndex { $0.name.hasSuffix("1/layer.tar") })
        let name = files.remove(at: second).name
        let first = try #require(files.first { $0.name.hasSuffix("/layer.tar") }).name
        let bytes = Maker.tar(files, links: [(name, "../\(first)")])
        #expect(try await read(try write(bytes)).images.map(\.id) == [Maker.id(of: image)])
    }

    @Test(arguments: ["gnu", "pax", "ustar"])
    func `The formats of tar are read alike`(format: String) async throws {
        let image = Maker.Image()
        let folder = String(repeating: "deep/", count: 18)
        for file in Maker.saved([image]) {
            try directory.write("", to: "tree/\(file.name)")
            try Data(file.content).write(to: URL(filePath: directory.path("tree/\(file.name)")))
        }
        // Longer than a header has room for.
        try directory.write("x", to: "tree/\(folder)\(String(repeating: "n", count: 99))")
        let path = directory.path("made.tar")
        try Shell.run(
            ["tar", "--format=\(format)", "-cf", path, "-C", directory.path("tree"), "."])
        #expect(try await read(path).images.map(\.id) == [Maker.id(of: image)])
    }

    // MARK: - Those that are not whole

    @Test(arguments: ["tar", "gz", "zst"])
    func `One that is cut anywhere is refused`(kind: String) async throws {
        let bytes = Maker.tar(Maker.saved([Maker.Image()]))
        let plain = try write(bytes)
        if kind == "gz" { try Shell.run(["gzip", "-k", plain]) }
        if kind == "zst" { try Shell.run(["zstd", "-q", "-k", plain]) }
        let whole = Array(
            try Data(contentsOf: URL(filePath: kind == "tar" ? plain : "\(plain).\(kind)")))
        let near = [0, 1, 2, 100, 511, 512, 513, 1024, whole.count - 1, whole.count - 513]
        let lengths = near + stride(from: 3, to: whole.count, by: whole.count / 40)
        for length in lengths where length < whole.count {
            let path = try write(Array(whole[..<length]), as: "cut.\(kind)")
            let failure = await refusal(path)
            #expect(failure?.code == "bad-archive", "cut to \(length) of \(whole.count)")
            #expect(failure?.isPermanent == true && failure?.message.contains(path) == true)
        }
    }

    @Test(arguments: ["saved", "layout", "compressed"])
    func `A byte that was altered is found, or changes nothing of the image`(
        kind: String
    ) async throws {
        let image = Maker.Image()
        let bytes = Maker.tar(
            kind == "saved"
                ? Maker.saved([image])
                : try Maker.layout([image], tag: "7.1.0", compressed: kind == "compressed"))
        let right = try await read(try write(bytes))
        var found = 0
        let places = stride(from: 0, to: bytes.count, by: 997)
        for place in places {
            var altered = bytes
            altered[place] ^= 0x20
            let path = try write(altered, as: "altered.tar")
            do throws(Failure) {
                let contents = try await read(path)
                #expect(contents.digest != right.digest)
                #expect(contents.images.map(\.id) == right.images.map(\.id), "at \(place)")
            } catch {
                #expect(error.code == "bad-archive")
                found += 1
            }
        }
        // Nearly all of it is layers.
        #expect(found >= places.underestimatedCount * 9 / 10, "\(found)")
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let words: String
        let files: @Sendable () throws -> [Maker.File]
    }

    static let faults = [
        Fault(
            testDescription: "no image archive", words: "neither manifest.json nor index.json",
            files: { [("a.txt", [1, 2, 3])] }),
        Fault(
            testDescription: "a layer is missing", words: "/layer.tar is not in it",
            files: { Maker.saved([Maker.Image()]).filter { !$0.name.hasSuffix("1/layer.tar") } }),
        Fault(
            testDescription: "a blob is missing", words: "is not in it",
            files: {
                try Maker.layout([Maker.Image()], tag: "7").filter { $0.content.count != 513 }
            }),
        Fault(
            testDescription: "another configuration than its name says",
            words: "is not as it was written",
            files: {
                Maker.saved([Maker.Image()]).map { file in
                    guard file.name.count == 69 else { return file }
                    let text = String(decoding: file.content, as: UTF8.self)
                    return (file.name, Array(text.replacing("amd64", with: "arm64").utf8))
                }
            }),
        Fault(
            testDescription: "a manifest that is not JSON", words: "is not JSON",
            files: {
                Maker.saved([Maker.Image()]).dropLast() + [("manifest.json", Array("[{".utf8))]
            }),
        Fault(
            testDescription: "no images at all", words: "holds no image",
            files: { [("manifest.json", Array("[]".utf8))] }),
    ]

    @Test(arguments: faults)
    func `One that is wrong is refused, with what is wrong`(fault: Fault) async throws {
        let failure = await refusal(try write(Maker.tar(try fault.files())))
        #expect(failure?.code == "bad-archive")
        #expect(failure?.message.contains(fault.words) == true, "\(failure?.message ?? "none")")
    }

    @Test func `Compressed in another way it is refused, with what to do`() async throws {
        let path = try write(Maker.tar(Maker.saved([Maker.Image()])))
        try Shell.run(["xz", "-k", path])
        let failure = await refusal("\(path).xz")
        #expect(failure?.code == "archive-compression")
        #expect(failure?.advice.contains("gzip or zstd") == true)
    }
}
