import UpgradeMachine

/// Finds the shortest schedule that still breaks the same invariant.
package enum Shrinking {
    /// - Returns: `failing` with as few faults as are needed, and they as early as can be.
    package static func shortest(_ failing: Simulation, breaking invariant: Violation.Invariant)
        throws -> Simulation
    {
        func breaks(_ entries: [Schedule.Entry]) throws -> Bool {
            var candidate = failing
            candidate.schedule = Schedule(entries)
            return try candidate.run().violations.contains { $0.invariant == invariant }
        }
        var entries = try failing.run().injected
        guard try breaks(entries) else { return failing }
        var hasShrunk = true
        while hasShrunk {
            hasShrunk = false
            for index in entries.indices.reversed() {
                var fewer = entries
                fewer.remove(at: index)
                guard try breaks(fewer) else { continue }
                entries = fewer
                hasShrunk = true
            }
        }
        var shortest = failing
        shortest.schedule = Schedule(entries)
        return shortest
    }

    /// What a person needs to see it again.
    package static func account(of failing: Simulation) throws -> String {
        let result = try failing.run()
        let violations = result.violations.map { "  \($0)" }.joined(separator: "\n")
        let events = result.events.map { "  \($0.brief)" }.joined(separator: "\n")
        return """
            seed \(failing.seed): \(failing.scenario)
            \(violations)
            with the log
            \(events)
            again: tools/simulate --seed \(failing.seed) --schedule '\(failing.schedule)'
            """
    }
}
