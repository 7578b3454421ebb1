import DockerEngine
import DriverContract
import Drivers
import Foundation
import Testing
import UpgradeMachine

@Suite("What the runner relies on, of containers with MySQL", .needsTestbed)
struct ContainersContractTests {
    @Test("Every step keeps to it", .timeLimit(.minutes(5)), arguments: [[], ["--binlog"]])
    func keeps(arguments: [String]) async throws {
        try await Stack.running(arguments: arguments) { stack in
            let subject = try await ContainersSubject(stack)
            let answer = try await DriverContract.check(
                DriverContract.Subject(
                    plan: subject.plan, makeDriver: { subject.makeDriver() },
                    picture: { try await subject.picture() }, mayBeThere: [.pull],
                    halves: .init(
                        torn: [.backUp, .saveData, .restoreData], stayingTorn: [.restoreData]),
                    tear: { try await subject.tear($0) }))
            #expect(answer.findings.isEmpty)
            #expect(answer.asked == DriverContract.steps)
            #expect(answer.torn == [.backUp, .stop, .saveData, .restoreData])
        }
    }

    /// The application has its own database still: what is asked is how the drivers behave.
    @Test("Every step keeps to it with PostgreSQL", .timeLimit(.minutes(5)))
    func keepsWithPostgreSQL() async throws {
        try await Stack.running { stack in
            try await PostgreSQLServer.running(.container) { server in
                let subject = try await ContainersSubject(stack, server)
                let answer = try await DriverContract.check(
                    DriverContract.Subject(
                        plan: subject.plan, makeDriver: { subject.makeDriver() },
                        picture: { try await subject.picture() },
                        // Nobody has changed its data by then: it is what the backup holds.
                        mayBeThere: [.pull, .restoreData],
                        halves: .init(
                            torn: [.backUp, .saveData, .restoreData], stayingTorn: [.restoreData]),
                        tear: { try await subject.tear($0) }))
                #expect(answer.findings.isEmpty)
                #expect(answer.asked == DriverContract.steps)
                #expect(answer.torn == [.backUp, .stop, .saveData, .restoreData])
            }
        }
    }
}

/// A stack's containers and database, and the drivers that work on them.
private struct ContainersSubject {
    let plan: Plan
    private let stack: Stack
    private let engine: DockerEngine
    private let credentials: RegistryCredentials
    private let settings: MySQLDatabase
    private let server: PostgreSQLServer?

    /// - Parameter server: The database in question, in place of the stack's own.
    init(_ stack: Stack, _ server: PostgreSQLServer? = nil) async throws {
        self.stack = stack
        self.server = server
        try await server?.root("CREATE TABLE notice (a int); INSERT INTO notice VALUES (1);")
        let host = try Testbed.required("DOCKER_HOST")
        engine = DockerEngine(endpoint: try DockerEngine.Endpoint(dockerHost: host))
        let password = try Testbed.required("REGISTRY_PASSWORD")
        credentials = RegistryCredentials(environment: [:]) { _ in Secret(password) }
        let account = RegistryAccount(
            user: try Testbed.required("REGISTRY_USER"), password: .environment(name: "REGISTRY"))
        let repository = try Testbed.required("RELEASE_IMAGE")
        settings = MySQLDatabase(
            container: stack.database, host: nil, port: nil, schema: "noticeboard", user: "root",
            password: .environment(name: "ROOT"))
        let planner = ContainerPlanner(engine: engine, credentials: credentials)
        let survey = try await planner.survey(
            ContainerSelection(
                repository: repository, localTag: stack.localTag,
                members: [.init(name: stack.web, role: .replaced)]))
        plan = Plan(
            upgrade: "contract", instance: stack.name, current: survey.current,
            candidate: try await planner.release("2.0.0", in: repository, account: account),
            runtime: .containers(
                settings: ContainerRuntime(
                    engine: host, repository: repository, localTag: stack.localTag,
                    containers: survey.containers, stopGrace: 10, registry: account)),
            database: try server.map { .postgresql(settings: try $0.settings()) }
                ?? .mysql(settings: settings), fence: .hold, backups: stack.path("backups"),
            checks: [
                Check(name: "log", question: .log(ready: "ready on port", errors: []))
            ], steadyFor: 0, limits: Limits())
    }

    func makeDriver() -> any Driver {
        let service = ContainerService(engine: engine, credentials: credentials)
        let password = stack.rootPassword
        let database: any DatabaseDriver =
            if case .postgresql(let settings) = plan.database {
                PostgreSQLDriver(settings: settings, engine: engine) { _ in
                    Secret(PostgreSQLServer.password)
                }
            } else {
                MySQLDriver(settings: settings, engine: engine) { _ in Secret(password) }
            }
        return InPlaceDriver(
            service: service, database: database, verification: Verification(service: service))
    }

    /// Containers, rows, whether they may be written, and the backups; not the schema, which the
    /// application migrates meanwhile.
    func picture() async throws -> String {
        let containers = try await stack.containers().values.sorted { $0.name < $1.name }
            .map { "\($0.name) \($0.imageID) \($0.policy) \($0.identity) \($0.state.isRunning)" }
        let rows =
            if let server {
                try await server.root(Self.question)
            } else {
                try await stack.sql("SELECT @@read_only, COUNT(*) FROM notice")
            }
        let files = (try? FileManager.default.contentsOfDirectory(atPath: plan.backups)) ?? []
        let tag = try await stack.imageID(stack.localTag)
        return (containers + [rows, tag] + files.sorted()).joined(separator: "\n")
    }

    /// Rows, tables and whether they may be written.
    private static let question = """
        SELECT count(*), (SELECT count(*) FROM pg_class WHERE relname = 'notice'),
            (SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND locktype = 'relation')
          FROM notice;
        """

    /// What a crash in the middle leaves.
    func tear(_ effect: Effect) async throws -> Bool {
        switch effect {
        case .backUp(let name), .saveData(let name):
            try FileManager.default.createDirectory(
                atPath: plan.backups, withIntermediateDirectories: true)
            try "half".write(
                toFile: "\(plan.backups)/\(name).\(server == nil ? "sql" : "pgdump").zst.partial",
                atomically: false,
                encoding: .utf8)
        case .stop: try await Testbed.docker("stop", stack.web)
        case .restoreData:
            if let server {
                try await server.root("INSERT INTO notice VALUES (2);")
            } else {
                try await stack.sql("DROP TABLE IF EXISTS schema_version")
            }
        default: return false
        }
        return true
    }
}
