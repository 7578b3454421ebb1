internal import DockerEngine
internal import UpgradeMachine

/// The way to a database server: its client programs, inside its container or on this host, and the
/// password that they need.
struct ServerAccess: Sendable {
    /// The container whose programs are used; none for those of this host.
    let container: String?
    let password: SecretReference
    /// Needed where there is a container.
    let engine: DockerEngine?
    let resolve: SecretResolver

    /// What a client is made from, for one step or for a look beside the steps.
    struct Errand: Sendable {
        let tools: any DatabaseTools
        let password: Secret
        let step: Step?
        let tag: StepTag?
        let limit: Duration
    }

    /// Resolves the password, does the work, and takes the password out of what it throws.
    ///
    /// - Parameters:
    ///   - effect: Whose limit holds, and whose tag the programs carry; none beside the steps.
    ///   - patience: With a server that is being started.
    ///   - reach: Makes a client, and sees that its server answers.
    func connected<Client: Sendable, Value: Sendable>(
        _ effect: Effect?, _ context: Context, _ patience: Patience,
        reach: (Errand) async throws(Failure) -> Client,
        _ work: (Client) async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let secret = try await resolve(password)
        let redaction = Redaction([secret])
        let limit = effect.map { context.plan.limits.deadline(of: $0.step).hard }
        do throws(Failure) {
            let errand = Errand(
                tools: try tools(redaction), password: secret, step: effect?.step,
                tag: effect.map { StepTag(upgrade: context.plan.upgrade, step: $0.step) },
                limit: (limit ?? context.plan.limits.backUp).duration)
            let patience = limit.map { patience.within($0.duration) } ?? patience
            let client = try await patience.wait(in: context) { () throws(Failure) in
                try await reach(errand)
            }
            return try await work(client)
        } catch {
            throw redaction(error)
        }
    }

    private func tools(_ redaction: Redaction) throws(Failure) -> any DatabaseTools {
        guard let container else { return DatabaseHostTools(redaction: redaction) }
        guard let engine else {
            throw Failure(
                code: "no-engine",
                message: "the database's container \(container) needs a container engine",
                advice: "name the engine in the configuration", isPermanent: true)
        }
        return DatabaseContainerTools(engine: engine, container: container)
    }
}
