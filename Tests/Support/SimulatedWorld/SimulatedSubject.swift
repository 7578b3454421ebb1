package import UpgradeMachine

/// A simulated world and its drivers, for whoever asks them what the real ones are asked.
package final class SimulatedSubject: @unchecked Sendable {
    private let world: World
    private let clock = Clockwork()
    private var first: Process?

    package init(hasWorker: Bool, fence: FencePolicy, countsWrites: Bool) {
        var scenario = Scenario()
        scenario.hasWorker = hasWorker
        scenario.fence = fence
        scenario.positions = countsWrites ? .log : .content
        world = World(scenario, clock: clock)
    }

    package var plan: Plan { world.plan }

    /// Does `work` in the world's own time.
    package func run(_ work: @escaping @Sendable () async throws -> Void) throws {
        let end = Box<Result<Void, any Error>>()
        clock.run {
            do { end.value = .success(try await work()) } catch { end.value = .failure(error) }
        }
        try end.value?.get()
    }

    package func makeDriver() -> any Driver {
        let process = Process(world, Course(Schedule()))
        if first == nil { first = process }
        return SimulatedDriver(process)
    }

    /// Containers, tags, database and files; not what clients write meanwhile.
    package var picture: String {
        let containers = world.containers.map {
            "\($0.name) \($0.imageID) \($0.policy) \($0.isRunning)"
        }
        let tags = world.tags.sorted { $0.key < $1.key }.map { "\($0.key) is \($0.value)" }
        let server = "read_only \(world.isReadOnly), locked \(world.lock != nil)"
        let files = world.disk.names(beginningWith: "/").map {
            "\($0): \(world.disk.content(of: $0).map { "\($0)" } ?? "")"
        }
        return (containers + tags + [server] + files).joined(separator: "\n")
    }

    /// Has a process die in the middle of an effect.
    package func tear(_ effect: Effect) async -> Bool {
        let calls: [Step: Int] = [
            .pull: 2, .backUp: 12, .stop: 3, .start: 5, .removeCandidate: 1, .saveData: 10,
            .restoreData: 4, .startPrevious: 3,
        ]
        guard let call = calls[effect.step] else { return false }
        let process = Process(world, Course(Schedule([.init(point: call, fault: .crash)])))
        // It is the one that holds the fence.
        process.fence = first?.fence
        let lock = world.lock
        let driver = SimulatedDriver(process)
        // It dies; that is the point.
        _ = try? await driver.perform(effect, in: Context(plan: plan) { _ in })
        // The one under question lives, and holds what it held.
        world.lock = lock
        return process.isDead
    }

    package var violations: [Violation] { world.violations }
}
