import Foundation
import Testing
import UpgradeMachine

@testable import Drivers

@Suite("Which image of an archive is meant") struct ImageChoiceTests {
    private static func image(
        _ names: String..., tags: [String] = [], id: String = "1", architecture: String = "amd64",
        label: String? = nil
    ) -> ArchivedImage {
        ArchivedImage(
            id: "sha256:\(id)", names: names, tags: tags, manifests: [],
            platform: ImagePlatform(system: "linux", architecture: architecture),
            labels: label.map { ["org.opencontainers.image.version": $0] } ?? [:], layers: [],
            configuration: "c")
    }

    private static func choice(
        version: String? = nil, archivedAs: String? = nil, architecture: String = "amd64"
    ) -> ImageChoice {
        ImageChoice(
            repository: "registry.example:5000/acme/studio", archivedAs: archivedAs,
            platform: ImagePlatform(system: "linux", architecture: architecture), version: version)
    }

    private func code(_ body: () throws(Failure) -> Void) -> String? {
        do throws(Failure) {
            try body()
            return nil
        } catch {
            #expect(error.isPermanent && error.message.contains("/a.tar"))
            return error.code
        }
    }

    @Test(arguments: [
        "registry.example:5000/acme/studio:7.1.0", "studio:7.1.0", "mirror.example/studio:latest",
    ])
    func `The only image is taken under the repository's own name, whoever's`(
        name: String
    ) throws {
        let image = Self.image(name)
        #expect(try Self.choice().image(of: [image], in: "/a.tar") == image)
    }

    @Test func `One without a name as well`() throws {
        let image = Self.image(tags: ["7.1.0"])
        #expect(try Self.choice().image(of: [image], in: "/a.tar") == image)
    }

    @Test func `One with another's name is refused, unless archives call it so`() throws {
        let image = Self.image("mariadb:10.11")
        #expect(
            code { () throws(Failure) in
                _ = try Self.choice().image(of: [image], in: "/a.tar")
            } == "wrong-image")
        let choice = Self.choice(archivedAs: "mariadb")
        #expect(try choice.image(of: [image], in: "/a.tar") == image)
        #expect(
            code { () throws(Failure) in
                _ = try choice.image(of: [Self.image("studio:7")], in: "/a.tar")
            } == "wrong-image")
    }

    @Test func `Of several the one of the repository is taken`() throws {
        let images = [Self.image("mariadb:10.11", id: "2"), Self.image("studio:7.1.0")]
        #expect(try Self.choice().image(of: images, in: "/a.tar") == images[1])
    }

    @Test func `Of several versions the one that is asked for, or none`() throws {
        let images = [Self.image("studio:7.0.0"), Self.image("studio:7.1.0", id: "2")]
        let named = Self.choice(version: "7.1.0")
        #expect(try named.image(of: images, in: "/a.tar") == images[1])
        do throws(Failure) {
            _ = try Self.choice().image(of: images, in: "/a.tar")
            Issue.record("one of two was taken")
        } catch {
            #expect(error.code == "several-images")
            #expect(error.message.contains("studio:7.0.0"))
            #expect(error.message.contains("studio:7.1.0"))
        }
    }

    @Test func `Another architecture is refused, and of several its own is taken`() throws {
        let arm = Self.image("studio:7", architecture: "arm64")
        do throws(Failure) {
            _ = try Self.choice().image(of: [arm], in: "/a.tar")
            Issue.record("an image for arm64 was taken")
        } catch {
            #expect(error.code == "wrong-platform")
            #expect(error.message.contains("linux/arm64") && error.message.contains("linux/amd64"))
        }
        let old = Self.image("studio:7", id: "2", architecture: "386")
        let own = Self.image("studio:7", id: "3")
        #expect(try Self.choice().image(of: [arm, old, own], in: "/a.tar") == own)
        #expect(try Self.choice().image(of: [arm, old], in: "/a.tar") == old)
        #expect(try Self.choice(architecture: "arm64").image(of: [arm, own], in: "/a.tar") == arm)
    }

    @Test func `Its version is its tag, or else its label`() throws {
        let version = { (image: ArchivedImage) throws in
            try Self.choice().version(of: image, in: "/a.tar")
        }
        #expect(try version(Self.image("studio:7.1.0", "studio:7", label: "22.04")) == "7.1.0")
        #expect(try version(Self.image("studio:latest", label: "7.1.0")) == "7.1.0")
        #expect(try version(Self.image(tags: ["7.1.0"])) == "7.1.0")
        for image in [Self.image("studio:latest"), Self.image(label: "a b")] {
            #expect(
                code { () throws(Failure) in
                    _ = try Self.choice().version(of: image, in: "/a.tar")
                } == "version-unsaid")
        }
    }

    @Test func `A label that is the base image's says nothing of it`() {
        let version = "org.opencontainers.image.version"
        let name = "org.opencontainers.image.ref.name"
        let said = { (labels: [String: String]) in
            ImageLabels.version(labels, of: "registry.example:5000/acme/studio")
        }
        #expect(said([version: "7.1.0"]) == "7.1.0")
        #expect(said([version: "24.04", name: "ubuntu"]) == nil)
        #expect(said([version: "7.1.0", name: "studio"]) == "7.1.0")
        #expect(said([version: "7.1.0", name: "acme/studio:7.1.0"]) == "7.1.0")
        #expect(said([version: "7.1.0", name: "7.1.0"]) == "7.1.0")
        #expect(said([version: "not a tag"]) == nil && said([:]) == nil)
    }

    @Test func `Another version than was asked for is refused`() throws {
        let choice = Self.choice(version: "7.1.0")
        #expect(
            code { () throws(Failure) in
                _ = try choice.version(of: Self.image("studio:7.0.0"), in: "/a.tar")
            } == "wrong-version")
        // A label alone may be that of a base image.
        let unsure = Self.image("studio:latest", label: "22.04")
        #expect(try choice.version(of: unsure, in: "/a.tar") == "7.1.0")
        let built = Self.image("studio:build-5", label: "7.1.0")
        #expect(try choice.version(of: built, in: "/a.tar") == "7.1.0")
    }
}

@Suite("An archive's checksum") struct ArchiveChecksumTests {
    private static let digits = String(repeating: "0a", count: 32)
    private let directory: TemporaryDirectory
    private var archive: String { directory.path("studio-7.1.0.tar.gz") }

    init() throws { directory = try TemporaryDirectory() }

    private func known(_ given: String? = nil) throws(Failure) -> [ArchiveChecksum] {
        try ArchiveChecksum.known(of: archive, given: given)
    }

    private func beside(_ text: String) throws {
        try directory.write(text, to: "studio-7.1.0.tar.gz.sha256")
    }

    @Test func `Without anybody's word there is none`() throws { #expect(try known().isEmpty) }

    @Test(arguments: [
        "\(digits)  studio-7.1.0.tar.gz\n", "\(digits) *studio-7.1.0.tar.gz", "\(digits)\n",
        "\(digits)  ./out/studio-7.1.0.tar.gz\n", "SHA256 (studio-7.1.0.tar.gz) = \(digits)\n",
        "# sums\n\(String(repeating: "f", count: 64))  other\n\(digits)  studio-7.1.0.tar.gz\n",
        "\(digits.uppercased())  studio-7.1.0.tar.gz\r\n",
    ])
    func `The file beside it is read as sha256sum writes it`(text: String) throws {
        try beside(text)
        #expect(try known().map(\.sha256) == [Self.digits])
    }

    @Test func `It is what sha256sum itself writes`() throws {
        try directory.write("content", to: "studio-7.1.0.tar.gz")
        let sum = try Shell.run(["sha256sum", "studio-7.1.0.tar.gz"], in: directory.path)
        try beside(sum)
        let digest = "sha256:\(sum.prefix(64))"
        for checksum in try known() { try checksum.check(digest, of: archive) }
        try #expect(known().count == 1)
    }

    @Test(arguments: [
        "", "\(digits)  other.tar.gz\n", "nothing", "\(digits.dropLast())  studio-7.1.0.tar.gz",
        "\(digits)\n\(digits)\n",
    ])
    func `One that says nothing of it is refused`(text: String) throws {
        try beside(text)
        let failure = #expect(throws: Failure.self) { try known() }
        #expect(failure?.code == "bad-checksum")
    }

    @Test func `A person's word counts beside it, and both have to be right`() throws {
        try beside("\(Self.digits)  studio-7.1.0.tar.gz")
        let all = try known("sha256:" + String(repeating: "0B", count: 32))
        #expect(all.map(\.source) == ["--sha256", "\(archive).sha256"])
        let failure = #expect(throws: Failure.self) {
            for checksum in all { try checksum.check("sha256:\(Self.digits)", of: archive) }
        }
        #expect(failure?.code == "wrong-checksum" && failure?.isPermanent == true)
        #expect(failure?.message.contains("--sha256") == true)
        let none = #expect(throws: Failure.self) { try known("12") }
        #expect(none?.code == "bad-checksum")
    }
}

@Suite("An archive on its way to an engine") struct ArchiveUploadTests {
    typealias Maker = ImageArchiveMaker
    private let directory: TemporaryDirectory
    private let plain: [UInt8]

    init() throws {
        directory = try TemporaryDirectory()
        var image = Maker.Image()
        // Several parts, the last a short one, and one whose content compresses well.
        image.layers.append([UInt8](repeating: 7, count: 5 * ArchiveReader.chunkLength))
        image.layers.append(Maker.noise(2 * ArchiveReader.chunkLength, seed: 9))
        plain = Maker.tar(Maker.saved([image]))
        try Data(plain).write(to: URL(filePath: directory.path("a.tar")))
        try Shell.run(["gzip", "-k", directory.path("a.tar")])
        try Shell.run(["zstd", "-q", directory.path("a.tar")])
    }

    private func file(_ name: String) throws -> ImageFile {
        let path = directory.path(name)
        let sum = try Shell.run(["sha256sum", path])
        return ImageFile(
            path: path, sha256: String(sum.prefix(64)), sizeInBytes: 0, manifests: [],
            movedNames: [])
    }

    private func sent(_ upload: ArchiveUpload, by size: Int = 60_000) throws -> [UInt8] {
        var all: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
        defer { buffer.deallocate() }
        while true {
            let count = try upload.fill(buffer)
            if count == 0 { return all }
            all += buffer[..<count]
        }
    }

    @Test func `Plain and gzip go as they are, with their size`() throws {
        for name in ["a.tar", "a.tar.gz"] {
            let bytes = Array(try Data(contentsOf: URL(filePath: directory.path(name))))
            let upload = try ArchiveUpload(try file(name), manifest: nil) { _ in }
            #expect(upload.sizeInBytes == Int64(bytes.count))
            #expect(try sent(upload) == bytes)
        }
    }

    @Test func `Zstandard goes unpacked`() throws {
        let upload = try ArchiveUpload(try file("a.tar.zst"), manifest: nil) { _ in }
        #expect(upload.sizeInBytes == nil)
        #expect(try sent(upload) == plain)
    }

    @Test(arguments: ["a.tar", "a.tar.gz", "a.tar.zst"])
    func `A manifest goes before it, as a member that every tar reads`(name: String) throws {
        let manifest = Array("[\(String(repeating: "{},", count: 30_000)){}]".utf8)
        let archive = try file(name)
        let upload = try ArchiveUpload(archive, manifest: manifest) { _ in }
        let bytes = try sent(upload)
        if let size = upload.sizeInBytes { #expect(size == bytes.count) }
        try Data(bytes).write(to: URL(filePath: directory.path("sent")))
        let list = try Shell.run(["tar", "--list", "--file", directory.path("sent")])
        #expect(list.split(separator: "\n").filter { $0 == "manifest.json" }.count == 2)
        // All of them: a tar that stops at the first would end its gzip by a broken pipe.
        let extract = ["tar", "--extract", "--to-stdout", "--file"]
        let both = try Shell.run(extract + [directory.path("sent"), "manifest.json"])
        let own = try Shell.run(extract + [archive.path, "manifest.json"])
        #expect(Array(both.utf8) == manifest + Array(own.utf8))
    }

    @Test(arguments: ["a.tar", "a.tar.gz", "a.tar.zst"])
    func `The end of a file that was altered since is not sent`(name: String) throws {
        let planned = try file(name)
        let path = directory.path(name)
        var bytes = Array(try Data(contentsOf: URL(filePath: path)))
        let whole = bytes.count
        bytes[whole - 9] ^= 1
        try Data(bytes).write(to: URL(filePath: path))
        let upload = try ArchiveUpload(planned, manifest: nil) { _ in }
        let failure = #expect(throws: Failure.self) { try sent(upload) }
        // One that cannot even be unpacked any more is told as such.
        #expect(failure?.code == "archive-changed")
        #expect(upload.failure == failure)
    }
}
