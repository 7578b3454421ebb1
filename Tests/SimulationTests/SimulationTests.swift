import EventLog
import Foundation
import SimulatedWorld
import Testing
import UpgradeMachine

@Suite("Upgrades in a simulated world")
struct SimulationTests {
    @Test("Ten thousand of them, each with faults of its own, break no invariant")
    func manyUpgrades() async throws {
        let tally = try await Tally.of(1...10_000)
        print(tally)
        for failing in tally.failing.prefix(3) {
            let found = try failing.run().violations
            let invariant = try #require(found.first?.invariant)
            let shortest = try Shrinking.shortest(failing, breaking: invariant)
            Issue.record("\(try Shrinking.account(of: shortest))")
        }
        #expect(tally.failing.isEmpty)
        tally.expectVariety()
    }

    @Test("The real log says what the simulated one does", arguments: 1...40)
    func realLog(seed: UInt64) throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "pawl-simulation-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        // What cannot be removed is left to whoever empties the temporary folder.
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var simulation = Simulation(seed: seed)
        let simulated = try simulation.run()
        simulation.logDirectory = folder
        let real = try simulation.run()
        #expect(real.violations.isEmpty)
        #expect(real.events == simulated.events)
        guard !real.events.isEmpty else { return }
        let log = try EventLog(path: folder + "/log.sqlite", for: .reading)
        let entries = try log.entries(of: "u1")
        #expect(entries.map(\.event) == real.events)
    }

    @Test("A seed says everything")
    func repeats() throws {
        for seed in UInt64(1)...50 {
            let (first, second) = (
                try Simulation(seed: seed).run(), try Simulation(seed: seed).run()
            )
            #expect(first.events == second.events)
            #expect(first.points == second.points)
        }
    }

    @Test("A failing schedule is shrunk to what is needed, and printed so that it can be repeated")
    func shrinks() throws {
        let failing = try #require(
            try Self.firstFailing(.startIsRepeated, breaking: .notRepeated) {
                $0.schedule.entries.count > 2
            }
        )
        let shortest = try Shrinking.shortest(failing, breaking: .notRepeated)
        #expect(shortest.schedule.entries.count == 1)
        let account = try Shrinking.account(of: shortest)
        #expect(account.contains("I6: "))
        #expect(account.hasSuffix("--seed \(failing.seed) --schedule '\(shortest.schedule)'"))
        #expect(Schedule(shortest.schedule.description) == shortest.schedule)
        #expect(Schedule("7:nonsense") == nil)
    }

    @Test(
        "It bites: each bug that is put in is found, by name",
        arguments: [
            (Sabotage.tornIsPresent, Violation.Invariant.observed),
            (.intentIsDropped, .intentFirst),
            (.logAnswersEarly, .acknowledgedStays), (.restoreDoesNotClear, .observed),
            (.fenceIsNotRechecked, .backedUp),
            (.renamedBeforeSync, .observed), (.nothingIsAdopted, .notRepeated),
            (.checksAreAssumed, .observed),
            (.nothingIsSaved, .backedUp), (.startIsRepeated, .notRepeated),
            (.fenceIsNotLifted, .neverMixed),
            (.leftoversStay, .neverMixed),
        ])
    func bites(_ sabotage: Sabotage, _ invariant: Violation.Invariant) throws {
        #expect(try Self.firstFailing(sabotage, breaking: invariant) != nil)
    }

    /// The first seed in which a bug breaks the invariant.
    private static func firstFailing(
        _ sabotage: Sabotage, breaking invariant: Violation.Invariant,
        where isWanted: (Simulation) -> Bool = { _ in true }
    ) throws -> Simulation? {
        for seed in UInt64(1)...3000 {
            let simulation = Simulation(seed: seed, sabotage: sabotage)
            guard isWanted(simulation) else { continue }
            let violations = try simulation.run().violations
            if violations.contains(where: { $0.invariant == invariant }) { return simulation }
        }
        return nil
    }

    @Test("Every bug that can be put in is")
    func allBugs() {
        #expect(Sabotage.allCases.count == 12)
    }
}
