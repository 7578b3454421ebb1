import DriverContract
import Testing
import UpgradeMachine

@Suite("What the runner relies on, of the host's drivers with SQLite")
struct HostContractTests {
    @Test("Every step keeps to it", .timeLimit(.minutes(2)))
    func keeps() async throws {
        let host = try await HostSubject()
        let answer = try await DriverContract.check(
            DriverContract.Subject(
                plan: host.plan, makeDriver: { try host.makeDriver() },
                picture: { try host.picture() },
                halves: .init(torn: [.pull, .backUp, .saveData, .restoreData]),
                tear: { try host.tear($0) }))
        try await host.remove()
        #expect(answer.findings.isEmpty)
        #expect(answer.asked == DriverContract.steps)
        #expect(answer.torn == [.pull, .backUp, .saveData, .restoreData])
    }
}
