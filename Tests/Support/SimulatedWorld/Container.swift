import UpgradeMachine

/// A container, and the application in it.
struct Container: Sendable {
    enum Phase: Hashable, Sendable {
        case created, running
        case exited(code: Int)
    }

    let id: String
    var name: String
    let imageID: String
    var policy: String
    var phase = Phase.created
    /// This upgrade's label, where Pawl has made it.
    var upgrade: String?
    var wasStarted = false
    var wasStoppedByHand = false
    var restarts = 0
    var isRestarting = false
    /// Whether the application serves.
    var isReady = false
    /// When the application, or the engine for it, does its next thing.
    var nextStep: Int64?

    init(id: String, name: String, imageID: String, policy: String) {
        (self.id, self.name, self.imageID, self.policy) = (id, name, imageID, policy)
    }

    var isAtWork: Bool { phase == .running }
    /// As the engine says it: also between two starts of its restart policy.
    var isRunning: Bool { isAtWork || isRestarting }
    /// As the real driver defines it.
    var hasEnded: Bool { wasStarted && !isRunning && !isRestarting }

    mutating func end(_ code: Int) {
        phase = .exited(code: code)
        (isReady, isRestarting, nextStep) = (false, false, nil)
    }

    mutating func stop() {
        wasStoppedByHand = true
        if isRunning || isRestarting { end(143) }
    }
}

extension World {
    static let tenthOfSecond: Int64 = 100_000_000

    func index(_ id: String) -> Int? { containers.firstIndex { $0.id == id } }

    /// Starts a container; one that runs is left as it is.
    func run(_ index: Int) {
        guard !containers[index].isAtWork else { return }
        containers[index].phase = .running
        containers[index].wasStarted = true
        containers[index].wasStoppedByHand = false
        containers[index].isRestarting = false
        containers[index].isReady = false
        containers[index].nextStep = clock.nanoseconds + 3 * Self.tenthOfSecond
        checkMixture()
    }

    /// Two versions at work on one data; a person may have had it so.
    private func checkMixture() {
        guard !hasPersonStarted else { return }
        let atWork = Set(
            containers.filter { $0.isAtWork && $0.imageID != "image-worker" }.map(\.imageID))
        if atWork.count > 1 { violate(.neverMixed, "the old and the new release run at once") }
    }

    /// The application's next thing: migrate, serve, or end.
    func proceed(_ index: Int, at moment: Int64) {
        containers[index].nextStep = nil
        if containers[index].isRestarting {
            containers[index].isRestarting = false
            return run(index)
        }
        switch containers[index].imageID {
        case "image-7.0.0":
            let isItsData = content.exists && content.migrationSteps == 0
            if scenario.hasDatabase, !isItsData { return exit(index, 4, at: moment) }
            containers[index].isReady = true
        case "image-7.1.0": proceedCandidate(index, at: moment)
        default: containers[index].isReady = true
        }
    }

    private func proceedCandidate(_ index: Int, at moment: Int64) {
        switch scenario.behaviour {
        case .exitsAtOnce: return exit(index, 3, at: moment)
        case .exitsInMigration where content.migrationSteps >= 2 || !scenario.hasDatabase:
            return exit(index, 6, at: moment)
        default: break
        }
        if scenario.hasDatabase, content.migrationSteps < Content.wholeMigration {
            // A fence that was forgotten breaks the migration.
            guard mayApplicationWrite else { return exit(index, 5, at: moment) }
            content.migrationSteps += 1
            writes += 1
            let pause: Int64 = scenario.behaviour == .slow ? 60 : 2
            containers[index].nextStep = moment + pause * Self.tenthOfSecond
        } else {
            containers[index].isReady = scenario.behaviour != .neverReady
        }
    }

    /// The application ends; the engine starts it again where its policy says so.
    private func exit(_ index: Int, _ code: Int, at moment: Int64) {
        containers[index].end(code)
        guard containers[index].policy != "no" else { return }
        containers[index].restarts += 1
        containers[index].isRestarting = true
        containers[index].nextStep = moment + 10 * Self.tenthOfSecond
    }
}
