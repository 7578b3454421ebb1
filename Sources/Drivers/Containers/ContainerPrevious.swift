internal import DockerEngine
public import UpgradeMachine

// The way back: the candidate goes, and what was kept serves again.
extension ContainerService {
    func observeRemoval(_ scene: Scene) async throws(Failure) -> Observation {
        guard try await scene.candidates().isEmpty else { return .absent }
        for planned in scene.replaced where try await scene.stranger(for: planned) != nil {
            return .absent
        }
        let setsPolicies = try await scene.canSetPolicies()
        for planned in scene.paused {
            // One that is gone writes nothing either; starting it again will tell.
            guard let container = try await scene.container(planned.id) else { continue }
            if !scene.isParked(planned, container, setsPolicies: setsPolicies) { return .absent }
        }
        return .present(.candidateRemoved)
    }

    /// Removes what carries this upgrade's label, never another; volumes stay, also those without
    /// a name, which may hold the kept containers' data.
    func removeCandidate(_ scene: Scene) async throws(Failure) -> Receipt {
        for planned in scene.paused.reversed() {
            guard let container = try await scene.container(planned.id) else { continue }
            // Before it stops: an engine that is restarted in between would have it write again,
            // under data that is about to be put back. (ContainersCrashTests.pausedStays)
            if container.restartPolicy.name != "no" {
                try await scene.setPolicy(.never, of: planned.id)
            }
            try await halt(planned.id, scene)
        }
        let order = scene.replaced.map(\.name)
        let candidates = try await scene.candidates().sorted {
            (order.firstIndex(of: $0.name) ?? 0) > (order.firstIndex(of: $1.name) ?? 0)
        }
        for candidate in candidates {
            scene.context.report(.note("removing the candidate \(candidate.name)"))
            if candidate.state.isRunning || candidate.state.isRestarting {
                try await halt(candidate.id, scene)
            }
            _ = try await askedIfPresent { () throws(DockerError) in
                try await engine.removeContainer(candidate.id)
            }
        }
        // What follows puts the data back: nobody may be writing it.
        for planned in scene.replaced {
            guard let other = try await scene.stranger(for: planned) else { continue }
            throw .containerChanged(
                planned,
                "was made anew by somebody else and runs (\(other.id.prefix(12))): it may be "
                    + "writing the data that is to be put back")
        }
        return .candidateRemoved
    }

    public func missingOfPrevious(in context: Context) async throws(Failure) -> [String] {
        let scene = try Scene(engine, context)
        var missing: [String] = []
        for planned in scene.runtime.containers where try await !isThere(planned, scene) {
            missing.append("the container \(scene.keptName(planned)) (\(planned.id.prefix(12)))")
        }
        return missing
    }

    func observePrevious(_ kept: Kept?, _ scene: Scene) async throws(Failure) -> Observation {
        let setsPolicies = try await scene.canSetPolicies()
        var parts: [Served.Part] = []
        for planned in scene.runtime.containers {
            let anew = try await scene.restored(planned)
            if let container = try await scene.container(planned.id) ?? anew {
                guard scene.serves(planned, container, setsPolicies: setsPolicies),
                    try await scene.double(of: planned) == nil
                else { return .absent }
                parts.append(Served.Part(name: planned.name, id: container.id))
            } else if kept == nil, let other = try await scene.standIn(for: planned) {
                parts.append(Served.Part(name: planned.name, id: other.id))
            } else {
                return .absent
            }
        }
        guard scene.leavesTraces, try await tagsStandForPrevious(scene) else { return .absent }
        return .present(.previousStarted(serving: Served(parts: parts)))
    }

    /// Gives the kept containers back their names and policies, and starts them in order.
    ///
    /// The plan says where each of them is: by its id, whatever the stop has got to.
    func startPrevious(_ kept: Kept?, _ scene: Scene) async throws(Failure) -> Receipt {
        var standIns: [String: String] = [:]
        for planned in scene.runtime.containers where try await !isThere(planned, scene) {
            guard kept == nil, let other = try await scene.standIn(for: planned) else {
                throw .containerGone(
                    planned.name, id: planned.id, keptAs: scene.keptName(planned))
            }
            standIns[planned.name] = other.id
        }
        // Before anything is made by them.
        if let imageID = scene.replaced.first?.imageID {
            try await moveTagsBack(to: imageID, scene)
        }
        var previous: [String: String] = [:]
        for planned in scene.runtime.containers where standIns[planned.name] == nil {
            let double = try await scene.double(of: planned)
            let container = try await self.previous(planned, scene, previous)
            previous[planned.id] = container.id
            // One that joins another was made to join its double.
            if let double { previous[double.id] = container.id }
            guard container.name != planned.name else { continue }
            try await rename(container.id, to: planned.name)
        }
        var parts: [Served.Part] = []
        for planned in scene.runtime.containers {
            let own = previous[planned.id]
            if standIns[planned.name] == nil { try await serveAgain(planned, scene, as: own) }
            let id = standIns[planned.name] ?? own ?? planned.id
            parts.append(Served.Part(name: planned.name, id: id))
        }
        try await removeDoubles(scene)
        do throws(Failure) {
            try await reload(scene)
        } catch {
            // What cannot be told does not keep the old release from serving: its checks will say.
            scene.context.report(.note(error.message))
        }
        return .previousStarted(serving: Served(parts: parts))
    }

    /// The names that the start has moved; the candidate's own version may keep its image.
    private func moveTagsBack(to imageID: String, _ scene: Scene) async throws(Failure) {
        for name in scene.tagsOfCurrent {
            guard let (repository, tag) = TagName.parts(of: name) else { continue }
            try await asked { () throws(DockerError) in
                try await engine.tagImage(imageID, repository: repository, tag: tag)
            }
        }
    }

    private func tagsStandForPrevious(_ scene: Scene) async throws(Failure) -> Bool {
        guard let imageID = scene.replaced.first?.imageID else { return true }
        for name in scene.tagsOfCurrent {
            let image = try await askedIfPresent { () throws(DockerError) in
                try await engine.inspectImage(name)
            }
            if image?.id != imageID { return false }
        }
        return true
    }
}

extension Scene {
    /// The names of this host that stood for the serving image before the upgrade.
    fileprivate var tagsOfCurrent: [String] {
        // The version's own name has moved only where the candidate is the same version, patched.
        let isSameVersion = plan.current.version == plan.candidate.version
        return [runtime.localTag, isSameVersion ? versionTag(of: plan.candidate) : nil]
            .compactMap { $0 }
    }

    /// A container that runs under a planned name and is none of this upgrade's.
    fileprivate func stranger(
        for planned: PlannedContainer
    ) async throws(Failure) -> ContainerDetails? {
        guard let other = try await container(planned.name),
            other.state.isRunning || other.state.isRestarting,
            other.labels[ContainerLabel.upgrade] != plan.upgrade
        else { return nil }
        return other
    }

    /// Another container that somebody made in place of a planned one before the stop got to it.
    ///
    /// Only where nothing of ours ever ran, and it is the same image: then the old version serves.
    fileprivate func standIn(
        for planned: PlannedContainer
    ) async throws(Failure) -> ContainerDetails? {
        guard let other = try await container(planned.name), other.state.isRunning,
            other.imageID == planned.imageID, other.labels[ContainerLabel.upgrade] != plan.upgrade
        else { return nil }
        return other
    }
}
