internal import DockerEngine
public import UpgradeMachine

// Stopping the service, and parking it where nothing starts it again.
extension ContainerService {
    /// The engine kills after the grace period; a container that has not ended by then hangs in
    /// the kernel.
    private static let afterKill = Duration.seconds(60)

    func observeStop(_ scene: Scene) async throws(Failure) -> Observation {
        let setsPolicies = try await scene.canSetPolicies()
        for planned in scene.runtime.containers {
            guard let container = try await scene.container(planned.id),
                scene.isParked(planned, container, setsPolicies: setsPolicies)
            else { return .absent }
        }
        return .present(.stopped(kept: scene.kept, position: nil))
    }

    func stop(_ scene: Scene) async throws(Failure) -> Receipt {
        // All are looked at before the first is stopped: a refusal leaves the service as it was.
        for planned in scene.runtime.containers { try await scene.checkUnchanged(planned) }
        for planned in scene.runtime.containers.reversed() {
            scene.context.report(.note("stopping \(planned.name)"))
            try await halt(planned.id, scene)
        }
        // The policy goes after the stop: without it, and without Pawl, a reboot in between would
        // leave the service down.
        for planned in scene.runtime.containers.reversed() { try await park(planned, scene) }
        // One that the engine or a person has started again meanwhile would write on; from here on
        // nothing starts it by itself. (ContainersCrashTests.startedAgain)
        for planned in scene.runtime.containers.reversed() {
            guard let container = try await scene.container(planned.id),
                container.state.isRunning || container.state.isRestarting
            else { continue }
            try await halt(planned.id, scene)
        }
        return .stopped(kept: scene.kept, position: nil)
    }

    /// In an operation the containers keep their names, so that anybody may start them: a person,
    /// a script, compose.
    public func keepStopped(for step: Step, in context: Context) async throws(Failure) {
        guard context.plan.operation != nil else { return }
        let scene = try Scene(engine, context)
        for planned in scene.runtime.containers.reversed() {
            if let container = try await scene.container(planned.id),
                container.state.isRunning || container.state.isRestarting
            {
                context.report(.note("\(planned.name) was started meanwhile, and is stopped again"))
                try await halt(planned.id, scene)
            }
            guard let other = try await scene.container(planned.name), other.id != planned.id,
                other.state.isRunning || other.state.isRestarting
            else { continue }
            throw .containerChanged(
                planned,
                "was made anew by somebody else and runs (\(other.id.prefix(12))): it may be "
                    + "writing the data that is to be replaced")
        }
    }

    /// Stops a container; one that has stopped already is left as it is.
    func halt(_ id: String, _ scene: Scene) async throws(Failure) {
        // Its own time, as `docker stop` gives it, and never less: it may be writing data out.
        let own = try await scene.container(id)?.stopTimeout ?? .zero
        try await asked { () throws(DockerError) in
            let grace = max(.seconds(1), scene.runtime.stopGrace.duration, own)
            try await engine.stopContainer(id, grace: grace)
            _ = try await engine.waitContainer(id, within: Self.afterKill)
        }
    }

    private func park(_ planned: PlannedContainer, _ scene: Scene) async throws(Failure) {
        guard let container = try await scene.container(planned.id) else {
            throw .containerGone(planned.name, id: planned.id, keptAs: scene.keptName(planned))
        }
        if scene.takesPolicies, container.restartPolicy.name != "no" {
            try await scene.setPolicy(.never, of: planned.id)
        }
        let keptName = scene.keptName(planned)
        guard container.name != keptName else { return }
        try await rename(planned.id, to: keptName)
    }

    func rename(_ id: String, to name: String) async throws(Failure) {
        do {
            try await engine.renameContainer(id, to: name)
        } catch .conflict(_, let message) {
            throw .nameTaken(name, words: message)
        } catch {
            throw Failure(error)
        }
    }
}

extension Scene {
    /// What a stop leaves, whoever did it and however often.
    var kept: Kept {
        Kept(
            parts: runtime.containers.map {
                Kept.Part(name: $0.name, id: $0.id, keptAs: keptName($0))
            })
    }

    func isParked(
        _ planned: PlannedContainer, _ container: ContainerDetails, setsPolicies: Bool
    ) -> Bool {
        container.name == keptName(planned) && !container.state.isRunning
            && !container.state.isRestarting
            && (container.restartPolicy.name == "no" || !setsPolicies || !takesPolicies)
    }

    /// Refuses to go on where the container is not the one that was planned for.
    fileprivate func checkUnchanged(_ planned: PlannedContainer) async throws(Failure) {
        guard let container = try await container(planned.id) else {
            let other = try await self.container(planned.name)
            throw .containerChanged(
                planned,
                other.map { "was recreated since the plan was made: it is \($0.id.prefix(12)) now" }
                    ?? "was removed since the plan was made")
        }
        guard [planned.name, keptName(planned)].contains(container.name) else {
            throw .containerChanged(planned, "was renamed to \(container.name)")
        }
        let digest = ContainerSettings.digest(of: container)
        guard digest == planned.settingsDigest else {
            throw .containerChanged(
                planned,
                "has other settings than when the plan was made (`docker update`, "
                    + "`docker network connect`?)")
        }
    }
}

extension ContainerDetails {
    /// How long it was made to be given between its stop signal and the kill; negative: for ever.
    var stopTimeout: Duration? {
        (raw["Config", "StopTimeout"]?.integerValue).map { .seconds($0) }
    }
}
