import DriverContract
import SimulatedWorld
import Testing
import UpgradeMachine

@Suite("What the runner relies on, of the simulated drivers")
struct SimulatedContractTests {
    /// As those of MySQL, which they stand for.
    private static let halves = DriverContract.Halves(
        torn: [.backUp, .saveData, .restoreData], stayingTorn: [.restoreData])

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
                        picture: { simulated.picture }, halves: Self.halves,
                        tear: { await simulated.tear($0) }))
                #expect(answer.findings.isEmpty)
                let unasked: Set<Step> = fence == .hold ? [] : [.raiseFence, .liftFence]
                #expect(answer.asked == DriverContract.steps.subtracting(unasked))
                #expect(answer.torn.isSuperset(of: [.pull, .backUp, .stop, .start, .restoreData]))
            }
            #expect(simulated.violations.isEmpty)
        }
    }

    @Test("A driver that does not keep to it is found out", arguments: LyingDriver.Lie.allCases)
    func bites(_ lie: LyingDriver.Lie) throws {
        let simulated = SimulatedSubject(hasWorker: false, fence: .hold, countsWrites: true)
        try simulated.run {
            let subject = DriverContract.Subject(
                plan: simulated.plan,
                makeDriver: { LyingDriver(base: simulated.makeDriver(), lie: lie) },
                picture: { simulated.picture }, halves: Self.halves,
                tear: { await simulated.tear($0) })
            // One that the machine refuses to go on with is found out as well.
            let findings = try? await DriverContract.check(subject).findings
            #expect(findings?.isEmpty != true)
        }
    }
}
