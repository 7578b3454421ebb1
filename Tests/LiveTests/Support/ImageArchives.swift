import Digests
import Foundation
import Testing

/// Image archives as a vendor hands them over, of images that are on nobody's host.
struct ImageArchives: Sendable {
    enum Kind: String, Sendable, CaseIterable {
        case plain, gzip, zstd
        /// OCI layouts, which no Docker before 25 writes.
        case layout, layoutInGzip, layoutInZstd

        var isLayout: Bool { rawValue.hasPrefix("layout") }
        var compression: [String]? {
            switch self {
            case .plain, .layout: nil
            case .gzip, .layoutInGzip: ["gzip", "-1"]
            case .zstd, .layoutInZstd: ["zstd", "-q", "--rm", "-1"]
            }
        }
    }

    struct Archive: Sendable {
        let path: String
        let imageID: String
    }

    let stack: Stack
    /// A repository at a registry that is not there.
    var repository: String { "127.0.0.1:9/\(stack.name)/noticeboard" }

    /// Lets the serving release be one of a repository of this stack's, for as long as a test needs.
    ///
    /// The image is other stacks' as well: without its name the stack's end leaves it alone.
    func adoptingServing(
        _ version: String, in repository: String, _ body: () async throws -> Void
    ) async throws {
        let name = "\(repository):\(version)"
        try await Testbed.docker("tag", stack.localTag, name)
        do {
            try await body()
        } catch {
            try await Testbed.docker("rmi", name, mayFail: true)
            throw error
        }
        try await Testbed.docker("rmi", name)
    }

    /// Builds a version anew, saves it, and removes it from the engine.
    ///
    /// - Parameters:
    ///   - name: In the archive, as vendors call their images; without one it is saved by its id.
    ///   - labels: Lines for its Dockerfile.
    func make(
        _ version: String, _ kind: Kind = .plain, name: String? = nil, labels: String = ""
    ) async throws -> Archive {
        let base = "\(try Testbed.required("REGISTRY"))/noticeboard:\(version)"
        let name = name ?? "\(stack.name)/noticeboard:\(version)"
        try await Testbed.docker("pull", "--quiet", base)
        // What is there under that name already must stay.
        let before = try await localID(name)
        try await Testbed.docker(
            "build", "--quiet", "--network", "none", "--tag", name, "-",
            input: "FROM \(base)\nLABEL archive=\(kind) of=\(stack.name)\n\(labels)\n")
        let id = try await stack.imageID(name)
        let path = stack.path("noticeboard-\(version)-\(kind).tar")
        try await Testbed.docker("save", "--output", path, name)
        if let before {
            try await Testbed.docker("tag", before, name)
            try await Testbed.docker("rmi", id)
        } else {
            try await Testbed.docker("rmi", name)
        }
        if kind.isLayout { try await OCILayout(directory: "\(path).d").write(from: path, version) }
        guard let compression = kind.compression else { return Archive(path: path, imageID: id) }
        let result = try await Program.run(compression + [path])
        try #require(result.status == 0, "\(result.text)")
        return Archive(path: path + (compression[0] == "gzip" ? ".gz" : ".zst"), imageID: id)
    }

    func isLoaded(_ id: String) async throws -> Bool { try await localID(id) != nil }

    /// None where there is no such image.
    private func localID(_ name: String) async throws -> String? {
        let id = try await Testbed.docker(
            "image", "inspect", "--format", "{{.Id}}", name, mayFail: true
        ).trimmingCharacters(in: .newlines)
        return id.isEmpty ? nil : id
    }
}

/// An OCI layout made from what `docker save` has written, with compressed layers.
///
/// Source: OCI Image Format Specification 1.0, "Image Layout" and "Image Manifest".
private struct OCILayout {
    let directory: String

    private struct Saved: Decodable {
        let configuration: String
        let layers: [String]
        private enum CodingKeys: String, CodingKey {
            case configuration = "Config"
            case layers = "Layers"
        }
    }

    private struct Descriptor: Encodable {
        let mediaType: String
        let digest: String
        let size: Int
        var annotations: [String: String]?
    }

    private struct Manifest: Encodable {
        let schemaVersion = 2
        let config: Descriptor
        let layers: [Descriptor]
    }

    private struct Index: Encodable {
        let schemaVersion = 2
        let manifests: [Descriptor]
    }

    /// Replaces the archive by the layout in a tar file.
    func write(from path: String, _ version: String) async throws {
        let source = "\(directory).saved"
        for folder in [source, "\(directory)/blobs/sha256"] {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
        }
        try await run(["tar", "-xf", path, "-C", source])
        let saved = try #require(
            try JSONDecoder().decode([Saved].self, from: try read("\(source)/manifest.json")).first)
        var layers: [Descriptor] = []
        for layer in saved.layers {
            try await run(["gzip", "-1", "-n", "\(source)/\(layer)"])
            layers.append(
                try blob(try read("\(source)/\(layer).gz"), "image.layer.v1.tar+gzip"))
        }
        let manifest = Manifest(
            config: try blob(
                try read("\(source)/\(saved.configuration)"), "image.config.v1+json"),
            layers: layers)
        var descriptor = try blob(try JSONEncoder().encode(manifest), "image.manifest.v1+json")
        descriptor.annotations = ["org.opencontainers.image.ref.name": version]
        try write(try JSONEncoder().encode(Index(manifests: [descriptor])), "index.json")
        try write(Data(#"{"imageLayoutVersion":"1.0.0"}"#.utf8), "oci-layout")
        try await run(["tar", "-cf", path, "-C", directory, "blobs", "index.json", "oci-layout"])
        for folder in [source, directory] { try FileManager.default.removeItem(atPath: folder) }
    }

    private func run(_ words: [String]) async throws {
        let result = try await Program.run(words)
        try #require(result.status == 0, "\(words): \(result.text)")
    }

    private func read(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }

    private func write(_ data: Data, _ name: String) throws {
        try data.write(to: URL(filePath: "\(directory)/\(name)"))
    }

    private func blob(_ data: Data, _ type: String) throws -> Descriptor {
        let digest = SHA256.hash(data).hex
        try write(data, "blobs/sha256/\(digest)")
        return Descriptor(
            mediaType: "application/vnd.oci.\(type)", digest: "sha256:\(digest)", size: data.count)
    }
}
