import Foundation
import HTTPClient
import Testing
import UpgradeMachine

@testable import Drivers

@Suite("Certificates for single registries") struct ContainersCertificateTests {
    @Test("each authority in the registry's own folder, with the client's certificate")
    func choices() throws {
        let folder = try TemporaryDirectory()
        for name in ["a.crt", "b.crt", "me.cert", "me.key", "alone.cert", "note.txt"] {
            try folder.write("", to: "r.example:5000/\(name)")
        }
        try folder.write("", to: "s.example/me.cert")
        try folder.write("", to: "s.example/me.key")
        let certificates = RegistryCertificates(folders: ["/nowhere", folder.path])
        let place = "\(folder.path)/r.example:5000"
        #expect(
            certificates.choices(for: "r.example:5000")
                == ["a", "b"].map {
                    HTTPClient.TLS(
                        authoritiesPath: "\(place)/\($0).crt",
                        certificatePath: "\(place)/me.cert", keyPath: "\(place)/me.key")
                })
        #expect(certificates.choices(for: "s.example").map(\.authoritiesPath) == [nil])
        for other in ["r.example", "", "..", "a/r.example:5000"] {
            #expect(certificates.choices(for: other).isEmpty)
        }
    }

    /// Answers one digest over TLS, to whoever trusts its authority, on a port that it prints.
    private static let server = """
        import http.server, ssl, sys
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self):
                limited = self.path.endswith("/limited")
                self.send_response(429 if limited else 200)
                self.send_header("Docker-Content-Digest", "sha256:of-tls")
                self.end_headers()
            def do_GET(self):
                self.do_HEAD()
                self.wfile.write(b"slow down")
            def log_message(self, *arguments): pass
        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain("server.pem", "server.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        print(server.server_address[1], flush=True)
        server.serve_forever()
        """

    @Test("a registry with an authority of its own is asked, and its refusal has its words")
    func asked() async throws {
        let folder = try TemporaryDirectory()
        let certificate = try await Command(
            [
                "openssl", "req", "-x509", "-subj", "/CN=localhost", "-addext",
                "subjectAltName=DNS:localhost", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout",
                "\(folder.path)/server.key", "-out", "\(folder.path)/server.pem",
            ], limit: .seconds(30)
        ).run()
        try #require(certificate.isSuccess, "\(certificate.excerpt ?? "")")
        let server = Process()
        server.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        server.arguments = ["-c", Self.server]
        server.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        let output = Pipe()
        server.standardOutput = output
        server.standardError = FileHandle.nullDevice
        try server.run()
        defer { server.terminate() }
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        let port = try #require(Int(line.trimmingCharacters(in: .whitespacesAndNewlines)))
        let image = try #require(ImageReference("localhost:\(port)/studio"))
        let unknown = RegistryManifests(http: HTTPClient())
        await #expect(throws: Failure.self) {
            _ = try await unknown.digest(of: "7", in: image, login: .anonymous)
        }
        let pem = try String(contentsOfFile: "\(folder.path)/server.pem", encoding: .utf8)
        try folder.write(pem, to: "localhost:\(port)/ca.crt")
        let known = RegistryManifests(
            http: HTTPClient(), certificates: RegistryCertificates(folders: [folder.path]))
        #expect(
            try await known.digest(of: "7", in: image, login: .anonymous) == "sha256:of-tls")
        let limited = await #expect(throws: Failure.self) {
            _ = try await known.digest(of: "limited", in: image, login: .anonymous)
        }
        #expect(limited?.code == "registry-rate-limit")
        #expect(limited?.message.contains("slow down") == true)
    }
}
