import Drivers
public import UpgradeMachine

/// A release that is brought and started, in `DIRECTORY/app`.
public struct ReleaseWork {
    public static let version = "2.0.0"
    private let service: HostService
    private let plan: Plan

    public init(in directory: String, archive: String) throws {
        plan = .forDiskWork(
            in: directory,
            candidate: try HostService.candidate(archive: archive, version: Self.version))
        guard case .host(let settings) = plan.runtime else { preconditionFailure("no host") }
        service = HostService(settings: settings)
    }

    private var context: Context { Context(plan: plan, report: { _ in }) }

    public func bringAndStart() async throws {
        for effect in [Effect.pull(release: plan.candidate), .start(release: plan.candidate)] {
            Acknowledgement.give(try await service.perform(effect, in: context).step.rawValue)
        }
    }

    public func observePull() async throws -> Observation {
        try await service.observe(.pull(release: plan.candidate), in: context)
    }

    /// What a resumed upgrade does with a pull that is in doubt.
    public func bringAgain() async throws -> Receipt {
        if case .torn = try await observePull() {
            try await service.clear(.pull(release: plan.candidate), in: context)
        }
        return try await service.perform(.pull(release: plan.candidate), in: context)
    }
}
