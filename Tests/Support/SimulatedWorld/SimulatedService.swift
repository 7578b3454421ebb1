import UpgradeMachine

/// The containers' driver, call by call as the real one makes them.
struct SimulatedService {
    let process: Process
    private var world: World { process.world }
    private var plan: Plan { world.plan }
    private var planned: [PlannedContainer] { world.runtime.containers }
    private var replaced: [PlannedContainer] { planned.filter { $0.role == .replaced } }
    private var paused: [PlannedContainer] { planned.filter { $0.role == .paused } }

    private func keptName(_ planned: PlannedContainer) -> String {
        planned.role == .paused ? planned.name : "\(planned.name).pawl-\(plan.upgrade)"
    }

    private func container(_ id: String) async throws(Failure) -> Container? {
        try await process.call(.inspect, world.container(id))
    }

    private func container(named name: String) async throws(Failure) -> Container? {
        try await process.call(.inspect, world.container(named: name))
    }

    private func candidates() async throws(Failure) -> [Container] {
        try await process.call(.inspect, world.candidates)
    }

    private func required(_ planned: PlannedContainer) async throws(Failure) -> Container {
        guard let container = try await container(planned.id) else {
            throw .changed("\(planned.name) is gone")
        }
        return container
    }

    // MARK: Pull

    private static let pawlTag = "registry.example/studio:pawl-7.1.0"

    func observePull(_ release: Release) async throws(Failure) -> Observation {
        let hasTag = try await process.call(.inspect, world.tags[Self.pawlTag] != nil)
        return hasTag
            ? .present(.pulled(release: release, imageID: World.candidateImage)) : .absent
    }

    func pull(_ release: Release) async throws(Failure) -> Receipt {
        while try await process.call(.inspect, !world.images.contains(World.candidateImage)) {
            try await process.call(.pull, world.pullLayer())
        }
        try await process.call(.tag, world.tag(Self.pawlTag, World.candidateImage))
        return .pulled(release: release, imageID: World.candidateImage)
    }

    // MARK: Stop

    private func isParked(_ planned: PlannedContainer, _ container: Container) -> Bool {
        container.name == keptName(planned) && !container.isRunning && !container.isRestarting
            && container.policy == "no"
    }

    func observeStop() async throws(Failure) -> Observation {
        for planned in planned {
            guard let container = try await container(planned.id), isParked(planned, container)
            else { return .absent }
        }
        return .present(.stopped(kept: kept, position: nil))
    }

    func stop() async throws(Failure) -> Receipt {
        for planned in planned {
            let container = try await required(planned)
            guard [planned.name, keptName(planned)].contains(container.name) else {
                throw .changed("\(planned.name) was renamed")
            }
        }
        for planned in planned.reversed() { try await process.call(.stop, world.stop(planned.id)) }
        for planned in planned.reversed() {
            let container = try await required(planned)
            if container.policy != "no" {
                try await process.call(.setPolicy, world.setPolicy("no", of: planned.id))
            }
            let name = keptName(planned)
            if container.name != name {
                try await process.call(.rename, world.rename(planned.id, to: name))
            }
        }
        // Started again in between by the engine or a person; nothing starts it any more.
        for planned in planned {
            let container = try await required(planned)
            if container.isRunning || container.isRestarting {
                try await process.call(.stop, try world.stop(planned.id))
            }
        }
        return .stopped(kept: kept, position: nil)
    }

    private var kept: Kept {
        Kept(parts: planned.map { .init(name: $0.name, id: $0.id, keptAs: keptName($0)) })
    }

    // MARK: Start

    func observeStart() async throws(Failure) -> Observation {
        let candidates = try await candidates()
        if let ended = candidates.first(where: \.hasEnded) {
            return .torn(detail: "\(ended.name) was started and ended")
        }
        var parts: [Served.Part] = []
        for planned in replaced {
            guard let candidate = candidates.first(where: { $0.name == planned.name }),
                candidate.isRunning
            else { return .absent }
            parts.append(.init(name: planned.name, id: candidate.id))
        }
        for planned in paused {
            guard let container = try await container(planned.id), serves(planned, container)
            else { return .absent }
            parts.append(.init(name: planned.name, id: planned.id))
        }
        return .present(.started(candidate: Served(parts: parts)))
    }

    private func serves(_ planned: PlannedContainer, _ container: Container) -> Bool {
        container.name == planned.name && container.isRunning
            && container.policy == planned.restartPolicy.name
    }

    func start() async throws(Failure) -> Receipt {
        var running: [String: String] = [:]
        for candidate in try await candidates() {
            if candidate.hasEnded { throw .changed("the candidate was started and ended") }
            if candidate.isRunning {
                running[candidate.name] = candidate.id
            } else {
                try await process.call(.remove, world.remove(candidate.id))
            }
        }
        let tags = [plan.candidate.reference, world.runtime.localTag].compactMap { $0 }
        for name in tags { try await process.call(.tag, world.tag(name, World.candidateImage)) }
        var made: [String] = []
        for planned in replaced {
            if let id = running[planned.name] {
                made.append(id)
                continue
            }
            let kept = try await required(planned)
            guard kept.name == keptName(planned), !kept.isRunning else {
                throw .changed("\(planned.name) should wait, stopped")
            }
            made.append(
                try await process.call(.create, try world.create(planned.name, like: planned)))
        }
        for id in made where !running.values.contains(id) {
            try await process.call(.start, try world.start(id))
        }
        for planned in paused { try await serveAgain(planned) }
        for id in made {
            guard let container = try await container(id), !container.hasEnded else {
                throw .changed("the candidate ended at once")
            }
        }
        let parts =
            zip(replaced, made).map { Served.Part(name: $0.name, id: $1) }
            + paused.map { Served.Part(name: $0.name, id: $0.id) }
        return .started(candidate: Served(parts: parts))
    }

    private func serveAgain(_ planned: PlannedContainer) async throws(Failure) {
        let policy = planned.restartPolicy.name
        if try await required(planned).policy != policy {
            try await process.call(.setPolicy, try world.setPolicy(policy, of: planned.id))
        }
        try await process.call(.start, try world.start(planned.id))
    }
}

// The way back.
extension SimulatedService {
    func observeRemoval() async throws(Failure) -> Observation {
        guard try await candidates().isEmpty else { return .absent }
        for planned in replaced where try await stranger(for: planned) != nil { return .absent }
        for planned in paused {
            guard let container = try await container(planned.id) else { continue }
            if !isParked(planned, container) { return .absent }
        }
        return .present(.candidateRemoved)
    }

    private func stranger(for planned: PlannedContainer) async throws(Failure) -> Container? {
        guard let other = try await container(named: planned.name),
            other.isRunning || other.isRestarting, other.upgrade != plan.upgrade
        else { return nil }
        return other
    }

    func removeCandidate() async throws(Failure) -> Receipt {
        for planned in paused {
            guard let container = try await container(planned.id) else { continue }
            if container.policy != "no" {
                try await process.call(.setPolicy, try world.setPolicy("no", of: planned.id))
            }
            try await process.call(.stop, try world.stop(planned.id))
        }
        for candidate in try await candidates() {
            if candidate.isRunning || candidate.isRestarting {
                try await process.call(.stop, try world.stop(candidate.id))
            }
            try await process.call(.remove, try world.remove(candidate.id))
        }
        for planned in replaced where try await stranger(for: planned) != nil {
            throw .changed("\(planned.name) was made anew by somebody else and runs")
        }
        return .candidateRemoved
    }

    func observePrevious() async throws(Failure) -> Observation {
        for planned in planned {
            guard let container = try await container(planned.id), serves(planned, container)
            else { return .absent }
        }
        if let tag = world.runtime.localTag {
            let image = try await process.call(.inspect, world.tags[tag])
            guard image == "image-7.0.0" else { return .absent }
        }
        return .present(.previousStarted(serving: served))
    }

    private var served: Served { Served(parts: planned.map { .init(name: $0.name, id: $0.id) }) }

    func startPrevious() async throws(Failure) -> Receipt {
        for planned in planned {
            guard try await required(planned).name != planned.name else { continue }
            try await process.call(.rename, try world.rename(planned.id, to: planned.name))
        }
        if let tag = world.runtime.localTag {
            try await process.call(.tag, world.tag(tag, "image-7.0.0"))
        }
        for planned in planned { try await serveAgain(planned) }
        return .previousStarted(serving: served)
    }
}
