import Foundation
import Testing

/// A Noticeboard with its MariaDB, of one test's own.
final class Stack: Sendable {
    /// Begins the names of its containers, its network and its image.
    let name: String
    /// Where it answers, as in `http://127.0.0.1:40001`.
    let address: String
    /// For the test's configuration, log, backups and secrets.
    let directory: String
    let rootPassword: String
    let events: EngineEvents

    var web: String { "\(name)_web" }
    var database: String { "\(name)_db" }
    var localTag: String { "\(name)/noticeboard:latest" }

    private init(
        name: String, address: String, directory: String, rootPassword: String,
        events: EngineEvents
    ) {
        (self.name, self.address, self.directory) = (name, address, directory)
        (self.rootPassword, self.events) = (rootPassword, events)
    }

    /// Gives a test its stack, and takes it down, however the test ends.
    ///
    /// - Parameters:
    ///   - slowly: Seconds that the migration of 2.1.0 takes.
    ///   - arguments: For `tools/testbed stack up`.
    static func running(
        _ version: String = "1.0.0", slowly: Int = 4, rootPassword: String = "root-secret",
        boardPassword: String = "board-secret", arguments: [String] = [],
        _ body: (Stack) async throws -> Void
    ) async throws {
        let name = "live_\(String(UInt32.random(in: 0...UInt32.max), radix: 16))"
        let directory = FileManager.default.temporaryDirectory.appending(path: "pawl-\(name)").path
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700])
        let result: Result<Void, any Error>
        do {
            let events = try EngineEvents(of: try Testbed.required("DOCKER_HOST"), about: name)
            let address = try await Testbed.testbed(
                ["stack", "up", name, version] + arguments,
                environment: [
                    "MYSQL_ROOT_PASSWORD": rootPassword,
                    "NOTICEBOARD_DATABASE_PASSWORD": boardPassword,
                    "NOTICEBOARD_SLOW_SECONDS": "\(slowly)",
                ])
            let stack = Stack(
                name: name, address: address, directory: directory, rootPassword: rootPassword,
                events: events)
            result = .success(try await body(stack))
        } catch {
            result = .failure(error)
        }
        try FileManager.default.removeItem(atPath: directory)
        guard case .success = result else {
            // The test's own failure says more than that of cleaning up after it.
            try? await takeDown(name)
            return try result.get()
        }
        try await takeDown(name)
    }

    /// Also the images of its private repository, which no container has any more then.
    private static func takeDown(_ name: String) async throws {
        try await Testbed.testbed(["stack", "down", name])
        let images = try await Testbed.docker(
            "image", "ls", "--quiet", "--filter", "reference=*/\(name)/*")
        for id in Set(images.split(separator: "\n").map(String.init)) {
            try await Testbed.docker("rmi", "--force", id)
        }
    }

    func path(_ file: String) -> String { "\(directory)/\(file)" }

    // MARK: - What it answers

    func get(_ path: String) async throws -> String {
        let result = try await Program.run(
            ["curl", "-sf", "--noproxy", "*", "--max-time", "20", address + path])
        try #require(result.status == 0, "GET \(path): curl \(result.text)")
        return result.output
    }

    func version() async throws -> String {
        struct Answer: Decodable { let version: String }
        return try JSONDecoder().decode(Answer.self, from: Data(try await get("/version").utf8))
            .version
    }

    /// The status that a new notice is answered with; 0 where there is no answer.
    ///
    /// Fails soon where the database takes no writes: the application waits longer for it.
    func post(_ body: String, by author: String = "Ada") async throws -> Int {
        let result = try await Program.run([
            "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*",
            "--max-time", "10", "-d", "author=\(author)&body=\(body)", "\(address)/notices",
        ])
        return Int(result.output) ?? 0
    }
}

// MARK: - Its database, asked by programs that have no part in the one under test

extension Stack {
    @discardableResult
    func sql(_ statements: String) async throws -> String {
        try await Testbed.docker(
            "exec", "-i", "--env", "MYSQL_PWD", database, "mariadb", "--user=root",
            "--skip-column-names", "--batch", "noticeboard",
            environment: ["MYSQL_PWD": rootPassword], input: statements
        ).trimmingCharacters(in: .newlines)
    }

    /// Schema and every row as text: tables, views, triggers, routines and events.
    func dump() async throws -> String {
        try await dump("--routines", "--events", "--triggers", "noticeboard")
    }

    /// A table and every row of it as text.
    func dump(table: String) async throws -> String { try await dump("noticeboard", table) }

    private func dump(_ words: String...) async throws -> String {
        try await Testbed.docker(
            "exec", "--env", "MYSQL_PWD", database, "mariadb-dump", "--user=root",
            "--skip-dump-date", "--skip-extended-insert", "--order-by-primary", "--hex-blob",
            arguments: words, environment: ["MYSQL_PWD": rootPassword])
    }

    /// What every release must keep, whatever its schema.
    func notices(schema: Int) async throws -> String {
        schema == 1
            ? try await sql("SELECT id, author, body, posted_at FROM notice ORDER BY id")
            : try await sql(
                """
                SELECT id, author, body, DATE_ADD('1970-01-01', INTERVAL posted_seconds SECOND)
                  FROM notice_with_author ORDER BY id
                """)
    }

    /// Rows that no release's migration touches, and that no compression makes small: with them
    /// a dump and a restore take about a second.
    func addBallast(rows: Int = 60_000) async throws {
        try await sql(
            """
            CREATE TABLE ballast (id INTEGER PRIMARY KEY, noise VARCHAR(300) NOT NULL);
            INSERT INTO ballast SELECT seq, HEX(RANDOM_BYTES(150)) FROM seq_1_to_\(rows);
            """)
    }

    /// Names of tables, views, triggers and routines.
    func objects() async throws -> Set<String> {
        let names = try await sql(
            """
            SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()
            UNION ALL SELECT TRIGGER_NAME FROM information_schema.TRIGGERS
              WHERE TRIGGER_SCHEMA = DATABASE()
            UNION ALL SELECT ROUTINE_NAME FROM information_schema.ROUTINES
              WHERE ROUTINE_SCHEMA = DATABASE()
            UNION ALL SELECT EVENT_NAME FROM information_schema.EVENTS
              WHERE EVENT_SCHEMA = DATABASE()
            """)
        return Set(names.split(separator: "\n").map(String.init))
    }
}

// MARK: - Its containers, as `docker inspect` shows them

extension Stack {
    func container(_ name: String) async throws -> InspectedContainer? {
        let text = try await Testbed.docker("container", "inspect", name, mayFail: true)
        return try JSONDecoder().decode([InspectedContainer].self, from: Data(text.utf8)).first
    }

    /// All containers whose names begin with the stack's, by name.
    func containers() async throws -> [String: InspectedContainer] {
        let ids = try await Testbed.docker("ps", "--all", "--quiet", "--filter", "name=\(name)")
            .split(separator: "\n").map(String.init)
        guard !ids.isEmpty else { return [:] }
        let text = try await Testbed.docker("container", "inspect", arguments: ids)
        let all = try JSONDecoder().decode([InspectedContainer].self, from: Data(text.utf8))
        return Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
    }

    /// Id of the image that a name of this host stands for.
    func imageID(_ name: String) async throws -> String {
        try await Testbed.docker("image", "inspect", "--format", "{{.Id}}", name)
            .trimmingCharacters(in: .newlines)
    }
}

struct InspectedContainer: Decodable, Hashable {
    struct State: Decodable, Hashable {
        let isRunning: Bool
        let startedAt: String

        private enum CodingKeys: String, CodingKey {
            case isRunning = "Running"
            case startedAt = "StartedAt"
        }
    }
    struct Host: Decodable, Hashable {
        struct Policy: Decodable, Hashable {
            let name: String
            private enum CodingKeys: String, CodingKey { case name = "Name" }
        }
        let policy: Policy
        private enum CodingKeys: String, CodingKey { case policy = "RestartPolicy" }
    }
    struct Settings: Decodable, Hashable {
        let labels: [String: String]?
        private enum CodingKeys: String, CodingKey { case labels = "Labels" }
    }

    let id: String
    let slashedName: String
    let imageID: String
    let state: State
    private let host: Host
    private let settings: Settings

    private enum CodingKeys: String, CodingKey {
        case id = "Id"
        case slashedName = "Name"
        case imageID = "Image"
        case state = "State"
        case host = "HostConfig"
        case settings = "Config"
    }

    var name: String { String(slashedName.drop { $0 == "/" }) }
    var policy: String { host.policy.name }
    var isCandidate: Bool { settings.labels?["io.pawl.upgrade"] != nil }
    /// It is the same container, and has run all the time.
    var identity: String { "\(id) since \(state.startedAt)" }
}
