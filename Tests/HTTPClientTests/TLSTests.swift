import Foundation
import Testing

@testable import HTTPClient

/// OpenSSL's own server with an authority of its own, on a port of the loopback address.
private final class TLSServer {
    static let program = "/usr/bin/openssl"

    let folder: String
    let url: String
    private let server = Process()

    init(demandsClient: Bool) async throws {
        folder = NSTemporaryDirectory() + "pawl-tls-\(UInt32.random(in: 0...UInt32.max))"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: false)
        let port = Int.random(in: 20_000...30_000)
        url = "https://localhost:\(port)/"
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        try run(["req", "-x509", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem"] + key)
        for name in ["localhost", "client"] {
            try run(
                ["req", "-x509", "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:\(name)"]
                    + ["-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "\(name).key"]
                    + ["-out", "\(name).pem"] + key)
        }
        server.executableURL = URL(fileURLWithPath: Self.program)
        server.currentDirectoryURL = URL(fileURLWithPath: folder)
        server.arguments =
            ["s_server", "-quiet", "-www", "-accept", "127.0.0.1:\(port)", "-cert"]
            + ["localhost.pem", "-key", "localhost.key", "-CAfile", "ca.pem"]
            + (demandsClient ? ["-Verify", "1", "-verify_return_error"] : [])
        server.standardOutput = FileHandle.nullDevice
        server.standardError = FileHandle.nullDevice
        try server.run()
        let client = HTTPClient()
        let probe = HTTPRequest(.get, "http://127.0.0.1:\(port)/")
        while case .unreachable = await Self.failure(of: probe, client) {
            try #require(server.isRunning, "openssl s_server does not run")
        }
    }

    deinit {
        server.terminate()
        // Only the temporary folder of the test: what stays there harms nobody.
        try? FileManager.default.removeItem(atPath: folder)
    }

    private func run(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.program)
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "openssl \(arguments)")
    }

    static func failure(of request: HTTPRequest, _ client: HTTPClient) async -> HTTPError? {
        do {
            _ = try await client.send(request, limitInBytes: 1 << 20)
            return nil
        } catch {
            return error
        }
    }

    func failure(_ tls: HTTPClient.TLS, url: String? = nil) async -> HTTPError? {
        let client = HTTPClient(HTTPClient.Configuration(tls: tls, proxy: .none))
        return await Self.failure(of: HTTPRequest(.get, url ?? self.url), client)
    }
}

extension Optional where Wrapped == HTTPError {
    fileprivate var isAbsent: Bool { if case .none = self { true } else { false } }
    fileprivate var isUntrusted: Bool {
        if case .untrusted = self { true } else { false }
    }
}

@Suite(
    .enabled(
        if: FileManager.default.isExecutableFile(atPath: TLSServer.program),
        "needs the openssl command"),
    .timeLimit(.minutes(1)))
struct TLSTests {
    @Test("an own authority is trusted in place of the system's, for the right name alone")
    func authority() async throws {
        let server = try await TLSServer(demandsClient: false)
        let own = HTTPClient.TLS(authoritiesPath: server.folder + "/ca.pem")
        #expect(await server.failure(own).isAbsent)
        #expect(await server.failure(HTTPClient.TLS()).isUntrusted)
        #expect(await server.failure(HTTPClient.TLS(authoritiesPath: "/nowhere")).isUntrusted)
        let byAddress = server.url.replacing("localhost", with: "127.0.0.1")
        #expect(await server.failure(own, url: byAddress).isUntrusted)
        let careless = HTTPClient.TLS(verification: .skippedInsecurely)
        #expect(await server.failure(careless, url: byAddress).isAbsent)
    }

    @Test("a client shows its certificate where the server demands one")
    func clientCertificate() async throws {
        let server = try await TLSServer(demandsClient: true)
        var tls = HTTPClient.TLS(authoritiesPath: server.folder + "/ca.pem")
        #expect(await server.failure(tls).isUntrusted)
        tls.certificatePath = server.folder + "/client.pem"
        tls.keyPath = server.folder + "/client.key"
        #expect(await server.failure(tls).isAbsent)
    }
}
