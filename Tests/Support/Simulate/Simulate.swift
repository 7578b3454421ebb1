import SimulatedWorld
import UpgradeMachine

/// Runs simulated upgrades, many or one; see `tools/simulate`.
@main
enum Simulate {
    static func main() throws {
        var seeds = 100_000
        var first: UInt64 = 1
        var one: UInt64?
        var schedule: Schedule?
        var sabotage: Sabotage?
        var arguments = CommandLine.arguments.dropFirst()
        while let name = arguments.popFirst() {
            let value = arguments.popFirst() ?? ""
            switch name {
            case "--seeds": seeds = Int(value) ?? seeds
            case "--from": first = UInt64(value) ?? first
            case "--seed": one = UInt64(value)
            case "--schedule": schedule = Schedule(value)
            case "--sabotage": sabotage = Sabotage(rawValue: value)
            default: fatalError("tools/simulate says what there is")
            }
        }
        if let one {
            print(try Shrinking.account(of: Simulation(seed: one, schedule: schedule, sabotage: sabotage)))
        } else {
            try sweep(first..<(first + UInt64(seeds)), sabotage)
        }
    }

    private static func sweep(_ seeds: Range<UInt64>, _ sabotage: Sabotage?) throws {
        let start = ContinuousClock.now
        var failures = 0
        var endings: [String: Int] = [:]
        for seed in seeds {
            let simulation = Simulation(seed: seed, sabotage: sabotage)
            let result = try simulation.run()
            endings[result.ending?.rawValue ?? "none", default: 0] += 1
            if let violation = result.violations.first {
                failures += 1
                if failures > 10 { break }
                let shortest = try Shrinking.shortest(simulation, breaking: violation.invariant)
                print(try Shrinking.account(of: shortest))
            }
        }
        let took = ContinuousClock.now - start
        print("\(seeds.count) in \(took), \(endings), failures \(failures)")
    }
}
