import Foundation
import Testing
import UpgradeMachine

@testable import Drivers

/// A server of Python's with a certificate for `studio.example`, which says what it was asked as.
private final class NamedServer: @unchecked Sendable {
    // Sendable by hand: nothing of it changes once it is made.
    let port: Int
    let authority: String
    private let folder: String
    private let server = Process()

    private static let program = """
        import http.server, ssl, sys
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.0'
            def do_GET(self):
                text = 'Host %s, name %s' % (self.headers['Host'], self.connection.asked)
                self.send_response(200); self.end_headers(); self.wfile.write(text.encode())
            def log_message(self, *arguments): pass
        def named(socket, name, context): socket.asked = name
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain('cert.pem', 'key.pem')
        context.sni_callback = named
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        server.socket = context.wrap_socket(server.socket, server_side=True,
            do_handshake_on_connect=False)
        print(server.server_port, flush=True)
        server.serve_forever()
        """

    /// Made on a thread of its own: it waits for programs, and the tasks of all tests share two.
    static func started() async throws -> NamedServer {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try NamedServer() }) }
        }
    }

    private init() throws {
        folder = NSTemporaryDirectory() + "pawl-named-\(UInt32.random(in: 0...UInt32.max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        authority = folder + "/cert.pem"
        try Shell.run(
            [
                "openssl", "req", "-x509", "-subj", "/CN=studio.example", "-days", "2", "-nodes",
                "-addext", "subjectAltName=DNS:studio.example", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-keyout", "key.pem", "-out", "cert.pem",
            ], in: folder)
        let output = Pipe()
        server.executableURL = URL(filePath: "/usr/bin/python3")
        server.arguments = ["-c", Self.program]
        server.currentDirectoryURL = URL(filePath: folder)
        server.standardOutput = output
        server.standardError = FileHandle.nullDevice
        try server.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        guard let port = Int(line.trimmingCharacters(in: .newlines)) else {
            throw Unexpected("no port: \(line)")
        }
        self.port = port
    }

    deinit {
        server.terminate()
        // Only the temporary folder of the test: what stays there harms nobody.
        try? FileManager.default.removeItem(atPath: folder)
    }
}

@Suite(
    "Verification by TLS",
    .enabled(
        if: ["/usr/bin/python3", "/usr/bin/openssl"].allSatisfy {
            FileManager.default.isExecutableFile(atPath: $0)
        }, "needs Python and the openssl command"), .timeLimit(.minutes(1)))
struct VerificationTLSTests {
    private func probe(
        _ server: NamedServer, host: String = "studio.example", authority: String? = nil,
        _ certificateCheck: CertificateCheck? = nil, at address: HTTPDestination? = nil
    ) -> Asked {
        let probe = HTTPProbe(
            url: "https://\(host)/console", status: 200, version: nil, authorityFile: authority,
            destination: address ?? .address(host: "127.0.0.1", port: server.port),
            certificateCheck: certificateCheck, contains: "Host \(host), name \(host)$")
        return Asked([.http(probe: probe)])
    }

    @Test func `A public name is asked at the address that is given, by that name`() async throws {
        let server = try await NamedServer.started()
        let results = try await probe(server, authority: server.authority)
            .verify(ScriptedService())
        #expect(
            results.first?.saw == "200, a match of Host studio.example, name studio.example$")
    }

    @Test func `A certificate of nobody's or of another name is not trusted`() async throws {
        let server = try await NamedServer.started()
        for asked in [
            probe(server), probe(server, host: "other.example", authority: server.authority),
        ] {
            let failure = try #require(await asked.outOfTime(ScriptedService()))
            #expect(failure.message.contains("no trusted connection"), "\(failure.message)")
        }
    }

    @Test func `A certificate that is not looked at is told of in the result`() async throws {
        let server = try await NamedServer.started()
        let results = try await probe(server, host: "other.example", .skipped)
            .verify(ScriptedService())
        #expect(try #require(results.first).saw.hasSuffix(" (certificate not checked)"))
    }
}
