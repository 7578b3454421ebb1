import DriverContract
import SimulatedWorld
import Testing
import UpgradeMachine

@Suite("What the runner relies on, of the simulated drivers")
struct SimulatedContractTests {
    @Test(
        "Every step keeps to it",
        arguments: [false, true], [FencePolicy.hold, FencePolicy.none])
    func keeps(hasWorker: Bool, fence: FencePolicy) throws {
        for countsWrites in [true, false] {
            let simulated = SimulatedSubject(
                hasWorker: hasWorker, fence: fence, countsWrites: countsWrites)
            try simulated.run {
                let answer = try await DriverContract.check(
                    DriverContract.Subject(
                        plan: simulated.plan, makeDriver: { simulated.makeDriver() },
                        picture: { simulated.picture }, tear: { await simulated.tear($0) }))
                #expect(answer.findings.isEmpty)
                let unasked: Set<Step> = fence == .hold ? [] : [.raiseFence, .liftFence]
                #expect(answer.asked == Set(Step.allCases).subtracting(unasked))
                #expect(answer.torn.isSuperset(of: [.pull, .backUp, .stop, .start, .restoreData]))
            }
            #expect(simulated.violations.isEmpty)
        }
    }
}
