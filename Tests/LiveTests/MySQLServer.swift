import DockerEngine
import Drivers
import Foundation
import Glibc
import Testing
import UpgradeMachine

/// Where a test's MariaDB runs, and with it the client programs that the driver uses.
enum MySQLPlace: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case container, host

    static let engineHost = ProcessInfo.processInfo.environment["PAWL_TEST_DOCKER_HOST"]
    static let image =
        ProcessInfo.processInfo.environment["PAWL_TEST_MARIADB_IMAGE"] ?? "mariadb:10.11"

    /// Where a test that must not be skipped finds nothing, it fails.
    static let available = allCases.filter {
        if ProcessInfo.processInfo.environment["PAWL_TEST_REQUIRE_ALL"] != nil { return true }
        switch $0 {
        case .container: return engineHost != nil
        case .host:
            return ["/usr/sbin/mariadbd", "/usr/bin/mariadb-dump", "/usr/bin/mariadb-install-db"]
                .allSatisfy { FileManager.default.isExecutableFile(atPath: $0) }
        }
    }

    var testDescription: String { rawValue }
}

extension Trait where Self == ConditionTrait {
    static var needsMariaDB: Self {
        .enabled(
            if: !MySQLPlace.available.isEmpty,
            """
            needs MariaDB: in containers (PAWL_TEST_DOCKER_HOST=unix:///PATH, as `tools/testbed env`
            prints it), or mariadb-server's programs on this host
            """)
    }
}

/// A MariaDB of one test's own, with an account as an operator would give it to Pawl.
final class MySQLServer: Sendable {
    static let rootPassword = "r00t \"quoted\" \\ #'x"
    static let schema = "pawl `test`-db"

    let place: MySQLPlace
    /// The container's name, or the directory of the host's server.
    let name: String
    let directory: MySQLDirectory

    private init(_ place: MySQLPlace) throws {
        self.place = place
        name = "pawl-mysql-\(UInt32.random(in: 0...UInt32.max))"
        directory = try MySQLDirectory()
    }

    /// Starts a server, and removes it at the end however the body ends.
    static func running(
        _ place: MySQLPlace, arguments: [String] = ["--log-bin=log", "--server-id=7"],
        _ body: (MySQLServer) async throws -> Void
    ) async throws {
        let server = try MySQLServer(place)
        let result: Result<Void, any Error>
        do {
            try await server.start(arguments)
            result = .success(try await body(server))
        } catch {
            result = .failure(error)
        }
        try await server.remove()
        try result.get()
    }

    // MARK: Life

    static func engine() throws -> DockerEngine {
        DockerEngine(endpoint: try DockerEngine.Endpoint(dockerHost: MySQLPlace.engineHost))
    }

    private var socket: String { directory.path("mysqld.sock") }

    private func start(_ arguments: [String]) async throws {
        switch place {
        case .container:
            let engine = try Self.engine()
            let created = try await engine.createContainer(
                name: name,
                body: [
                    "Image": .string(MySQLPlace.image), "Cmd": JSONValue(arguments),
                    "Env": JSONValue(["MYSQL_ROOT_PASSWORD=\(Self.rootPassword)"]),
                    "Labels": ["pawl.test": .string(name)],
                    "HostConfig": ["NetworkMode": "none"],
                ])
            try await engine.startContainer(created.id)
        case .host:
            try await startOnHost(arguments)
        }
        try await MySQLShell.eventually(within: .seconds(60)) {
            try await self.tryAsRoot("SELECT 1;").status == 0
        }
        try await root(
            "CREATE DATABASE \(Self.quoted) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;")
    }

    /// Has the server go, as a reboot does.
    func halt() async throws {
        switch place {
        case .container:
            try await Self.engine().stopContainer(name, grace: .seconds(30))
        case .host:
            guard let id = try processID() else { return }
            kill(id, SIGTERM)
            try await MySQLShell.eventually { kill(id, 0) != 0 }
        }
    }

    /// Has it come back; it answers some time later.
    func startAgain(_ arguments: [String] = ["--log-bin=log", "--server-id=7"]) async throws {
        switch place {
        case .container: try await Self.engine().startContainer(name)
        case .host: try runOnHost(arguments)
        }
    }

    private func startOnHost(_ arguments: [String]) async throws {
        let data = directory.path("data")
        try await MySQLShell.run(
            "mariadb-install-db", "--no-defaults", "--user=root", "--datadir=\(data)",
            // A server that starts removes what others have in the common one.
            "--tmpdir=\(directory.root)",
            "--auth-root-authentication-method=normal", "--skip-test-db",
            "--innodb-log-file-size=16M")
        try runOnHost(arguments)
        try await MySQLShell.eventually(within: .seconds(60)) {
            try await MySQLShell.output(
                "mariadb", "--no-defaults", "-uroot", "--socket=\(self.socket)",
                input: "ALTER USER root@localhost IDENTIFIED BY \(Self.sql(Self.rootPassword));"
            ).status == 0
        }
    }

    private func runOnHost(_ arguments: [String]) throws {
        let data = directory.path("data")
        let server = MySQLShell.process(
            [
                "mariadbd", "--no-defaults", "--user=root", "--datadir=\(data)",
                "--tmpdir=\(directory.root)",
                "--socket=\(socket)", "--skip-networking", "--pid-file=\(directory.path("pid"))",
                "--innodb-log-file-size=16M", "--innodb-buffer-pool-size=64M",
                "--log-error=\(directory.path("log.err"))",
            ] + arguments)
        (server.standardOutput, server.standardError) = (
            FileHandle.nullDevice, FileHandle.nullDevice
        )
        server.standardInput = FileHandle.nullDevice
        try server.run()
    }

    private func remove() async throws {
        switch place {
        case .container:
            try await Self.engine().removeContainer(name, force: true)
        case .host:
            if let id = try processID() { kill(id, SIGKILL) }
            try await MySQLShell.eventually {
                try self.processID().map { kill($0, 0) != 0 } ?? true
            }
        }
        directory.remove()
    }

    private func processID() throws -> pid_t? {
        guard let text = try? String(contentsOfFile: directory.path("pid"), encoding: .utf8) else {
            return nil
        }
        return pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    // MARK: Statements that have no part in the code under test

    @discardableResult
    func root(_ statements: String, schema: String? = nil) async throws -> String {
        let result = try await tryAsRoot(statements, schema: schema)
        try #require(result.status == 0, "\(result.output)")
        return result.output.trimmingCharacters(in: .newlines)
    }

    func tryAsRoot(_ statements: String, schema: String? = nil) async throws -> MySQLShell.Result {
        try await execute(
            statements, user: "root", password: Self.rootPassword, schema: schema)
    }

    func execute(
        _ statements: String, user: String, password: String, schema: String? = nil
    ) async throws -> MySQLShell.Result {
        var arguments = [
            "mariadb", "-u\(user)", "-N", "-B", "--default-character-set=utf8mb4",
            "--max-allowed-packet=1G",
        ]
        if place == .host { arguments += ["--socket=\(socket)"] }
        if let schema { arguments += ["--", schema] }
        guard place == .container else {
            return try await MySQLShell.output(
                arguments: arguments, environment: ["MYSQL_PWD": password], input: statements)
        }
        return try await inContainer(
            arguments, environment: ["MYSQL_PWD": password], input: statements)
    }

    /// Runs a shell script where the database runs.
    func shell(_ script: String) async throws -> String {
        switch place {
        case .container: try await inContainer(["sh", "-c", script]).output
        case .host: try await MySQLShell.output("sh", "-c", script).output
        }
    }

    private func inContainer(
        _ arguments: [String], environment: [String: String] = [:], input: String = ""
    ) async throws -> MySQLShell.Result {
        let output = MySQLShell.Collected()
        let rest = MySQLShell.Unread(input)
        let outcome = try await Self.engine().runExec(
            in: name, ExecCommand(arguments, environment: environment),
            limits: ExecLimits(whole: .seconds(120)), input: { rest.take(into: $0) },
            output: { output.take($0) })
        return MySQLShell.Result(
            status: outcome.exitCode, output: output.text + outcome.standardErrorText)
    }

    static func sql(_ text: String) -> String {
        "'\(text.replacing("\\", with: "\\\\").replacing("'", with: "\\'"))'"
    }

    static var quoted: String { "`\(schema.replacing("`", with: "``"))`" }

    // MARK: The driver

    func settings(
        user: String = "root", password: String = rootPassword, schema: String = schema
    ) throws -> MySQLDatabase {
        let file = directory.path("password-\(UInt32.random(in: 0...UInt32.max))")
        try Data(password.utf8).write(to: URL(filePath: file))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        return MySQLDatabase(
            container: place == .container ? name : nil, host: place == .host ? socket : nil,
            port: nil, schema: schema, user: user, password: .file(path: file))
    }

    static func driver(_ settings: MySQLDatabase) throws -> MySQLDriver {
        MySQLDriver(settings: settings, engine: try engine()) { reference throws(Failure) in
            try await Secrets().resolve(reference)
        }
    }

    func driver() throws -> MySQLDriver { try Self.driver(try settings()) }

    func context(
        fence: FencePolicy = .hold,
        report: @escaping @Sendable (UpgradeMachine.Progress) -> Void = { _ in }
    ) -> Context {
        Self.context(backups: directory.path("backups"), fence: fence, report: report)
    }

    /// One of each test's own: a tag with it is looked for on the whole host.
    static func upgrade(backups: String) -> String {
        "up-\(URL(filePath: backups).deletingLastPathComponent().lastPathComponent)"
    }

    var upgrade: String { Self.upgrade(backups: directory.path("backups")) }

    static func context(
        backups: String, fence: FencePolicy = .hold, restore: Seconds = 300,
        report: @escaping @Sendable (UpgradeMachine.Progress) -> Void = { _ in }
    ) -> Context {
        let nothing = Release(version: "1", reference: "/nowhere", digest: "sha256:0")
        let runtime = HostRuntime(
            directory: "/nowhere", start: [], stop: [], status: [], logFile: nil)
        let plan = Plan(
            upgrade: upgrade(backups: backups), instance: "board", current: nothing,
            candidate: nothing,
            runtime: .host(settings: runtime), database: .none, fence: fence, backups: backups,
            checks: [], steadyFor: 0, limits: Limits(backUp: 300, restore: restore, stop: 60))
        return Context(plan: plan, report: report)
    }
}

/// A directory with a path short enough for a socket in it.
final class MySQLDirectory: Sendable {
    let root: String

    init() throws {
        root = "/tmp/pm-\(UInt32.random(in: 0...UInt32.max))"
        try FileManager.default.createDirectory(
            atPath: root, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
    }

    func path(_ name: String) -> String { "\(root)/\(name)" }

    func remove() {
        // A test that leaves a file behind has not failed for it.
        try? FileManager.default.removeItem(atPath: root)
    }
}
