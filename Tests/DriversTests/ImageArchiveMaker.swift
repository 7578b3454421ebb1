import Digests
import Foundation
import Glibc

/// Image archives of a test's own, made by a tar writer that is not the one under test.
struct ImageArchiveMaker {
    struct Image {
        var name: String? = "registry.example/acme/studio:7.1.0"
        var architecture = "amd64"
        var labels: [String: String] = [:]
        /// Content of its layers; anything will do.
        var layers: [[UInt8]] = [noise(70_001, seed: 1), noise(513, seed: 2)]
    }

    typealias File = (name: String, content: [UInt8])

    static func noise(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        return (0..<count).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state)
        }
    }

    static func sha256(_ bytes: [UInt8]) -> String { SHA256.hash(bytes).hex }

    private static func json(_ value: Any) -> [UInt8] {
        guard let data = try? JSONSerialization.data(withJSONObject: value, options: .sortedKeys)
        else { return [] }
        return Array(data)
    }

    private static func configuration(_ image: Image) -> [UInt8] {
        json([
            "architecture": image.architecture, "os": "linux",
            "config": ["Labels": image.labels, "Cmd": ["x"]],
            "rootfs": [
                "type": "layers", "diff_ids": image.layers.map { "sha256:\(sha256($0))" },
            ],
        ])
    }

    static func id(of image: Image) -> String { "sha256:\(sha256(configuration(image)))" }

    /// As Docker up to 24 saves them, equal layers as links.
    static func saved(_ images: [Image]) -> [File] {
        var files: [File] = []
        var manifest: [[String: Any]] = []
        for (number, image) in images.enumerated() {
            let configuration = configuration(image)
            let path = "\(sha256(configuration)).json"
            let layers = image.layers.enumerated().map { index, layer -> String in
                let name = String(format: "%02d%062d/layer.tar", number, index)
                files.append((name, layer))
                return name
            }
            files.append((path, configuration))
            manifest.append([
                "Config": path, "RepoTags": image.name.map { [$0] } as Any? ?? NSNull(),
                "Layers": layers,
            ])
        }
        return files + [("manifest.json", json(manifest))]
    }

    /// An OCI layout; with several images of one name an index of platforms between.
    static func layout(
        _ images: [Image], tag: String?, compressed: Bool = false
    ) throws -> [File] {
        var files: [File] = [("oci-layout", json(["imageLayoutVersion": "1.0.0"]))]
        func blob(_ content: [UInt8], _ type: String) -> [String: Any] {
            files.append(("blobs/sha256/\(sha256(content))", content))
            return [
                "mediaType": type, "digest": "sha256:\(sha256(content))", "size": content.count,
            ]
        }
        var manifests: [[String: Any]] = []
        for image in images {
            let layers = try image.layers.map { layer in
                blob(
                    compressed ? try gzipped(layer) : layer,
                    "application/vnd.oci.image.layer.v1.tar")
            }
            let configuration = blob(
                configuration(image), "application/vnd.oci.image.config.v1+json")
            var descriptor = blob(
                json(["schemaVersion": 2, "config": configuration, "layers": layers]),
                "application/vnd.oci.image.manifest.v1+json")
            descriptor["platform"] = ["os": "linux", "architecture": image.architecture]
            manifests.append(descriptor)
        }
        if manifests.count > 1 {
            manifests = [
                blob(json(["manifests": manifests]), "application/vnd.oci.image.index.v1+json")
            ]
        }
        if let tag { manifests[0]["annotations"] = ["org.opencontainers.image.ref.name": tag] }
        return files + [("index.json", json(["schemaVersion": 2, "manifests": manifests]))]
    }

    private static func gzipped(_ bytes: [UInt8]) throws -> [UInt8] {
        let directory = try TemporaryDirectory()
        try Data(bytes).write(to: URL(filePath: directory.path("layer")))
        try Shell.run(["gzip", "-n", directory.path("layer")])
        return Array(try Data(contentsOf: URL(filePath: directory.path("layer.gz"))))
    }

    /// A tar archive of them (ustar), with its end mark.
    static func tar(_ files: [File], links: [(name: String, target: String)] = []) -> [UInt8] {
        files.reduce(into: links.flatMap { head($0.name, size: 0, type: "2", target: $0.target) }) {
            $0 += head($1.name, size: $1.content.count, type: "0")
            $0 += $1.content
            $0 += [UInt8](repeating: 0, count: (512 - $1.content.count % 512) % 512)
        } + [UInt8](repeating: 0, count: 1024)
    }

    static func head(
        _ name: String, size: Int, type: String, target: String = ""
    ) -> [UInt8] {
        var head = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ offset: Int) {
            for (index, byte) in text.utf8.enumerated() { head[offset + index] = byte }
        }
        put(name, 0)
        put("0000644\u{0}0000000\u{0}0000000\u{0}", 100)
        put(String(format: "%011o", size), 124)
        put("00000000000", 136)
        put("        ", 148)
        put(type, 156)
        put(target, 157)
        put("ustar\u{0}00", 257)
        put(String(format: "%06o\u{0} ", head.reduce(0) { $0 + Int($1) }), 148)
        return head
    }
}
