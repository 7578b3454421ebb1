internal import UpgradeMachine

extension MySQLDriver {
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

    /// Dumps the schema into a new file, or answers the one that this step has made before.
    func backUp(
        _ name: String, _ step: Step, _ client: MySQLClient, _ context: Context
    ) async throws(Failure) -> Backup {
        let store = BackupStore(context.plan)
        switch try await store.find(name) {
        case .present(let backup): return backup
        case .torn: try await store.clear(name)
        case .absent: break
        }
        let isFenced = step == .backUp && context.plan.fence == .hold
        if isFenced { try await requireFence() }
        let writer = try store.writer(name: name, fileExtension: "sql")
        do throws(Failure) {
            let dialect = try await client.dialect()
            let before = try await position(client, dialect)
            let tool = try await dump(client, dialect, into: writer, context)
            if isFenced { try await requireFence() }
            let content = try await content(client, dialect)
            var after = before
            // Without a fence what is written after this may be in the dump or not.
            if isFenced || step == .saveData { after = try await position(client, dialect) }
            // Last, so that it held all the time.
            if isFenced { try await requireFence() }
            // Once the service has stopped others may write still.
            let isExact = isFenced || step == .saveData && after == before
            return try writer.finish(
                BackupContent(
                    fingerprint: content.fingerprint(isExact: isExact), tables: content.tables,
                    position: after, server: dialect.server,
                    tool: "\(tool.name) \(tool.version)"))
        } catch {
            writer.discard()
            throw error
        }
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

    private func dump(
        _ client: MySQLClient, _ dialect: MySQLDialect, into writer: BackupWriter,
        _ context: Context
    ) async throws(Failure) -> MySQLDumpTool {
        let tool = try await client.dumpTool()
        let inventory = try await client.inventory()
        let estimate = try await client.sizeInBytes()
        let report = context.report
        let sink = MySQLDumpSink(writer) { report(.bytes(done: $0, total: estimate)) }
        try Self.head(inventory).withUTF8Bytes { (bytes) throws(Failure) in try sink.take(bytes) }
        let ending = try await client.tools.run(
            client.dumpCall(tool, keepsHistory: dialect.keepsHistory && inventory.hasHistory),
            pull: nil, sink: { try sink.take($0) })
        let action = "dump schema \(settings.schema) with \(tool.name) in \(client.tools.place)"
        guard ending.isSuccess else {
            throw .mysql(action, standardError: ending.standardError, ending: ending.text)
        }
        guard sink.hasFooter else {
            throw Failure(
                code: "dump-incomplete",
                message: "\(action): it \(ending.text), but ended with `\(sink.lastLine)` "
                    + "instead of its footer",
                advice: "look whether somebody ended it, or memory was short",
                excerpt: ending.standardError.isEmpty ? nil : ending.standardError)
        }
        report(.bytes(done: writer.rawSizeInBytes, total: writer.rawSizeInBytes))
        return tool
    }

    /// A dump of one schema does not say what new tables in it are encoded in.
    static func head(_ inventory: MySQLInventory) -> String {
        """
        -- Made by Pawl. Belongs into an empty schema; the next statement gives it its defaults.
        ALTER DATABASE CHARACTER SET = \(inventory.characterSet) COLLATE = \(inventory.collation);

        """
    }
}

extension String {
    fileprivate func withUTF8Bytes<Value, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try Array(utf8).withUnsafeBufferPointer { (bytes) throws(Failure) in
            try body(UnsafeRawBufferPointer(bytes))
        }
    }
}

extension MySQLClient {
    /// What the tables' rows take, as the server estimates it.
    func sizeInBytes() async throws(Failure) -> Int {
        let rows = try await ask(
            """
            SELECT CAST(IFNULL(SUM(DATA_LENGTH), 0) AS UNSIGNED) FROM information_schema.TABLES
              WHERE TABLE_SCHEMA = DATABASE();

            """, for: "estimate the size")
        return rows.first?.first.flatMap { Int($0) } ?? 0
    }
}
