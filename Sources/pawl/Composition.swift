import DockerEngine
import Drivers
import Foundation
import Settings
import UpgradeMachine

/// Puts a plan's drivers together; a plan says all that they need.
enum Composition {
    static func driver(for plan: Plan) async throws -> any Driver {
        let service = try service(for: plan)
        return InPlaceDriver(
            service: service, database: try database(for: plan),
            verification: Verification(service: service))
    }

    static func service(for plan: Plan) throws -> any Service {
        switch plan.runtime {
        case .host(let settings): HostService(settings: settings)
        case .containers(let settings):
            ContainerService(engine: try engine(settings.engine), credentials: credentials)
        }
    }

    static func database(for plan: Plan) throws -> (any DatabaseDriver)? {
        switch plan.database {
        case .none: nil
        case .sqlite(let settings): SQLiteDriver(settings: settings)
        case .mysql(let settings):
            MySQLDriver(settings: settings, engine: try engine(of: plan), resolve: resolve)
        case .postgresql(let settings):
            PostgreSQLDriver(settings: settings, engine: try engine(of: plan), resolve: resolve)
        }
    }

    /// Where the database's container runs; none where nothing runs in containers.
    private static func engine(of plan: Plan) throws -> DockerEngine? {
        switch plan.runtime {
        case .containers(let settings): return try engine(settings.engine)
        case .host where plan.database.container != nil:
            let environment = ProcessInfo.processInfo.environment
            return try engine(DockerSettings.engineAddress(environment: environment))
        case .host: return nil
        }
    }

    /// What planning asks an engine and its registries.
    static func planner(engine address: String) throws -> ContainerPlanner {
        ContainerPlanner(engine: try engine(address), credentials: credentials)
    }

    private static func engine(_ address: String) throws -> DockerEngine {
        DockerEngine(endpoint: try .init(dockerHost: address))
    }

    private static var credentials: RegistryCredentials {
        RegistryCredentials(
            environment: ProcessInfo.processInfo.environment, resolve: resolve)
    }

    @Sendable private static func resolve(
        _ reference: SecretReference
    ) async throws(Failure) -> Secret {
        try await Secrets().resolve(reference)
    }

    /// Every secret that the plan refers to, to be kept out of what is shown and recorded.
    static func secrets(of plan: Plan) async throws -> [Secret] {
        var secrets: [Secret] = []
        for reference in references(of: plan) {
            do throws(Failure) {
                let secret = try await Secrets().resolve(reference)
                secrets.append(secret)
                for check in plan.checks where check.secrets.contains(reference) {
                    secrets += SentSecrets.forms(of: secret, at: reference, in: check)
                }
            } catch {
                throw Self.explained(error, of: reference, plan)
            }
        }
        return secrets
    }

    private static func references(of plan: Plan) -> [SecretReference] {
        var references: [SecretReference] = []
        if let password = plan.database.password { references.append(password) }
        if case .containers(let settings) = plan.runtime, let account = settings.registry {
            references.append(account.password)
        }
        references += plan.checks.flatMap(\.secrets)
        return references
    }

    /// Runs `body` with the plan's secrets kept out of the environment of every program.
    static func withholdingSecrets<Value>(
        of plan: Plan, _ body: () async throws -> Value
    ) async throws -> Value {
        let variables = Set(references(of: plan).compactMap(\.variable))
        return try await Command.$withheldVariables.withValue(variables, operation: body)
    }

    /// What can be typed where a plan's secret is not given to this process, as after a boot.
    private static func explained(
        _ failure: Failure, of reference: SecretReference, _ plan: Plan
    ) -> Failure {
        guard failure.code == "secret-missing" else { return failure }
        let advice: String
        switch reference {
        case .environment(let name):
            advice =
                "type \(name)=… before the command. A service has no such variable: for upgrades "
                + "to come, give it as { file: … } or { credential: … } in pawl.yaml"
        case .credential(let name):
            advice =
                "start the unit that is given it (systemctl start pawl-resume), or type "
                + "CREDENTIALS_DIRECTORY=DIRECTORY before the command, with a file \(name) there"
        case .file, .command: return failure
        }
        return Failure(
            code: failure.code,
            message: "the plan of \(plan.upgrade) for \(plan.instance) needs a secret: "
                + failure.message, advice: advice, isPermanent: true)
    }
}
