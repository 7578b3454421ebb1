import DockerEngine
import Drivers
import Foundation
import Glibc
import Testing
import UpgradeMachine

/// Where a test's PostgreSQL runs, and with it the client programs that the driver uses.
enum PostgreSQLPlace: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case container, host

    static let image =
        ProcessInfo.processInfo.environment["PAWL_TEST_POSTGRESQL_IMAGE"] ?? "postgresql:15"
    static let programs = "/usr/lib/postgresql/15/bin"

    /// Where a test that must not be skipped finds nothing, it fails.
    static let available = allCases.filter {
        if ProcessInfo.processInfo.environment["PAWL_TEST_REQUIRE_ALL"] != nil { return true }
        switch $0 {
        case .container: return MySQLPlace.engineHost != nil
        case .host:
            return geteuid() == 0
                && ["\(programs)/postgres", "\(programs)/initdb", "/usr/bin/pg_dump"]
                    .allSatisfy { FileManager.default.isExecutableFile(atPath: $0) }
        }
    }

    var testDescription: String { rawValue }
}

extension Trait where Self == ConditionTrait {
    static var needsPostgreSQL: Self {
        .enabled(
            if: !PostgreSQLPlace.available.isEmpty,
            """
            needs PostgreSQL: in containers (PAWL_TEST_DOCKER_HOST=unix:///PATH, as `tools/testbed
            env` prints it), or the programs of postgresql-15 on this host, as root
            """)
    }
}

/// A PostgreSQL of one test's own, with an account as an operator would give it to Pawl.
final class PostgreSQLServer: Sendable {
    static let password = "r00t \"quoted\" \\ #'x:y"
    static let database = "pawl \"test\"-'db' \\"

    let place: PostgreSQLPlace
    /// The container's name, or the directory of the host's server.
    let name: String
    let directory: MySQLDirectory

    private init(_ place: PostgreSQLPlace) throws {
        self.place = place
        name = "pawl-postgresql-\(UInt32.random(in: 0...UInt32.max))"
        directory = try MySQLDirectory()
    }

    /// Starts a server, and removes it at the end however the body ends.
    static func running(
        _ place: PostgreSQLPlace, arguments: [String] = [],
        _ body: (PostgreSQLServer) async throws -> Void
    ) async throws {
        let server = try PostgreSQLServer(place)
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

    private func start(_ arguments: [String]) async throws {
        let fast = ["-c", "fsync=off", "-c", "autovacuum_naptime=1s"] + arguments
        switch place {
        case .container:
            let engine = try MySQLServer.engine()
            let created = try await engine.createContainer(
                name: name,
                body: [
                    "Image": .string(PostgreSQLPlace.image), "Cmd": JSONValue(fast),
                    "Env": JSONValue(["POSTGRES_PASSWORD=\(Self.password)"]),
                    "Labels": ["pawl.test": .string(name)],
                    "HostConfig": ["NetworkMode": "none"],
                ])
            try await engine.startContainer(created.id)
        case .host: try await startOnHost(fast)
        }
        try await MySQLShell.eventually(within: .seconds(60)) {
            try await self.tryAsRoot("SELECT 1;", in: "postgres").status == 0
        }
        try await root("CREATE DATABASE \(Self.quoted);", in: "postgres")
    }

    private var data: String { directory.path("data") }
    private var socket: String { directory.path("run") }

    /// The server refuses to run as root.
    private static func asPostgres(_ program: String) -> [String] {
        ["runuser", "-u", "postgres", "--", "\(PostgreSQLPlace.programs)/\(program)"]
    }

    private func startOnHost(_ arguments: [String]) async throws {
        let file = directory.path("password")
        try Data("\(Self.password)\n".utf8).write(to: URL(filePath: file))
        try await MySQLShell.run("chmod", "711", directory.root)
        try await MySQLShell.run("mkdir", data, socket)
        try await MySQLShell.run("chown", "postgres", file, data, socket)
        try await MySQLShell.run(
            arguments: Self.asPostgres("initdb") + [
                "--pgdata=\(data)", "--username=postgres", "--pwfile=\(file)", "--no-sync",
                "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--wal-segsize=1",
            ])
        let server = MySQLShell.process(
            Self.asPostgres("postgres") + [
                "-D", data, "-c", "listen_addresses=", "-c", "unix_socket_directories=\(socket)",
                "-c", "shared_buffers=32MB", "-c", "jit=off",
            ] + arguments)
        let log = directory.path("log")
        try Data().write(to: URL(filePath: log))
        let output = try FileHandle(forWritingTo: URL(filePath: log))
        (server.standardOutput, server.standardError) = (output, output)
        server.standardInput = FileHandle.nullDevice
        try server.run()
    }

    private func remove() async throws {
        switch place {
        case .container:
            try await MySQLServer.engine().removeContainer(name, force: true)
        case .host:
            // SIGQUIT ends it at once, with the processes of its sessions.
            if let id = processID() { kill(id, SIGQUIT) }
            try await MySQLShell.eventually { self.processID().map { kill($0, 0) != 0 } ?? true }
        }
        directory.remove()
    }

    private func processID() -> pid_t? {
        guard let text = try? String(contentsOfFile: "\(data)/postmaster.pid", encoding: .utf8)
        else { return nil }
        return text.split(separator: "\n").first.flatMap { pid_t($0) }
    }

    // MARK: Statements that have no part in the code under test

    @discardableResult
    func root(_ statements: String, in database: String = database) async throws -> String {
        let result = try await tryAsRoot(statements, in: database)
        try #require(result.status == 0, "\(result.output)")
        return result.output.trimmingCharacters(in: .newlines)
    }

    func tryAsRoot(
        _ statements: String, in database: String = database
    ) async throws -> MySQLShell.Result {
        try await execute(statements, user: "postgres", password: Self.password, in: database)
    }

    func execute(
        _ statements: String, user: String, password: String, in database: String = database
    ) async throws -> MySQLShell.Result {
        let escaped = database.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
        let connection = "dbname='\(escaped)' user=\(user) application_name=test"
        let arguments = [
            "psql", "-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", "-v",
            "VERBOSITY=verbose", "-d",
            place == .host ? "\(connection) host=\(socket)" : connection,
        ]
        let environment = ["PGPASSWORD": password, "PGOPTIONS": "-c client_min_messages=warning"]
        guard place == .container else {
            return try await MySQLShell.output(
                arguments: arguments, environment: environment, input: statements)
        }
        return try await inContainer(arguments, environment: environment, input: statements)
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
        let outcome = try await MySQLServer.engine().runExec(
            in: name, ExecCommand(arguments, environment: environment),
            limits: ExecLimits(whole: .seconds(120)), input: { rest.take(into: $0) },
            output: { output.take($0) })
        return MySQLShell.Result(
            status: outcome.exitCode, output: output.text + outcome.standardErrorText)
    }

    static var quoted: String { "\"\(database.replacing("\"", with: "\"\""))\"" }

    // MARK: The driver

    func settings(
        user: String = "postgres", password: String = password, database: String = database
    ) throws -> PostgreSQLDatabase {
        let file = directory.path("password-\(UInt32.random(in: 0...UInt32.max))")
        try Data(password.utf8).write(to: URL(filePath: file))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        return PostgreSQLDatabase(
            container: place == .container ? name : nil, host: place == .host ? socket : nil,
            port: nil, database: database, user: user, password: .file(path: file))
    }

    static func driver(_ settings: PostgreSQLDatabase) throws -> PostgreSQLDriver {
        PostgreSQLDriver(settings: settings, engine: try MySQLServer.engine()) {
            reference throws(Failure) in
            try await Secrets().resolve(reference)
        }
    }

    func driver() throws -> PostgreSQLDriver { try Self.driver(try settings()) }

    func context(
        fence: FencePolicy = .hold,
        report: @escaping @Sendable (UpgradeMachine.Progress) -> Void = { _ in }
    ) -> Context {
        MySQLServer.context(backups: directory.path("backups"), fence: fence, report: report)
    }

    var upgrade: String { MySQLServer.upgrade(backups: directory.path("backups")) }

    /// What is in the backups' directory.
    func backups() throws -> [String] {
        let path = directory.path("backups")
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }
}
