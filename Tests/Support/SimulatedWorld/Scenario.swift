import UpgradeMachine

/// What is upgraded, how the new release behaves, and what a person would decide.
package struct Scenario: Hashable, Sendable {
    /// How the candidate behaves when it is started.
    package enum Behaviour: String, Hashable, Sendable, CaseIterable {
        case good
        /// Migrates for longer than a verification may be silent, and tells of its progress.
        case slow
        /// Migrates, serves, and answers wrongly.
        case sick
        case exitsAtOnce
        /// Leaves the data half migrated, each time that it is started.
        case exitsInMigration
        case neverReady
    }

    /// How far writing has got is known by a log of it, or by reading all of it.
    enum PositionScheme: Hashable, Sendable { case log, content }

    var behaviour = Behaviour.good
    var hasDatabase = true
    var fence = FencePolicy.hold
    var positions = PositionScheme.log
    /// The restart policy of the service's containers.
    var policy = "always"
    /// Whether a second container writes the same database.
    var hasWorker = false
    var hasLocalTag = true
    var mayLoseMigratedData = false
    var outageBudget: Seconds?
    /// What a person decides when the upgrade is halted, one decision after the other.
    var decisions: [Decision] = []
    /// Whether a person goes back after the upgrade has been verified.
    var goesBackAfterwards = false

    /// A person's way on from a halt.
    enum Decision: Hashable, Sendable {
        /// Mends what is broken, then tries again.
        case mendAndRetry
        case retry
        case rollBack
        /// Looks, and says what is so.
        case settle
    }

    init() {}

    init(from randomness: inout Randomness) {
        behaviour = randomness.pick(Behaviour.allCases + [.good, .good, .sick])
        hasDatabase = randomness.chance(9, in: 10)
        fence = randomness.chance(4, in: 5) ? .hold : .none
        positions = randomness.chance(3, in: 4) ? .log : .content
        policy = randomness.pick(["always", "unless-stopped", "no"])
        hasWorker = randomness.chance(1, in: 3)
        hasLocalTag = randomness.chance(2, in: 3)
        mayLoseMigratedData = randomness.chance(1, in: 8)
        if randomness.chance(1, in: 6) { outageBudget = randomness.pick([5, 20]) }
        let count = randomness.below(4)
        decisions = (0..<count).map { _ in
            randomness.pick([.mendAndRetry, .mendAndRetry, .retry, .rollBack, .settle])
        }
        goesBackAfterwards = randomness.chance(1, in: 12)
    }

    static let upgrade = "u1"
    static let current = Release(
        version: "7.0.0", reference: "registry.example/studio:7.0.0", digest: "sha256:70")
    static let candidate = Release(
        version: "7.1.0", reference: "registry.example/studio:7.1.0", digest: "sha256:71")
    static let localTag = "studio:latest"

    var plan: Plan {
        let never = RestartPolicy(name: policy, maximumRetryCount: 0)
        var containers = [
            PlannedContainer(
                name: "web", role: .replaced, id: "c1", imageID: "image-7.0.0",
                restartPolicy: never, settingsDigest: "settings")
        ]
        if hasWorker {
            containers.append(
                PlannedContainer(
                    name: "worker", role: .paused, id: "c2", imageID: "image-worker",
                    restartPolicy: never, settingsDigest: "settings"))
        }
        return Plan(
            upgrade: Self.upgrade, instance: "studio", current: Self.current,
            candidate: Self.candidate,
            runtime: .containers(
                settings: ContainerRuntime(
                    engine: "simulated", repository: "registry.example/studio",
                    localTag: hasLocalTag ? Self.localTag : nil, containers: containers,
                    stopGrace: 5, registry: nil)),
            database: hasDatabase ? Self.database : .none, fence: fence, backups: "/backups",
            checks: [Check(name: "ready", question: .running)], steadyFor: 2,
            mayLoseMigratedData: mayLoseMigratedData,
            limits: Limits(
                pull: 20, backUp: 30, restore: 30, stop: 20, start: 20, verify: 15,
                verifyAtMost: 60, outageBudget: outageBudget))
    }

    private static let database = Database.mysql(
        settings: MySQLDatabase(
            container: "db", host: nil, port: nil, schema: "studio", user: "root",
            password: .credential(name: "database")))
}
