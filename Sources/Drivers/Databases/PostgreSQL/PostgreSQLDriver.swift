public import DockerEngine
public import UpgradeMachine

/// A database on PostgreSQL, all of it, through the server's own client programs.
///
/// They run inside the database's container or on this host. The fence lives in this value: copies
/// share it, and it ends with the process.
///
/// A `host` that begins with a slash is the directory of a local socket.
public struct PostgreSQLDriver: DatabaseDriver {
    let settings: PostgreSQLDatabase
    private let access: ServerAccess
    let fence = PostgreSQLFence()
    private let desk = DatabaseDesk()

    /// - Parameter engine: Needed where the settings name a container.
    public init(
        settings: PostgreSQLDatabase, engine: DockerEngine?, resolve: @escaping SecretResolver
    ) {
        self.settings = settings
        access = ServerAccess(
            container: settings.container, password: settings.password, engine: engine,
            resolve: resolve)
    }

    // MARK: Driver

    public func endLeftovers(of effect: Effect, in context: Context) async throws(Failure) {
        // A fence that this very process holds is no leftover, and nobody else can hold it too.
        if case .raiseFence = effect, await fence.isUp() { return }
        let tag = StepTag(upgrade: context.plan.upgrade, step: effect.step)
        try await connected(effect, context) { client throws(Failure) in
            try await client.tools.endPrograms(of: tag)
            // The server may go on without the program, as with an index that it builds.
            try await client.endSessions(for: .work(step: effect.step))
            if case .raiseFence = effect { try await client.endSessions(for: .fence) }
        }
    }

    public func observe(
        _ effect: Effect, in context: Context
    ) async throws(Failure) -> Observation {
        switch effect {
        case .raiseFence:
            return try await connected(effect, context) { client throws(Failure) in
                try await observeFence(client)
            }
        case .backUp(let name), .saveData(let name):
            return try await observeBackup(name, saving: effect.step == .saveData, context)
        case .liftFence(let expected):
            return try await connected(effect, context) { client throws(Failure) in
                try await observeLifted(proving: expected, client)
            }
        case .restoreData(let backup):
            return try await connected(effect, context) { client throws(Failure) in
                try await observeRestored(backup, client)
            }
        default: throw .notForDatabase(effect)
        }
    }

    public func perform(_ effect: Effect, in context: Context) async throws(Failure) -> Receipt {
        try await connected(effect, context) { client throws(Failure) in
            switch effect {
            case .raiseFence: return try await raiseFence(client)
            case .backUp(let name):
                return .backedUp(backup: try await backUp(name, effect.step, client, context))
            case .saveData(let name):
                return .dataSaved(backup: try await saveData(name, client, context))
            case .liftFence(let expected):
                return try await liftFence(proving: expected, client)
            case .restoreData(let backup):
                return try await restore(backup, client, context)
            default: throw .notForDatabase(effect)
            }
        }
    }

    public func clear(_ effect: Effect, in context: Context) async throws(Failure) {
        switch effect {
        case .raiseFence:
            try await connected(effect, context) { client throws(Failure) in
                try await removeFence(client)
            }
        case .backUp(let name), .saveData(let name):
            try await BackupStore(context.plan).clear(name)
        case .liftFence:
            break
        case .restoreData:
            // Restoring begins with dropping the whole database: what is half done goes then.
            break
        default: throw .notForDatabase(effect)
        }
    }

    // MARK: DatabaseDriver

    public func position(in context: Context) async throws(Failure) -> Position {
        try await connected(nil, context) { client throws(Failure) in
            try await content(client).position
        }
    }

    /// - Returns: Always exact: it is that of one moment, whoever writes on.
    public func fingerprint(in context: Context) async throws(Failure) -> Fingerprint {
        try await connected(nil, context) { client throws(Failure) in
            try await content(client).fingerprint(isExact: true)
        }
    }

    public func survey(in context: Context) async throws(Failure) -> DatabaseSurvey {
        try await connected(nil, context, .none) { client throws(Failure) in
            try await PostgreSQLSurvey(client: client, plan: context.plan).run()
        }
    }

    // MARK: Connecting

    /// - Parameter patience: With a server that is being started.
    func connected<Value: Sendable>(
        _ effect: Effect?, _ context: Context, _ patience: Patience = .usual,
        _ work: (PostgreSQLClient) async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let reach = { (errand: ServerAccess.Errand) async throws(Failure) -> PostgreSQLClient in
            let client = try await PostgreSQLClient(
                settings: settings, tools: errand.tools, desk: desk, password: errand.password,
                instance: context.plan.instance, step: errand.step, tag: errand.tag,
                limit: errand.limit)
            try await client.reach()
            return client
        }
        return try await access.connected(effect, context, patience, reach: reach, work)
    }

    /// What the database holds; while this process's fence stands, locked tables are summed once.
    func content(_ client: PostgreSQLClient) async throws(Failure) -> PostgreSQLContent {
        let held = try await fence.content { held throws(Failure) in
            try await client.content(held: held)
        }
        if let held { return held }
        return try await client.content()
    }
}

extension PostgreSQLClient {
    /// Sees that the server answers; the database itself may be missing.
    func reach() async throws(Failure) {
        do throws(Failure) {
            _ = try await rows("SELECT 1", for: "reach the server")
        } catch  where error.code == PostgreSQLErrorKind.databaseMissing.code {
            return
        }
    }
}
