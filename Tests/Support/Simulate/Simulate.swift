import Foundation
import SimulatedWorld

/// Runs simulated upgrades, many or one; `tools/simulate` says how.
@main
enum Simulate {
    static func main() async throws {
        guard let arguments = Arguments(CommandLine.arguments.dropFirst()) else {
            print(Arguments.usage)
            exit(64)
        }
        if let seed = arguments.seed {
            let simulation = Simulation(
                seed: seed, schedule: arguments.schedule, sabotage: arguments.sabotage)
            print(try Shrinking.account(of: simulation))
            exit(try simulation.run().violations.isEmpty ? 0 : 1)
        }
        let seeds = arguments.from...(arguments.from + arguments.seeds - 1)
        let tally = try await Tally.of(seeds, sabotage: arguments.sabotage)
        for failing in tally.failing.prefix(5) {
            guard let violation = try failing.run().violations.first else { continue }
            let shortest = try Shrinking.shortest(failing, breaking: violation.invariant)
            print(try Shrinking.account(of: shortest) + "\n")
        }
        print("\(tally); \(tally.failing.count) of them broke an invariant")
        exit(tally.failing.isEmpty ? 0 : 1)
    }
}

/// What was asked for.
struct Arguments {
    static let usage = """
        tools/simulate [--seeds N] [--from SEED] [--sabotage BUG]
        tools/simulate --seed SEED [--schedule POINT:FAULT,…] [--sabotage BUG]
        bugs: \(Sabotage.allCases.map(\.rawValue).joined(separator: " "))
        faults: \(Fault.allCases.map(\.rawValue).joined(separator: " "))
        """

    var seeds: UInt64 = 100_000
    var from: UInt64 = 1
    var seed: UInt64?
    var schedule: Schedule?
    var sabotage: Sabotage?

    init?(_ words: ArraySlice<String>) {
        var words = words
        while let name = words.popFirst() {
            guard let value = words.popFirst() else { return nil }
            switch name {
            case "--seeds":
                guard let count = UInt64(value), count > 0 else { return nil }
                seeds = count
            case "--from":
                guard let first = UInt64(value) else { return nil }
                from = first
            case "--seed":
                guard let one = UInt64(value) else { return nil }
                seed = one
            case "--schedule":
                guard let faults = Schedule(value) else { return nil }
                schedule = faults
            case "--sabotage":
                guard let bug = Sabotage(rawValue: value) else { return nil }
                sabotage = bug
            default: return nil
            }
        }
    }
}
