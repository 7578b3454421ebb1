import SimulatedWorld
import Testing
import UpgradeMachine

extension Tally {
    /// A simulation in which nothing happens finds nothing.
    func expectVariety() {
        for ending in [StateName.verified, .rolledBack, .halted] {
            #expect(endings[ending, default: 0] > upgrades / 100, "\(ending.rawValue)")
        }
        for fault in Fault.allCases {
            #expect(faults[fault, default: 0] > upgrades / 100, "\(fault.rawValue)")
        }
        #expect(processes > upgrades * 2)
        #expect(adoptions > upgrades / 4)
    }
}
