import Foundation
import Glibc
import Testing
import UpgradeMachine

@testable import Drivers

@Suite("The link to the release that serves", .timeLimit(.minutes(1)))
struct HostLinkTests {
    /// Whoever looks at it, or starts the application by it, finds the old release or the new one.
    @Test("It leads to a release at every moment of a switch")
    func stays() async throws {
        let world = try await HostWorld()
        defer { world.end() }
        _ = try await world.service.perform(
            .pull(release: world.plan.candidate), in: world.context)
        let link = world.store.link
        let looking = Task.detached {
            var missed = 0
            while !Task.isCancelled { missed += access(link, F_OK) == 0 ? 0 : 1 }
            return missed
        }
        for number in 0..<2000 {
            try world.store.switchLink(to: number % 2 == 0 ? "2.0.0" : "1.0.0")
        }
        looking.cancel()
        #expect(await looking.value == 0, "the link was away")
    }
}
