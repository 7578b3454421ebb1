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
        _ name: String, _ step: Step, _ client: MySQLClient, _ context: Context,
        skippingBrokenViews: Bool = false
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
            let dump = MySQLDump(
                client: client, dialect: dialect, skipsBrokenViews: skippingBrokenViews)
            let tool = try await dump.write(into: writer, report: context.report)
            if isFenced { try await requireFence() }
            let content = try await content(client, dialect)
            var after = before
            // Without a fence what is written after this may be in the dump or not.
            if isFenced || step == .saveData { after = try await position(client, dialect) }
            // Last, so that it held all the time.
            if isFenced { try await requireFence() }
            // Once the service has stopped others may write still.
            let isExact =
                isFenced || step == .saveData && after == before && !skippingBrokenViews
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

    // MARK: Saving what the candidate has made of the data

    /// A candidate may have left it such that a dump fails; the way back must not end there.
    func saveData(
        _ name: String, _ client: MySQLClient, _ context: Context
    ) async throws(Failure) -> Backup? {
        do throws(Failure) {
            return try await savedData(name, client, context)
        } catch  where context.plan.mayLoseMigratedData && error.isPermanent {
            context.report(.note("the migrated data is not saved: \(error.message)"))
            return nil
        }
    }

    private func savedData(
        _ name: String, _ client: MySQLClient, _ context: Context
    ) async throws(Failure) -> Backup {
        do throws(Failure) {
            return try await backUp(name, .saveData, client, context)
        } catch {
            switch error.code {
            case MySQLErrorKind.brokenView.code:
                context.report(.note("broken views are left out: \(error.message)"))
                return try await backUp(
                    name, .saveData, client, context, skippingBrokenViews: true)
            case MySQLErrorKind.schemaMissing.code:
                context.report(.note("the schema has gone, and nothing is there to be saved"))
                return try await savedAsMissing(name, client, context)
            default: throw error
            }
        }
    }

    /// The server has no such schema: that is what is saved.
    private func savedAsMissing(
        _ name: String, _ client: MySQLClient, _ context: Context
    ) async throws(Failure) -> Backup {
        let dialect = try await client.dialect()
        let writer = try BackupStore(context.plan).writer(name: name, fileExtension: "sql")
        try writer.write(
            "-- Made by Pawl. There was no schema \(MySQLText.identifier(settings.schema)).\n")
        let nothing = MySQLInventory(answer: [])
        let content = try nothing.content([], product: dialect.product)
        return try writer.finish(
            BackupContent(
                fingerprint: content.fingerprint(isExact: false), tables: [], position: nil,
                server: dialect.server, tool: "none: the schema was not there"))
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
