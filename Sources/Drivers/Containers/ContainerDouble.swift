internal import DockerEngine
internal import UpgradeMachine

// Keeping a container where docker compose does not find it.
//
// Compose knows its containers by labels, which no engine can change. With a kept container beside
// the one that serves, its next `up` finds two for one service: version 1 removes the newer, which
// serves, and makes the older anew; version 2 removes the older. So when an upgrade is committed,
// and not before, the kept container gives way to a double: the same image, settings and volumes
// under the same name, without compose's labels, and never started. A way back makes it anew with
// its labels. What the kept one had written outside of its volumes goes with it, as each time that
// compose makes a container anew. (ContainersComposeTests)
extension ContainerService {
    /// The kept containers that compose would find; none where one of them is somebody's already.
    func foundByCompose(
        _ scene: Scene
    ) async throws(Failure) -> [(planned: PlannedContainer, kept: ContainerDetails)] {
        var found: [(planned: PlannedContainer, kept: ContainerDetails)] = []
        for planned in scene.replaced {
            guard let kept = try await scene.container(planned.id) else { continue }
            guard kept.name == scene.keptName(planned), !kept.state.isRunning,
                !kept.state.isRestarting
            else { return [] }
            if kept.composeProject != nil { found.append((planned, kept)) }
        }
        return found
    }

    func setAside(_ scene: Scene) async throws(Failure) {
        let found = try await foundByCompose(scene)
        // Once one of the kept has gone all doubles are whole, and one may join another.
        if try await !hasSetOneAside(scene) {
            var doubles: [String: String] = [:]
            for (planned, kept) in found {
                scene.context.report(
                    .note("keeping \(planned.name) where compose does not find it"))
                doubles[kept.id] = try await makeDouble(of: kept, planned, scene, doubles)
            }
        }
        // One that is joined goes after those that join it.
        for (_, kept) in found.reversed() {
            _ = try await askedIfPresent { () throws(DockerError) in
                try await engine.removeContainer(kept.id)
            }
        }
        for planned in scene.replaced {
            guard let double = try await scene.double(of: planned),
                double.name != scene.keptName(planned)
            else { continue }
            try await rename(double.id, to: scene.keptName(planned))
        }
    }

    private func hasSetOneAside(_ scene: Scene) async throws(Failure) -> Bool {
        for planned in scene.replaced where try await scene.container(planned.id) == nil {
            if try await scene.double(of: planned) != nil { return true }
        }
        return false
    }

    /// Whether nothing of it is left to do.
    func isSetAside(_ scene: Scene) async throws(Failure) -> Bool {
        guard try await foundByCompose(scene).isEmpty else { return false }
        for planned in scene.replaced {
            if let double = try await scene.double(of: planned),
                double.name == ContainerDouble.name(of: scene.keptName(planned))
            {
                return false
            }
        }
        return true
    }

    func makeDouble(
        of kept: ContainerDetails, _ planned: PlannedContainer, _ scene: Scene,
        _ doubles: [String: String]
    ) async throws(Failure) -> String {
        // Half of one may be there; it was never started.
        if let half = try await scene.double(of: planned) {
            _ = try await askedIfPresent { () throws(DockerError) in
                try await engine.removeContainer(half.id)
            }
        }
        let image = try await image(kept.imageID, of: planned)
        var copy = try await copy(
            of: kept, planned, scene, image, name: image.id, copies: doubles)
        copy.labels = ContainerDouble.labels(of: kept)
        return try await create(
            copy, from: image, scene, as: ContainerDouble.name(of: scene.keptName(planned)),
            body: ContainerDouble.body(from: copy.body))
    }

    private func image(
        _ id: String, of planned: PlannedContainer
    ) async throws(Failure) -> ImageDetails {
        let image = try await askedIfPresent { () throws(DockerError) in
            try await engine.inspectImage(id)
        }
        guard let image else {
            throw .imageMissing(
                id, advice: "\(planned.name) cannot be made anew without the image that it had")
        }
        return image
    }

    // MARK: - The way back

    /// Whether there is anything to go back to.
    func isThere(_ planned: PlannedContainer, _ scene: Scene) async throws(Failure) -> Bool {
        if try await scene.container(planned.id) != nil { return true }
        if try await scene.double(of: planned) != nil { return true }
        return try await scene.restored(planned) != nil
    }

    /// The container to go back to: the kept one itself, or one made anew from its double.
    ///
    /// - Parameter copies: From the ids of containers that were kept to those of the ones to go
    ///   back to, of those that start before it.
    func previous(
        _ planned: PlannedContainer, _ scene: Scene, _ copies: [String: String]
    ) async throws(Failure) -> ContainerDetails {
        if let kept = try await scene.container(planned.id) { return kept }
        if let restored = try await scene.restored(planned) {
            // One that was never started may be half of one.
            guard restored.state.startedAt == nil else { return restored }
            _ = try await askedIfPresent { () throws(DockerError) in
                try await engine.removeContainer(restored.id)
            }
        }
        guard let double = try await scene.double(of: planned) else {
            throw .containerGone(planned.name, id: planned.id, keptAs: scene.keptName(planned))
        }
        let image = try await image(double.imageID, of: planned)
        let name = double.labels[ContainerDouble.image] ?? image.id
        let stands = try await askedIfPresent { () throws(DockerError) in
            try await engine.inspectImage(name)
        }
        var copy = try await copy(
            of: double, planned, scene, image, name: stands?.id == image.id ? name : image.id,
            copies: copies)
        copy.labels = ContainerDouble.restoredLabels(from: double, of: planned)
        let id = try await create(copy, from: image, scene)
        guard let made = try await scene.container(id) else {
            throw .containerGone(planned.name, id: id, keptAs: planned.name)
        }
        return made
    }

    /// Once the container that it stands for serves again.
    func removeDoubles(_ scene: Scene) async throws(Failure) {
        for planned in scene.replaced {
            guard let double = try await scene.double(of: planned) else { continue }
            _ = try await askedIfPresent { () throws(DockerError) in
                try await engine.removeContainer(double.id)
            }
        }
    }
}

/// What is written on a container that stands for a kept one.
enum ContainerDouble {
    /// The id of the kept container; also on the one that was made anew from the double.
    static let keeps = "io.pawl.keeps"
    /// Compose's labels, as a JSON object.
    static let labels = "io.pawl.compose"
    /// The name of the image that the kept container was made with.
    static let image = "io.pawl.image"
    static let all = [keeps, labels, image]

    /// Until the kept container has gone.
    static func name(of kept: String) -> String { "pawl-double.\(kept)" }

    static func labels(of kept: ContainerDetails) -> [String: String] {
        let composes = kept.labels.filter { $0.key.hasPrefix(ComposeProject.prefix) }
        let document = JSONValue.object(composes.mapValues { .string($0) })
        // Text alone, which can always be written.
        let bytes = (try? document.serialized()) ?? []
        return [
            keeps: kept.id, labels: String(decoding: bytes, as: UTF8.self),
            image: kept.configImage,
        ]
    }

    /// - Parameter body: A copy's own.
    static func body(from body: JSONValue) -> JSONValue {
        var body = body
        body["Labels"] = .object(
            (body["Labels"]?.objectValue ?? [:])
                .filter { !$0.key.hasPrefix(ComposeProject.prefix) })
        body["HostConfig", "RestartPolicy"] = ["Name": "no"]
        return body
    }

    static func restoredLabels(
        from double: ContainerDetails, of planned: PlannedContainer
    ) -> [String: String] {
        let text = double.labels[labels] ?? ""
        // Somebody else's text has no labels.
        let composes = (try? JSONValue(parsing: text.utf8))?.stringMembers ?? [:]
        return composes.merging([keeps: planned.id]) { first, _ in first }
    }
}

extension Scene {
    /// What stands for the kept container.
    func double(of planned: PlannedContainer) async throws(Failure) -> ContainerDetails? {
        try await marked(planned).first { $0.name != planned.name }
    }

    /// What was made anew from the double.
    func restored(_ planned: PlannedContainer) async throws(Failure) -> ContainerDetails? {
        try await marked(planned).first { $0.name == planned.name }
    }

    private func marked(
        _ planned: PlannedContainer
    ) async throws(Failure) -> [ContainerDetails] {
        let filter = ["label": ["\(ContainerDouble.keeps)=\(planned.id)"]]
        let list = try await asked { () throws(DockerError) in
            try await engine.listContainers(all: true, filters: filter)
        }
        var found: [ContainerDetails] = []
        for summary in list {
            if let details = try await container(summary.id) { found.append(details) }
        }
        return found
    }
}
