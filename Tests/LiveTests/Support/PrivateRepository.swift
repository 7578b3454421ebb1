import Foundation
import Testing

/// A repository of one stack's own in the testbed's registry, with releases that nobody else has.
final class PrivateRepository: Sendable {
    private let name: String
    /// Without a tag, at the registry that asks for credentials.
    let image: String
    private let open: String

    private init(_ stack: Stack) throws {
        name = "\(stack.name)/releases"
        image = "\(try Testbed.required("REGISTRY"))/\(name)"
        open = "\(try Testbed.required("OPEN_REGISTRY"))/\(name)"
    }

    /// Gives a test its repository, and takes the images away, however the test ends.
    static func running(
        for stack: Stack, _ body: (PrivateRepository) async throws -> Void
    ) async throws {
        let repository = try PrivateRepository(stack)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(repository))
        } catch {
            result = .failure(error)
        }
        try await repository.remove()
        try result.get()
    }

    /// Builds a version anew from the testbed's, with another digest at each patch level.
    ///
    /// It is removed from this host, so that an upgrade has to pull it.
    ///
    /// - Parameter sizeInMegabytes: Of a layer that no other image has.
    func publish(
        _ version: String, patchLevel: Int, sizeInMegabytes: Int = 0
    ) async throws {
        let base = "\(try Testbed.required("REGISTRY"))/noticeboard:\(version)"
        try await Testbed.docker("pull", "--quiet", base)
        var file = "FROM \(base)\nLABEL patch.level=\(patchLevel)\n"
        if sizeInMegabytes > 0 {
            file += "RUN head -c \(sizeInMegabytes)M /dev/urandom >/layer\n"
        }
        try await Testbed.docker(
            "build", "--quiet", "--network", "none", "--tag", "\(open):\(version)", "-",
            input: file)
        try await Testbed.docker("push", "--quiet", "\(open):\(version)")
        try await Testbed.docker("rmi", "\(open):\(version)")
    }

    /// Takes the images from this host; what the registry has stays until the testbed is purged.
    private func remove() async throws {
        let images = try await Testbed.docker(
            "image", "ls", "--quiet", "--no-trunc", "--filter", "reference=\(image)")
        for id in Set(images.split(separator: "\n").map(String.init)) {
            // One that a container of the stack still has goes without force with nobody.
            try await Testbed.docker("rmi", "--force", id, mayFail: true)
        }
    }
}
