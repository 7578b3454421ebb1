import UpgradeMachine

/// The verification, as the real one judges: good for a time on end, hopeless, or ask again.
struct SimulatedChecks {
    let process: Process
    let report: @Sendable (Progress) -> Void
    private var world: World { process.world }

    private enum Verdict {
        case good, notYet
        case hopeless(String)
    }

    func results(for release: Release) async throws(Failure) -> [CheckResult] {
        let image = "image-\(release.version)"
        var goodSince: Int64?
        var lastWrites = world.writes
        while true {
            switch try await process.call(.look, verdict(image)) {
            case .hopeless(let why):
                throw Failure(
                    code: "check-failed", message: why, advice: "read its log", isPermanent: true)
            case .notYet:
                goodSince = nil
                report(.answering(false))
            case .good:
                let now = world.clock.nanoseconds
                let since = goodSince ?? now
                goodSince = since
                report(.answering(true))
                if now - since >= world.plan.steadyFor.duration.nanoseconds {
                    return [CheckResult(check: "ready", saw: "running")]
                }
            }
            if goodSince == nil, world.writes != lastWrites { report(.working("migrating")) }
            lastWrites = world.writes
            try await process.rest(for: .seconds(1))
        }
    }

    private func verdict(_ image: String) -> Verdict {
        var isReady = true
        for planned in world.runtime.containers {
            guard let container = world.container(named: planned.name) else {
                return .hopeless("\(planned.name) is not there")
            }
            if planned.role == .replaced, container.imageID != image {
                return .hopeless("\(planned.name) runs another release")
            }
            if container.restarts > 2 || container.hasEnded || container.phase == .created {
                return .hopeless("\(planned.name) does not run")
            }
            isReady = isReady && container.isAtWork && container.isReady
        }
        if image == World.candidateImage, world.scenario.behaviour == .sick, isReady {
            return .hopeless("it answers wrongly")
        }
        return isReady ? .good : .notYet
    }
}
