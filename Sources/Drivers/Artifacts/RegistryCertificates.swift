internal import Foundation
internal import HTTPClient

/// The certificates that a person gave the engines of this host for single registries.
///
/// Source: `containers-certs.d(5)`; Docker has the same folders under its own name.
struct RegistryCertificates: Sendable {
    /// A host has a handful of files there.
    private static let fileLimit = 64

    private let folders: [String]

    /// - Parameter folders: Each holds one folder a registry, as in `registry.example:5000`.
    init(folders: [String]) { self.folders = folders }

    init(environment: [String: String]) {
        let own = environment["HOME"].map { ["\($0)/.config/containers/certs.d"] } ?? []
        self.init(folders: own + ["/etc/containers/certs.d", "/etc/docker/certs.d"])
    }

    /// What to try in turn where the system's authorities do not do: each authority there
    /// (`*.crt`), with the client's certificate beside it (`*.cert` and `*.key`).
    ///
    /// - Parameter host: With the port, where it is not that of HTTPS.
    func choices(for host: String) -> [HTTPClient.TLS] {
        guard !host.isEmpty, !host.contains("/"), !host.hasPrefix(".") else { return [] }
        return folders.flatMap { choices(in: "\($0)/\(host)") }
    }

    private func choices(in folder: String) -> [HTTPClient.TLS] {
        // One that is not there, or is not ours to read, holds nothing for us.
        let all = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let names = all.sorted().prefix(Self.fileLimit)
        let client = names.first { name in
            name.hasSuffix(".cert") && names.contains(name.dropLast(5) + ".key")
        }
        let key = client.map { "\(folder)/\($0.dropLast(5)).key" }
        let certificate = client.map { "\(folder)/\($0)" }
        let authorities = names.filter { $0.hasSuffix(".crt") }.map { "\(folder)/\($0)" }
        let choices: [String?] = authorities.isEmpty && client != nil ? [nil] : authorities
        return choices.map {
            HTTPClient.TLS(authoritiesPath: $0, certificatePath: certificate, keyPath: key)
        }
    }
}
