import Foundation
import Testing

/// A repository of one stack's own in the testbed's registry, with releases that nobody else has.
///
/// Its images go from this host with the stack, and from the registry when the testbed is purged.
struct PrivateRepository: Sendable {
    private let name: String
    /// Without a tag, at the registry that asks for credentials.
    let image: String
    private let open: String

    init(of stack: Stack) throws {
        name = "\(stack.name)/releases"
        image = "\(try Testbed.required("REGISTRY"))/\(name)"
        open = "\(try Testbed.required("OPEN_REGISTRY"))/\(name)"
    }

    /// Builds a version anew from the testbed's, with another digest at each patch level.
    ///
    /// It is removed from this host, so that an upgrade has to pull it.
    ///
    /// - Parameter labels: More lines for its Dockerfile.
    func publish(_ version: String, patchLevel: Int, labels: String = "") async throws {
        let base = "\(try Testbed.required("REGISTRY"))/noticeboard:\(version)"
        try await Testbed.docker("pull", "--quiet", base)
        try await Testbed.docker(
            "build", "--quiet", "--network", "none", "--tag", "\(open):\(version)", "-",
            input: "FROM \(base)\nLABEL patch.level=\(patchLevel)\n\(labels)\n")
        try await Testbed.docker("push", "--quiet", "\(open):\(version)")
        try await Testbed.docker("rmi", "\(open):\(version)")
    }
}
