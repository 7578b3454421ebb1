import Foundation
import Testing

/// A stack as a vendor delivers it: Tomcat, MariaDB and nginx from docker-compose, under the names
/// that the preset is about. There is one of them at a time.
struct MystStack: Sendable {
    /// As in `https://127.0.0.1:40001`.
    let address: String
    /// For the test's configuration, log and backups.
    let directory: String

    static let name = "myststudio"
    static var web: String { "\(name)_web" }
    static var database: String { "\(name)_db" }
    /// What the vendor's folder has in `.env`.
    static let secrets = ["root-secret", "studio-secret", "admin-secret"]

    /// The vendor's folder, with its compose file and `bin`.
    static var folder: String { "\(Testbed.directory)/myst/\(name)" }

    /// Gives a test its stack with release 7.0.0, and takes it down, however the test ends.
    static func running(_ body: (MystStack) async throws -> Void) async throws {
        // A run that was killed may have left one.
        try await Testbed.testbed(["myst", "down", name])
        let directory = FileManager.default.temporaryDirectory
            .appending(path: "pawl-myst-\(UInt32.random(in: 0...UInt32.max))").path
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let result: Result<Void, any Error>
        do {
            let address = try await Testbed.testbed(["myst", "up", name])
            result = .success(
                try await body(MystStack(address: address, directory: directory)))
        } catch {
            result = .failure(error)
        }
        try await Testbed.testbed(["myst", "down", name])
        try result.get()
    }

    // MARK: - The program under test

    func run(
        _ words: String..., ends status: Int32, _ location: SourceLocation = #_sourceLocation
    ) async throws -> Program.Result {
        let program = try Program(
            [try Testbed.pawl()] + words,
            environment: [
                "HOME": directory, "LANG": "C.UTF-8", "PAWL_STATE": "\(directory)/state",
                "DOCKER_HOST": try Testbed.required("DOCKER_HOST"),
                "DOCKER_CONFIG": try Testbed.required("DOCKER_CONFIG"),
            ], directory: directory)
        let result = try await program.end()
        try #require(
            result.status == status, "pawl \(words): \(result.text)", sourceLocation: location)
        return result
    }

    var configuration: String {
        get throws { try String(contentsOfFile: "\(directory)/pawl.yaml", encoding: .utf8) }
    }

    /// As a person edits it.
    func edit(_ text: String, to other: String) throws {
        let old = try configuration
        try #require(old.contains(text), "\(old)")
        try old.replacing(text, with: other)
            .write(toFile: "\(directory)/pawl.yaml", atomically: true, encoding: .utf8)
    }

    // MARK: - What it answers, and what its vendor's tools do

    func get(_ path: String, _ more: String...) async throws -> String {
        let result = try await Program.run(
            ["curl", "-sS", "-L", "--noproxy", "*", "--max-time", "20"]
                + ["--cacert", "\(Self.folder)/certs/ca.pem"] + more + [address + path])
        try #require(result.status == 0, "GET \(path): curl \(result.text)")
        return result.output
    }

    /// The console as whoever logs in sees it.
    func console() async throws -> String {
        try await get("/console", "--user", "admin:admin-secret")
    }

    func post(_ text: String) async throws -> Int {
        let answer = try await get(
            "/entries", "--user", "admin:admin-secret", "-o", "/dev/null", "-w", "%{http_code}",
            "--data-urlencode", "text=\(text)")
        return Int(answer) ?? 0
    }

    /// Has the web container run at an address that its successor will not have: engines give the
    /// lowest that is free.
    func moveWebAway() async throws {
        let other = "\(Self.name)_other"
        try await Testbed.docker("stop", Self.web)
        try await Testbed.docker(
            "run", "--detach", "--name", other, "--network", Self.name, "nginx:1.22", "sleep", "99")
        try await Testbed.docker("start", Self.web)
        try await Testbed.docker("rm", "--force", other)
        try await Testbed.docker("exec", "\(Self.name)_https", "nginx", "-s", "reload")
    }

    func webAddress() async throws -> String {
        try await Testbed.docker(
            "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
            Self.web)
    }

    func composeUp() async throws {
        let result = try await Program.run(
            ["/usr/bin/docker-compose", "--project-directory", Self.folder]
                + ["--file", "\(Self.folder)/docker-compose.yml", "up", "-d"],
            environment: ["DOCKER_HOST": try Testbed.required("DOCKER_HOST")])
        try #require(result.status == 0, "\(result.text)")
    }

    /// Id and start of each of its containers, by name.
    func identities() async throws -> [String: String] {
        let ids = try await Testbed.docker(
            "ps", "--all", "--quiet", "--filter", "name=\(Self.name)"
        ).split(separator: "\n").map(String.init)
        let text = try await Testbed.docker("container", "inspect", arguments: ids)
        let all = try JSONDecoder().decode([InspectedContainer].self, from: Data(text.utf8))
        return Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0.identity) })
    }
}
