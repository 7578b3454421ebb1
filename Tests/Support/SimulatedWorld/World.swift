import UpgradeMachine

/// The outside of Pawl, pretended: an engine with containers, a database, a disk, clients.
///
/// It survives the processes that work on it, and remembers what must never have happened. Belongs
/// to one simulation, and so to one thread.
final class World: @unchecked Sendable {
    let scenario: Scenario
    let plan: Plan
    let clock: Clockwork

    // The engine.
    var containers: [Container] = []
    var images: Set<String> = ["image-7.0.0", "image-worker"]
    var tags: [String: String] = [:]
    var pulledLayers = 0
    private var containersMade = 10

    // The database server.
    var content = Content(rows: [1, 2, 3])
    var writes = 0
    var isReadOnly = false
    /// The session that holds the read lock.
    var lock: Session?
    var loader: Loader?
    /// What loads whose client has died will still do.
    private var orphans: [Loader] = []
    private var sessionsMade = 0

    var disk = Disk()

    // Clients, and who else may write.
    private(set) var acknowledged: Set<Int> = []
    private var rowsMade = 3
    private var nextWrite: Int64 = 400_000_000
    private(set) var hasOutsiderWritten = false
    private(set) var hasPersonStarted = false
    private(set) var engineRestarted = false
    /// The newest row that there was when the data was found restored.
    private(set) var rowsWhenRestored = Int.max
    /// A bug of this simulation's drivers, put in on purpose.
    var sabotage: Sabotage?

    /// Kinds of calls that fail until somebody mends them.
    var broken: Set<Call> = []
    private(set) var violations: [Violation] = []

    struct Session: Hashable {
        let id: Int
        /// When the server notices that its client has gone.
        var ends: Int64?
    }

    /// A session that loads a dump; its client gone, it still does what it was sent.
    struct Loader {
        let session: Session
        var rest: [[Int]]
        var acts: Int64 = 0
    }

    init(_ scenario: Scenario, clock: Clockwork) {
        self.scenario = scenario
        plan = scenario.plan
        self.clock = clock
        for planned in runtime.containers {
            var container = Container(
                id: planned.id, name: planned.name, imageID: planned.imageID,
                policy: planned.restartPolicy.name)
            container.phase = .running
            container.wasStarted = true
            container.isReady = true
            containers.append(container)
        }
        tags[Scenario.current.reference] = "image-7.0.0"
        if scenario.hasLocalTag { tags[Scenario.localTag] = "image-7.0.0" }
        clock.timePasses = { [unowned self] in catchUp(to: $0) }
    }

    var runtime: ContainerRuntime {
        guard case .containers(let settings) = plan.runtime else {
            preconditionFailure("this world has containers")
        }
        return settings
    }

    func violate(_ invariant: Violation.Invariant, _ detail: String) {
        violations.append(Violation(invariant: invariant, detail: detail))
    }

    func makeContainerID() -> String {
        containersMade += 1
        return "c\(containersMade)"
    }

    func makeSession() -> Session {
        sessionsMade += 1
        return Session(id: sessionsMade, ends: nil)
    }
}

// MARK: - What happens by itself

extension World {
    private static let betweenWrites: Int64 = 400_000_000
    private static let orphanPause: Int64 = 4_000_000_000

    /// In the order of time: clients write, applications migrate, sessions end.
    private func catchUp(to now: Int64) {
        while true {
            let step = containers.indices.filter { containers[$0].nextStep != nil }
                .min { containers[$0].nextStep ?? 0 < containers[$1].nextStep ?? 0 }
            let due = step.flatMap { containers[$0].nextStep } ?? .max
            let next = min(due, nextWrite, lock?.ends ?? .max, orphans.first?.acts ?? .max)
            guard next <= now else { return }
            if next == due, let step {
                proceed(step, at: next)
            } else if next == nextWrite {
                nextWrite += Self.betweenWrites
                clientsWrite()
            } else if next == lock?.ends {
                lock = nil
            } else {
                orphanLoads(at: next)
            }
        }
    }

    private func clientsWrite() {
        guard scenario.hasDatabase else { return }
        for container in containers where container.name == "web" || container.name == "worker" {
            guard container.phase == .running, container.isReady, mayApplicationWrite else {
                continue
            }
            acknowledge()
        }
    }

    private func acknowledge() {
        rowsMade += 1
        content.rows.append(rowsMade)
        writes += 1
        acknowledged.insert(rowsMade)
    }

    /// What its client had sent before it died.
    private func orphanLoads(at moment: Int64) {
        var orphan = orphans.removeFirst()
        guard content.exists, !orphan.rest.isEmpty else { return }
        content.rows += orphan.rest.removeFirst()
        writes += 1
        orphan.acts = moment + Self.orphanPause
        orphans.append(orphan)
    }

    func endLoads() {
        loader = nil
        orphans = []
    }

    var mayApplicationWrite: Bool { content.exists && !isReadOnly && lock == nil }

    func noteRestored() { rowsWhenRestored = rowsMade }

    // MARK: Somebody else's doing

    func personWrites() {
        guard scenario.hasDatabase, lock == nil, content.exists else { return }
        hasOutsiderWritten = true
        let isServing = isServing("image-7.0.0")
        acknowledge()
        // Beside a service that is down they know what they do.
        if !isServing { acknowledged.remove(rowsMade) }
    }

    func personRestarts() {
        guard let index = containers.firstIndex(where: { $0.name == "web" }) else { return }
        hasPersonStarted = true
        containers[index].stop()
        run(index)
    }

    /// The daemon is started anew; what it starts by itself it starts.
    func engineRestarts() {
        engineRestarted = true
        serverRestarts()
        for index in containers.indices {
            let container = containers[index]
            let wasAtWork = container.isRunning || container.isRestarting
            if wasAtWork { containers[index].end(137) }
            switch container.policy {
            case "always": run(index)
            case "unless-stopped": if !container.wasStoppedByHand { run(index) }
            default: break
            }
        }
    }

    private func serverRestarts() {
        isReadOnly = false
        lock = nil
        endLoads()
    }

    func reboot() {
        clock.reboot()
        disk.losePower()
        engineRestarts()
    }

    /// The sessions of a process that has died: the server notices late.
    func processDied() {
        let now = clock.nanoseconds
        if lock != nil, lock?.ends == nil { lock?.ends = now + 3_000_000_000 }
        guard var orphan = loader else { return }
        loader = nil
        orphan.acts = now + Self.orphanPause
        orphans.append(orphan)
    }
}
