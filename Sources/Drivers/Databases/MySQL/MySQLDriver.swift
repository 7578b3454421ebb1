public import DockerEngine
public import UpgradeMachine

/// A schema on MySQL or MariaDB, through the database's own client programs.
///
/// They run inside the database's container or on this host. The fence lives in this value: copies
/// share it, and it ends with the process. On a server in read-only state by somebody else's doing,
/// lifting the fence lifts that as well; ``survey(in:)`` reports it beforehand.
///
/// A `host` that begins with a slash is the path of a local socket.
public struct MySQLDriver: DatabaseDriver {
    let settings: MySQLDatabase
    private let access: ServerAccess
    let fence = MySQLFence()
    private let desk = DatabaseDesk()

    /// - Parameter engine: Needed where the settings name a container.
    public init(
        settings: MySQLDatabase, engine: DockerEngine?, resolve: @escaping SecretResolver
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
            switch effect {
            case .raiseFence: try await client.endSession(holding: fenceLock(context))
            case .restoreData, .loadDump:
                try await client.endSession(holding: restoreLock(context))
            default: break
            }
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
                try await observeLifted(proving: expected, client, context)
            }
        case .restoreData(let backup):
            return try await connected(effect, context) { client throws(Failure) in
                try await observeRestored(backup, client)
            }
        // Nothing tells a loaded dump from one that was loaded and written to since.
        case .loadDump: return .absent
        default: throw .notForDatabase(effect)
        }
    }

    public func perform(_ effect: Effect, in context: Context) async throws(Failure) -> Receipt {
        try await connected(effect, context) { client throws(Failure) in
            switch effect {
            case .raiseFence: return try await raiseFence(client, context)
            case .backUp(let name):
                return .backedUp(backup: try await backUp(name, effect.step, client, context))
            case .saveData(let name):
                return .dataSaved(backup: try await saveData(name, client, context))
            case .liftFence(let expected):
                return try await liftFence(proving: expected, client, context)
            case .restoreData(let backup):
                return try await restore(backup, client, context)
            case .loadDump(let dump):
                return .dumpLoaded(fingerprint: try await load(dump, client, context))
            default: throw .notForDatabase(effect)
            }
        }
    }

    public func clear(_ effect: Effect, in context: Context) async throws(Failure) {
        switch effect {
        case .raiseFence:
            try await connected(effect, context) { client throws(Failure) in
                try await removeFence(client, context)
            }
        case .backUp(let name), .saveData(let name):
            try await BackupStore(context.plan).clear(name)
        case .liftFence:
            break
        case .restoreData, .loadDump:
            // Restoring begins with dropping the whole schema: what is half done goes then.
            break
        default: throw .notForDatabase(effect)
        }
    }

    // MARK: DatabaseDriver

    public func position(in context: Context) async throws(Failure) -> Position {
        try await connected(nil, context) { client throws(Failure) in
            try await position(client, try await client.dialect())
        }
    }

    /// - Returns: Exact where this process's fence stands; otherwise something may be writing.
    public func fingerprint(in context: Context) async throws(Failure) -> Fingerprint {
        try await connected(nil, context) { client throws(Failure) in
            let wasUp = await fence.isUp()
            let content = try await client.content(try await client.dialect())
            var isExact = false
            if wasUp { isExact = await fence.isUp() }
            return content.fingerprint(isExact: isExact)
        }
    }

    public func survey(in context: Context) async throws(Failure) -> DatabaseSurvey {
        try await connected(nil, context, .none) { client throws(Failure) in
            try await MySQLSurvey(client: client, plan: context.plan).run()
        }
    }

    // MARK: Connecting

    /// - Parameter patience: With a server that is being started.
    func connected<Value: Sendable>(
        _ effect: Effect?, _ context: Context, _ patience: Patience = .usual,
        _ work: (MySQLClient) async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let reach = { (errand: ServerAccess.Errand) async throws(Failure) -> MySQLClient in
            let client = try await MySQLClient(
                settings: settings, tools: errand.tools, desk: desk, password: errand.password,
                tag: errand.tag, limit: errand.limit)
            _ = try await client.ask("DO 0;\n", for: "reach the server", inSchema: false)
            return client
        }
        return try await access.connected(effect, context, patience, reach: reach, work)
    }

    func fenceLock(_ context: Context) -> String {
        MySQLText.lockName("fence", instance: context.plan.instance, schema: settings.schema)
    }

    func restoreLock(_ context: Context) -> String {
        MySQLText.lockName("restore", instance: context.plan.instance, schema: settings.schema)
    }

    /// By the binary log where there is one, by the content where not.
    func position(_ client: MySQLClient, _ dialect: MySQLDialect) async throws(Failure) -> Position
    {
        if let position = try await client.binaryLogPosition(dialect) { return position }
        let content = try await content(client, dialect)
        return Position("content:\(content.fingerprint(isExact: true).digest)")
    }

    /// What the schema holds; while this process's fence stands, what it held when it was read.
    func content(
        _ client: MySQLClient, _ dialect: MySQLDialect
    ) async throws(Failure) -> MySQLContent {
        let held = try await fence.content { () throws(Failure) in
            try await client.content(dialect)
        }
        if let held { return held }
        return try await client.content(dialect)
    }
}

extension Failure {
    static func notForDatabase(_ effect: Effect) -> Failure {
        Failure(
            code: "not-for-database", message: "\(effect.step.rawValue) is no effect on a database",
            advice: "this is a defect of Pawl: please report it", isPermanent: true)
    }
}
