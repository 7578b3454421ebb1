import Foundation
import Testing
import UpgradeMachine

@testable import Drivers

/// This host's init may start whatever `current` leads to, after a reboot for one.
extension HostCrashTests {
    @Test("What this host's init has started again is not started over")
    func startedByInit() async throws {
        let world = try await stopped()
        defer { world.end() }
        try await world.startByInit()
        let effect = Effect.start(release: world.plan.candidate)
        guard case .unknown = try await world.service.observe(effect, in: world.context) else {
            Issue.record("a start beside the old release")
            return
        }
        // A person says that the start has not happened: then it is stopped again.
        #expect(try await world.service.observe(.stop, in: world.context) == .absent)
        _ = try await world.service.perform(.stop, in: world.context)
        #expect(try await world.service.observe(effect, in: world.context) == .absent)
    }

    @Test("An application that does not run is not taken for one that was stopped")
    func notRunning() async throws {
        let world = try await HostWorld()
        world.end()
        while try await world.service.isRunning(.stop, in: world.context) {}
        #expect(try await world.service.observe(.stop, in: world.context) == .absent)
        let receipt = try await world.service.perform(.stop, in: world.context)
        #expect(try await world.service.observe(.stop, in: world.context) == .present(receipt))
    }

    @Test("After the removal this host's init can start the old release alone")
    func startedByInitOnTheWayBack() async throws {
        let world = try await stopped()
        defer { world.end() }
        _ = try await world.service.perform(
            .start(release: world.plan.candidate), in: world.context)
        _ = try await world.service.perform(.removeCandidate, in: world.context)
        #expect(try world.link == "releases/1.0.0")
        try await world.startByInit()
        // Not under data that is put back.
        try await world.service.keepStopped(for: .restoreData, in: world.context)
        #expect(try await !world.service.isRunning(.restoreData, in: world.context))
        try await world.startByInit()
        let previous = Effect.startPrevious(kept: nil)
        guard case .present = try await world.service.observe(previous, in: world.context) else {
            Issue.record("the old release runs, and is not seen")
            return
        }
    }

    @Test("A link that somebody has moved to a third release keeps its data from being replaced")
    func thirdRelease() async throws {
        let world = try await stopped()
        defer { world.end() }
        _ = try await world.service.perform(
            .start(release: world.plan.candidate), in: world.context)
        try Shell.run([
            "cp", "-a", world.directory.path("releases/1.0.0"),
            world.directory.path("releases/3.0.0"),
        ])
        try world.store.switchLink(to: "3.0.0")
        await #expect(throws: Failure.self) {
            try await world.service.observe(.removeCandidate, in: world.context)
        }
        #expect(await failure(.removeCandidate, world)?.code == "current-moved")
        #expect(try await world.service.isRunning(.removeCandidate, in: world.context))
    }
}
