internal import UpgradeMachine

extension PostgreSQLDriver {
    func observeBackup(
        _ name: String, saving: Bool, _ context: Context
    ) async throws(Failure) -> Observation {
        switch try await BackupStore(context.plan).find(name) {
        case .absent: .absent
        case .torn(let detail): .torn(detail: detail)
        case .present(let backup):
            .present(saving ? .dataSaved(backup: backup) : .backedUp(backup: backup))
        }
    }

    /// Dumps the database into a new file, or answers the one that this step has made before.
    ///
    /// Dump and fingerprint are of one moment, so that it is exact whether or not there is a fence.
    func backUp(
        _ name: String, _ step: Step, _ client: PostgreSQLClient, _ context: Context
    ) async throws(Failure) -> Backup {
        let store = BackupStore(context.plan)
        switch try await store.find(name) {
        case .present(let backup): return backup
        case .torn: try await store.clear(name)
        case .absent: break
        }
        let isFenced = step == .backUp && context.plan.fence == .hold
        if isFenced { try await requireFence() }
        let writer = try store.writer(name: name, fileExtension: "pgdump")
        do throws(Failure) {
            let dump = try await PostgreSQLDump(client: client, report: context.report)
            let server = try await client.server()
            let content = try await PostgreSQLSnapshot.taken(by: client) {
                snapshot throws(Failure) in
                try await dump.write(snapshot, into: writer)
                return try await held { held throws(Failure) in
                    try await snapshot.content(held: held)
                }
            }
            try await dump.prove(writer)
            let sequences = try await stillSequences(content, client)
            // Last, so that it held all the time.
            if isFenced { try await requireFence() }
            var evidence = BackupContent(
                fingerprint: content.fingerprint(isExact: true), tables: content.tables,
                position: content.position, server: server.text, tool: dump.tool)
            evidence.postgresql = PostgreSQLManifest(
                definitions: content.definitions.lines, sequences: sequences,
                roles: content.roles)
            return try writer.finish(evidence)
        } catch {
            writer.discard()
            throw error
        }
    }

    /// With the sums that the fence holds, or without any.
    private func held(
        _ read:
            @Sendable ([String: BackupManifest.Table]) async throws(Failure)
            -> PostgreSQLContent
    ) async throws(Failure) -> PostgreSQLContent {
        if let content = try await fence.content(reading: read) { return content }
        return try await read([:])
    }

    /// Sequences whose values are in the dump for certain: they stood still meanwhile.
    private func stillSequences(
        _ content: PostgreSQLContent, _ client: PostgreSQLClient
    ) async throws(Failure) -> [String] {
        let later = try await client.sequences()
        return content.sequences.filter(Set(later).contains)
    }

    // MARK: Saving what the candidate has made of the data

    /// A candidate may have left it such that a dump fails; the way back must not end there.
    func saveData(
        _ name: String, _ client: PostgreSQLClient, _ context: Context
    ) async throws(Failure) -> Backup? {
        do throws(Failure) {
            return try await savedData(name, client, context)
        } catch  where context.plan.mayLoseMigratedData && error.isPermanent {
            context.report(.note("the migrated data is not saved: \(error.message)"))
            return nil
        }
    }

    private func savedData(
        _ name: String, _ client: PostgreSQLClient, _ context: Context
    ) async throws(Failure) -> Backup {
        do throws(Failure) {
            return try await backUp(name, .saveData, client, context)
        } catch  where error.code == PostgreSQLErrorKind.databaseMissing.code {
            context.report(.note("the database has gone, and nothing is there to be saved"))
            return try await savedAsMissing(name, client, context)
        }
    }

    /// The server has no such database: that is what is saved.
    private func savedAsMissing(
        _ name: String, _ client: PostgreSQLClient, _ context: Context
    ) async throws(Failure) -> Backup {
        let writer = try BackupStore(context.plan).writer(name: name, fileExtension: "pgdump")
        try writer.write("Made by Pawl. There was no database \(settings.database).\n")
        let nothing = PostgreSQLContent(
            tables: [], definitions: PostgreSQLDefinitions(lines: []), sequences: [], roles: [])
        return try writer.finish(
            BackupContent(
                fingerprint: nothing.fingerprint(isExact: false), tables: [], position: nil,
                server: try await client.server(in: .maintenance).text,
                tool: "none: the database was not there"))
    }

    private func requireFence() async throws(Failure) {
        guard await fence.isUp() else {
            throw Failure(
                code: "fence-lost",
                message: "the session that held the fence has ended, so that something may have "
                    + "been written while the backup was taken",
                advice: "look into the server's log why it ended; the backup is taken again")
        }
    }
}

/// Writes a database into a backup, and proves what was written.
struct PostgreSQLDump: Sendable {
    private let client: PostgreSQLClient
    private let report: @Sendable (Progress) -> Void
    private let program: String
    private let reader: String
    /// As in `pg_dump 15.18`.
    let tool: String

    init(
        client: PostgreSQLClient, report: @escaping @Sendable (Progress) -> Void
    ) async throws(Failure) {
        self.client = client
        self.report = report
        program = try await client.locate("pg_dump")
        reader = try await client.locate("pg_restore")
        tool = "pg_dump \(try await client.version(of: program))"
    }

    /// Uncompressed: the backup's own file is, and better.
    func write(
        _ snapshot: PostgreSQLSnapshot, into writer: BackupWriter
    ) async throws(Failure) {
        let estimate = try await client.sizeInBytes()
        let report = report
        let progress = PostgreSQLProgress { report(.bytes(done: $0, total: max($0, estimate))) }
        let call = client.call(
            program, to: .database,
            [
                "--format=custom", "--compress=0", "--create", "--lock-wait-timeout=60s",
                snapshot.option,
            ])
        let ending = try await client.tools.run(call, pull: nil) { part in
            try writer.write(part)
            progress.tell(writer.rawSizeInBytes)
        }
        guard ending.isSuccess else {
            throw .postgresql(
                "dump \(action(program))", standardError: ending.standardError,
                ending: ending.text)
        }
        report(.bytes(done: writer.rawSizeInBytes, total: writer.rawSizeInBytes))
    }

    /// Has the whole file read by the program that would restore it.
    ///
    /// The table of contents stands at the beginning of a dump, so that one that was cut off has a
    /// whole one; `pg_restore` notices the end that is missing (tried at many places on 15.18).
    func prove(_ writer: BackupWriter) async throws(Failure) {
        let backup = try writer.sealed()
        let call = client.toolCall(reader, ["--format=custom", "--file=/dev/null"])
        let ending = try await client.tools.run(
            call, pull: { try backup.read(into: $0) }, sink: { _ in })
        guard ending.isSuccess else {
            throw Failure(
                code: "dump-incomplete",
                message: "read \(action(reader)): it \(ending.text), so that the dump is not whole",
                advice: "look whether somebody ended the dump, or memory was short",
                excerpt: ending.standardError.isEmpty ? nil : ending.standardError)
        }
    }

    private func action(_ program: String) -> String {
        "database \(client.settings.database) with \(program) in \(client.tools.place)"
    }
}

/// Tells of bytes, but not of each.
final class PostgreSQLProgress: @unchecked Sendable {
    // Used on one thread at a time.
    private let tell: @Sendable (Int) -> Void
    private var told = 0
    private static let reportEachBytes = 1 << 20

    init(_ tell: @escaping @Sendable (Int) -> Void) { self.tell = tell }

    func tell(_ done: Int) {
        guard done - told >= Self.reportEachBytes else { return }
        told = done
        tell(done)
    }
}

extension PostgreSQLClient {
    /// What the database takes, with its indexes, which a dump does not hold.
    func sizeInBytes() async throws(Failure) -> Int {
        let rows = try await rows(
            "SELECT pg_database_size(current_database())", for: "estimate the size")
        return rows.first?.first.flatMap { Int($0) } ?? 0
    }

    func sequences() async throws(Failure) -> [String] {
        let inventory = PostgreSQLInventory(
            answer: try await ask(PostgreSQLInventory.question, for: "list tables"))
        let alone = inventory.sequencesAlone
        var answer: [[String]] = []
        for question in alone.questions(without: [:]) {
            answer += try await ask(question, for: "read sequences")
        }
        return try alone.read(answer, held: [:]).sequences
    }

    /// As in `PostgreSQL 15.18`.
    func server(
        in target: Target = .database
    ) async throws(Failure) -> (text: String, version: PostgreSQLVersion) {
        let rows = try await rows(
            "SELECT current_setting('server_version_num'), current_setting('server_version')",
            for: "read the server's version", in: target)
        guard let row = rows.first, row.count == 2,
            let version = PostgreSQLVersion(number: row[0], text: row[1])
        else { throw .oddAnswer("no version") }
        return ("PostgreSQL \(version)", version)
    }
}
