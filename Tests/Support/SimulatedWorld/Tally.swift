import Foundation
package import UpgradeMachine

/// What many simulations have come to.
package struct Tally: Sendable, CustomStringConvertible {
    package private(set) var upgrades = 0
    package private(set) var endings: [StateName: Int] = [:]
    package private(set) var faults: [Fault: Int] = [:]
    package private(set) var processes = 0
    package private(set) var points = 0
    package private(set) var adoptions = 0
    package private(set) var failing: [Simulation] = []
    package private(set) var duration = Duration.zero

    /// Simulates every seed, on all processors.
    package static func of(
        _ seeds: ClosedRange<UInt64>, sabotage: Sabotage? = nil
    ) async throws -> Tally {
        let lanes = UInt64(max(1, ProcessInfo.processInfo.activeProcessorCount))
        let start = ContinuousClock.now
        var whole = Tally()
        try await withThrowingTaskGroup(of: Tally.self) { group in
            for lane in 0..<lanes {
                group.addTask {
                    try await onOwnThread {
                        var tally = Tally()
                        for seed in seeds where seed % lanes == lane {
                            try tally.add(Simulation(seed: seed, sabotage: sabotage))
                        }
                        return tally
                    }
                }
            }
            for try await tally in group { whole.add(tally) }
        }
        whole.duration = ContinuousClock.now - start
        whole.failing.sort { $0.seed < $1.seed }
        return whole
    }

    private mutating func add(_ simulation: Simulation) throws {
        let result = try simulation.run()
        upgrades += 1
        if let ending = result.ending { endings[ending, default: 0] += 1 }
        for entry in result.injected { faults[entry.fault, default: 0] += 1 }
        processes += result.processes
        points += result.points
        adoptions += result.adoptions
        if !result.violations.isEmpty { failing.append(simulation) }
    }

    private mutating func add(_ other: Tally) {
        upgrades += other.upgrades
        endings.merge(other.endings, uniquingKeysWith: +)
        faults.merge(other.faults, uniquingKeysWith: +)
        processes += other.processes
        points += other.points
        adoptions += other.adoptions
        failing += other.failing
    }

    package var description: String {
        let seconds = Double(duration.nanoseconds) / 1e9
        let rate = Int(Double(upgrades) / max(seconds, 0.001))
        let ends = endings.sorted { $0.value > $1.value }
            .map { "\($0.value) \($0.key.rawValue)" }.joined(separator: ", ")
        let total = faults.values.reduce(0, +)
        return """
            \(upgrades) upgrades (\(ends)) in \(processes) processes with \(total) faults at \
            \(points) points, \(adoptions) steps found done; \(rate) upgrades per second
            """
    }
}

/// Blocks a thread of its own, never one of those that all tasks share.
private func onOwnThread<Value: Sendable>(
    _ work: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        let thread = Thread { continuation.resume(with: Result { try work() }) }
        thread.stackSize = 8 << 20
        thread.start()
    }
}
