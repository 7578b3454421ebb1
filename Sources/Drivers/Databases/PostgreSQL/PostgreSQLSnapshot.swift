internal import UpgradeMachine

/// One moment of the database, which a session keeps in view for itself and for other programs.
///
/// Source: PostgreSQL 15 manual, 9.27.5, `pg_export_snapshot`: the moment can be shared as long as
/// the transaction is open.
struct PostgreSQLSnapshot: Sendable {
    private let client: PostgreSQLClient
    private let session: DatabaseSession
    private let id: String
    private static let definitionsLimitInBytes = 128 << 20

    private init(_ client: PostgreSQLClient, _ session: DatabaseSession, _ id: String) {
        self.client = client
        self.session = session
        self.id = id
    }

    /// Does the work at one moment, and ends the session however the work ends.
    static func taken<Value: Sendable>(
        by client: PostgreSQLClient,
        _ work: (PostgreSQLSnapshot) async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let session = try await client.session(
            for: "read database", .work(step: client.step))
        let result: Result<Value, Failure>
        do throws(Failure) {
            let rows = try await session.ask(
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n"
                    + PostgreSQLText.rows("SELECT pg_export_snapshot()"),
                within: PostgreSQLClient.questionLimit)
            guard let id = rows.first?.first else { throw .oddAnswer("no snapshot") }
            result = .success(try await work(PostgreSQLSnapshot(client, session, id)))
        } catch {
            result = .failure(error)
        }
        await session.close()
        return try result.get()
    }

    /// What makes a dump program look at this moment.
    var option: String { "--snapshot=\(id)" }

    /// Looks at everything; all rows are summed where they are.
    ///
    /// - Parameter held: Tables that nobody can have written to since they were summed.
    func content(
        held: [String: BackupManifest.Table] = [:]
    ) async throws(Failure) -> PostgreSQLContent {
        let inventory = PostgreSQLInventory(answer: try await ask(PostgreSQLInventory.question))
        var answer: [[String]] = []
        for question in inventory.questions(without: held) { answer += try await ask(question) }
        let (tables, sequences) = try inventory.read(answer, held: held)
        let objects = try await ask(PostgreSQLInventory.largeObjectQuestion)
        let extensions = try await ask(PostgreSQLInventory.extensionQuestion)
        let roles = try await ask(PostgreSQLInventory.roleQuestion)
        let largeObjects = objects.first.map {
            BackupManifest.Table(
                name: PostgreSQLInventory.largeObjects, rows: Int($0[0]) ?? 0, checksum: $0[1])
        }
        let definitions = try await definitions()
        let lines = definitions.lines + extensions.map { $0.joined(separator: "\u{0}") }
        return PostgreSQLContent(
            tables: tables + [largeObjects].compactMap { $0 },
            definitions: PostgreSQLDefinitions(lines: lines.sorted()), sequences: sequences,
            roles: roles.compactMap(\.first))
    }

    private func ask(_ statements: String) async throws(Failure) -> [[String]] {
        try await session.ask(statements, within: client.limit)
    }

    private func definitions() async throws(Failure) -> PostgreSQLDefinitions {
        let program = try await client.locate("pg_dump")
        let text = ToolOutput(limitInBytes: Self.definitionsLimitInBytes)
        let call = client.call(
            program, to: .database,
            ["--schema-only", "--create", "--lock-wait-timeout=60s", option])
        let action = "read definitions of database \(client.settings.database) with \(program)"
        let ending = try await client.tools.run(call, pull: nil) { text.take($0) }
        guard ending.isSuccess else {
            throw .postgresql(
                "\(action) in \(client.tools.place)", standardError: ending.standardError,
                ending: ending.text)
        }
        guard let definitions = PostgreSQLDefinitions(dump: text.text) else {
            throw Failure(
                code: "dump-incomplete",
                message: "\(action) in \(client.tools.place): it \(ending.text), but its end is "
                    + "missing",
                advice: "look whether somebody ended it, or memory was short")
        }
        return definitions
    }
}

extension PostgreSQLClient {
    func content(
        held: [String: BackupManifest.Table] = [:]
    ) async throws(Failure) -> PostgreSQLContent {
        try await PostgreSQLSnapshot.taken(by: self) { snapshot throws(Failure) in
            try await snapshot.content(held: held)
        }
    }
}
