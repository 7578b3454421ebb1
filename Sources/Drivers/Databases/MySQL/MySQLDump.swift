internal import UpgradeMachine

/// Writes a schema into a backup: all that lies still first, and then the events.
struct MySQLDump: Sendable {
    let client: MySQLClient
    let dialect: MySQLDialect
    /// Goes on behind views that refer to what is not there any more.
    var skipsBrokenViews = false

    func write(
        into writer: BackupWriter, report: @escaping @Sendable (Progress) -> Void
    ) async throws(Failure) -> MySQLDumpTool {
        let tool = try await client.dumpTool(for: dialect)
        let inventory = try await client.inventory()
        let hasEvents = try await client.hasEvents()
        let estimate = try await client.sizeInBytes()
        let sink = MySQLDumpSink(writer) { report(.bytes(done: $0, total: estimate)) }
        try sink.take(Self.head(inventory))
        var extent = MySQLDumpExtent(
            part: hasEvents ? .withoutEvents : .everything,
            keepsHistory: dialect.keepsHistory && inventory.hasHistory,
            skipsBrokenViews: skipsBrokenViews)
        try await run(tool, extent, sink)
        if hasEvents {
            try sink.take(MySQLBackupParts.divider)
            extent.part = .eventsAlone
            try await run(tool, extent, sink)
        }
        try await requireTables(of: inventory, in: sink, tool)
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

    private func run(
        _ tool: MySQLDumpTool, _ extent: MySQLDumpExtent, _ sink: MySQLDumpSink
    ) async throws(Failure) {
        let ending = try await client.tools.run(
            try await client.dumpCall(tool, extent), pull: nil, sink: { try sink.take($0) })
        let isExpected =
            skipsBrokenViews && MySQLError.areBrokenViewsAlone(ending.standardError)
        guard ending.isSuccess || isExpected else {
            throw .mysql(
                action(tool), standardError: ending.standardError, ending: ending.text)
        }
        guard sink.hasFooter else {
            throw Failure(
                code: "dump-incomplete",
                message: "\(action(tool)): it \(ending.text), but ended with `\(sink.lastLine)` "
                    + "instead of its footer",
                advice: "look whether somebody ended it, or memory was short",
                excerpt: ending.standardError.isEmpty ? nil : ending.standardError)
        }
    }

    /// What the program left out, whoever told it so, would be lost by a restore.
    private func requireTables(
        of inventory: MySQLInventory, in sink: MySQLDumpSink, _ tool: MySQLDumpTool
    ) async throws(Failure) {
        let missing = Set(inventory.tables.map(\.name)).subtracting(sink.tables.names)
        guard !missing.isEmpty else { return }
        // Without a fence one may have been dropped meanwhile.
        let present = try await client.inventory().tables.map(\.name)
        let left = missing.intersection(present).sorted()
        guard !left.isEmpty else { return }
        throw Failure(
            code: "dump-lacks-tables",
            message: "\(action(tool)): it said that all went well, but left out "
                + MySQLSurvey.names(left),
            advice: "look whether the program is a script that passes options of its own")
    }

    private func action(_ tool: MySQLDumpTool) -> String {
        "dump schema \(client.settings.schema) with \(tool.name) in \(client.tools.place)"
    }
}

extension MySQLClient {
    /// Of all kinds, also of those that no fingerprint counts.
    func hasEvents() async throws(Failure) -> Bool {
        let rows = try await ask(
            """
            SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE();

            """, for: "count the events")
        return rows != [["0"]]
    }
}
