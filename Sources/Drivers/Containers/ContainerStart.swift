internal import DockerEngine
internal import UpgradeMachine

// Starting the candidate: copies of the kept containers with its image, then what was paused.
//
// A container is started once at most. One that was never started is made anew; one that runs is
// taken over; one that ran and ended may have touched the data, and is never started again.
extension ContainerService {
    func observeStart(of release: Release, _ scene: Scene) async throws(Failure) -> Observation {
        let candidates = try await scene.candidates()
        if let ended = candidates.first(where: { $0.hasEnded }) {
            return .torn(detail: "\(ended.name) was started and \(ended.state.ending)")
        }
        var parts: [Served.Part] = []
        for planned in scene.replaced {
            guard let candidate = candidates.first(where: { $0.name == planned.name }) else {
                return .absent
            }
            guard candidate.state.isRunning else { return .absent }
            parts.append(Served.Part(name: planned.name, id: candidate.id))
        }
        let setsPolicies = try await scene.canSetPolicies()
        for planned in scene.paused {
            guard let container = try await scene.container(planned.id),
                scene.serves(planned, container, setsPolicies: setsPolicies)
            else { return .absent }
            parts.append(Served.Part(name: planned.name, id: planned.id))
        }
        guard scene.leavesTraces else { return .absent }
        return .present(.started(candidate: Served(parts: parts)))
    }

    func start(_ release: Release, _ scene: Scene) async throws(Failure) -> Receipt {
        guard let image = try await scene.image(of: release) else {
            throw .imageMissing(
                release.reference, advice: "somebody removed it since it was pulled: pull it again")
        }
        let running = try await takenOver(scene)
        try await moveTags(to: image.id, for: release, scene)
        let made = try await copies(of: scene, running, image, release)
        // One that was taken over may have ended since: it is not started a second time.
        for (planned, id) in zip(scene.replaced, made) where running[planned.name]?.id != id {
            scene.context.report(.note("starting \(planned.name)"))
            try await begin(id, scene)
        }
        for planned in scene.paused { try await serveAgain(planned, scene) }
        for (planned, id) in zip(scene.replaced, made) { try await checkRuns(planned, id, scene) }
        try await reload(scene)
        let parts =
            zip(scene.replaced, made).map { Served.Part(name: $0.name, id: $1) }
            + scene.paused.map { Served.Part(name: $0.name, id: $0.id) }
        return .started(candidate: Served(parts: parts))
    }

    /// This upgrade's containers that run already, by name; those never started are removed.
    private func takenOver(_ scene: Scene) async throws(Failure) -> [String: ContainerDetails] {
        var running: [String: ContainerDetails] = [:]
        for candidate in try await scene.candidates() {
            if candidate.hasEnded {
                throw Failure(
                    code: "candidate-ended",
                    message: "\(candidate.name) was started and \(candidate.state.ending); it may "
                        + "have changed the data, so that it is not started again",
                    advice: "look at its log (`docker logs \(candidate.name)`)",
                    excerpt: await lastWords(of: candidate, scene), isPermanent: true)
            }
            if candidate.state.isRunning {
                running[candidate.name] = candidate
            } else {
                _ = try await askedIfPresent { () throws(DockerError) in
                    try await engine.removeContainer(candidate.id)
                }
            }
        }
        return running
    }

    /// All are made before the first is started: one that cannot be made leaves the data untouched.
    private func copies(
        of scene: Scene, _ running: [String: ContainerDetails], _ image: ImageDetails,
        _ release: Release
    ) async throws(Failure) -> [String] {
        var made: [(kept: String, copy: String)] = []
        for planned in scene.replaced {
            if let candidate = running[planned.name] {
                made.append((planned.id, candidate.id))
                continue
            }
            let before = Dictionary(made.map { ($0.kept, $0.copy) }) { first, _ in first }
            let kept = try await parked(planned, scene)
            let name = scene.runtime.localTag ?? scene.versionTag(of: release) ?? image.id
            var copy = try await copy(
                of: kept, planned, scene, image, name: name, copies: before)
            // With the local tag moved, so that compose's next `up` leaves it as it is.
            copy.composeHash = await kept.composeProject?.expectedHash(at: engine.endpoint)
            let id = try await create(copy, from: image, scene)
            made.append((planned.id, id))
        }
        return made.map(\.copy)
    }

    private func parked(
        _ planned: PlannedContainer, _ scene: Scene
    ) async throws(Failure) -> ContainerDetails {
        guard let kept = try await scene.container(planned.id) else {
            throw .containerGone(planned.name, id: planned.id, keptAs: scene.keptName(planned))
        }
        guard kept.name == scene.keptName(planned), !kept.state.isRunning else {
            throw .containerChanged(
                planned,
                "is \(kept.state.status) as \(kept.name), and should wait, stopped, as "
                    + scene.keptName(planned))
        }
        return kept
    }

    /// - Parameters:
    ///   - name: The name of the image, to make it with.
    ///   - copies: From kept containers' ids to those of the copies that were made before.
    func copy(
        of kept: ContainerDetails, _ planned: PlannedContainer, _ scene: Scene,
        _ image: ImageDetails, name: String, copies: [String: String]
    ) async throws(Failure) -> ContainerCopy {
        let oldImage = try await askedIfPresent { () throws(DockerError) in
            try await engine.inspectImage(kept.imageID)
        }
        guard let oldImage else {
            throw .imageMissing(
                planned.name, advice: "its settings cannot be told from its image's: make it anew")
        }
        let version = try await asked { () throws(DockerError) in try await engine.version() }
        let api = try await asked { () throws(DockerError) in try await engine.apiVersion() }
        let shared = try await shared(by: kept, scene)
        let plannedNames = scene.runtime.containers.map { (scene.keptName($0), $0.name) }
        return ContainerCopy(
            kept: kept, planned: planned, oldImage: oldImage.config, newImageID: image.id,
            imageName: name,
            labels: [
                ContainerLabel.upgrade: scene.plan.upgrade,
                ContainerLabel.instance: scene.plan.instance,
            ],
            copies: copies, inherited: shared.places, gone: shared.gone,
            plannedNames: Dictionary(plannedNames) { first, _ in first },
            allowsNetworkMAC: api >= APIVersion(major: 1, minor: 44), isPodman: version.isPodman)
    }

    /// Where volumes of other containers are put, which `VolumesFrom` brings along by itself, and
    /// which of those containers have been removed since.
    private func shared(
        by kept: ContainerDetails, _ scene: Scene
    ) async throws(Failure) -> (places: Set<String>, gone: Set<String>) {
        var places: Set<String> = []
        var gone: Set<String> = []
        for reference in kept.raw["HostConfig", "VolumesFrom"]?.stringsValue ?? [] {
            let name = String(reference.prefix { $0 != ":" })
            guard let other = try await scene.container(name) else {
                gone.insert(reference)
                continue
            }
            places.formUnion(other.mounts.map { ContainerPath.cleaned($0.destination) })
        }
        return (places, gone)
    }

    /// Makes the copy under its planned name, or a probe of it.
    func create(
        _ copy: ContainerCopy, from image: ImageDetails, _ scene: Scene, isProbe: Bool = false
    ) async throws(Failure) -> String {
        let own = copy.planned.name
        let upgrade = scene.plan.upgrade
        guard isProbe else {
            return try await create(copy, from: image, scene, as: own, body: copy.body)
        }
        return try await create(
            copy, from: image, scene, as: ContainerProbe.name(of: own, upgrade: upgrade),
            body: ContainerProbe.body(from: copy.body, upgrade: upgrade, isPodman: copy.isPodman))
    }

    /// Makes a container and puts it into the copy's networks; it does not run then.
    ///
    /// - Parameter body: The copy's own, or one made from it.
    func create(
        _ copy: ContainerCopy, from image: ImageDetails, _ scene: Scene, as name: String,
        body: JSONValue
    ) async throws(Failure) -> String {
        let created: CreatedContainer
        do {
            created = try await engine.createContainer(
                name: name, body: body, within: scene.plan.limits.start.duration)
        } catch .conflict(_, let message) {
            throw .nameTaken(name, words: message)
        } catch {
            throw Failure(error)
        }
        // It is made by a name, which somebody may have moved in between.
        let made = try await scene.container(created.id)?.imageID
        guard made == nil || made == image.id else {
            _ = try await askedIfPresent { () throws(DockerError) in
                try await engine.removeContainer(created.id)
            }
            throw .imageMoved(copy.imageName, name)
        }
        try await asked { () throws(DockerError) in
            for network in copy.furtherNetworks {
                try await engine.connectNetwork(
                    network.name, container: created.id, settings: network.settings)
            }
            if let network = copy.networkToLeave {
                try await engine.disconnectNetwork(network, container: created.id)
            }
        }
        return created.id
    }

    /// An end at once is told at once, with what it said; what comes later is a matter of the
    /// checks.
    private func checkRuns(
        _ planned: PlannedContainer, _ id: String, _ scene: Scene
    ) async throws(Failure) {
        guard let container = try await scene.container(id) else {
            throw .containerChanged(planned, "was removed while it was being started")
        }
        guard container.hasEnded else { return }
        throw Failure(
            code: "candidate-ended",
            message: "\(planned.name) was started with \(scene.plan.candidate.reference) and "
                + container.state.ending,
            advice: "read its last words, and ask the vendor",
            excerpt: await lastWords(of: container, scene), isPermanent: true)
    }
}

extension ContainerService {
    /// Moves the names that somebody's restart would use; just before the image is run.
    func moveTags(
        to imageID: String, for release: Release, _ scene: Scene
    ) async throws(Failure) {
        for name in [scene.runtime.localTag, scene.versionTag(of: release)].compactMap({ $0 }) {
            guard let (repository, tag) = TagName.parts(of: name) else { continue }
            try await asked { () throws(DockerError) in
                try await engine.tagImage(imageID, repository: repository, tag: tag)
            }
        }
    }

    /// Starts a container as it is, with the restart policy that it had.
    ///
    /// - Parameter id: Of the one that was made anew in its place, where it was.
    func serveAgain(
        _ planned: PlannedContainer, _ scene: Scene, as id: String? = nil
    ) async throws(Failure) {
        let policy = planned.restartPolicy
        guard let container = try await scene.container(id ?? planned.id) else {
            throw .containerGone(planned.name, id: planned.id, keptAs: scene.keptName(planned))
        }
        // Before the start, so that it comes back after a reboot even where this start fails.
        if container.restartPolicy != policy.ofEngine {
            try await scene.setPolicy(policy, of: container.id)
        }
        scene.context.report(.note("starting \(planned.name)"))
        try await begin(container.id, scene)
    }

    fileprivate func begin(_ id: String, _ scene: Scene) async throws(Failure) {
        try await asked { () throws(DockerError) in
            try await engine.startContainer(id, within: scene.plan.limits.start.duration)
        }
    }

    /// The newest lines of a container's log, for a failure that is told with or without them.
    func lastWords(of container: ContainerDetails, _ scene: Scene) async -> String? {
        let limit = scene.plan.limits.capturedOutputInBytes
        // A log that cannot be read must not hide why the container ended.
        let log = try? await logText(of: container, tail: 50, limitInBytes: limit)
        return (log?.text).flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// A name with its tag, in the two parts that the engine wants.
enum TagName {
    static func parts(of name: String) -> (repository: String, tag: String)? {
        guard let image = ImageReference(name), image.digest == nil else { return nil }
        guard let tag = image.tag else { return (name, "latest") }
        return (String(name.dropLast(tag.count + 1)), tag)
    }
}

extension Scene {
    /// The release's own name, `repository:version`; none where its reference is no such name.
    func versionTag(of release: Release) -> String? {
        if release.file != nil { return "\(runtime.repository):\(release.version)" }
        guard let image = ImageReference(release.reference), image.tag != nil,
            image.digest == nil, image.isSameRepository(as: runtime.repository)
        else { return nil }
        return release.reference
    }

    func serves(
        _ planned: PlannedContainer, _ container: ContainerDetails, setsPolicies: Bool
    ) -> Bool {
        container.name == planned.name && container.state.isRunning
            && (!setsPolicies || container.restartPolicy == planned.restartPolicy.ofEngine)
    }
}

extension ContainerDetails {
    /// Whether it was started and does not run; between two starts of a restart policy it does.
    var hasEnded: Bool {
        state.startedAt != nil && !state.isRunning && !state.isRestarting
    }
}

extension ContainerState {
    /// For people, after a name.
    var ending: String {
        if wasOutOfMemory { return "was ended for want of memory" }
        return "exited with \(exitCode)" + (error.isEmpty ? "" : " (\(error))")
    }
}
