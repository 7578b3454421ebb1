internal import DockerEngine
internal import UpgradeMachine

// Removing what earlier upgrades kept. What this one keeps stays, where nobody stumbles over it: a
// person may still go back.
extension ContainerService {
    func observeTidy(_ scene: Scene) async throws(Failure) -> Observation {
        guard try await obsolete(scene).isEmpty, try await isSetAside(scene) else {
            return .absent
        }
        return .present(.tidied(removed: []))
    }

    func tidy(_ scene: Scene) async throws(Failure) -> Receipt {
        var removed: [String] = []
        for container in try await obsolete(scene) {
            scene.context.report(.note("removing \(container.name)"))
            _ = try await askedIfPresent { () throws(DockerError) in
                try await engine.removeContainer(container.id)
            }
            removed.append(container.name)
        }
        try await setAside(scene)
        return .tidied(removed: removed)
    }

    /// A kept container cannot be labelled afterwards, so that it is known by its name; one that
    /// runs, or that starts by itself, is in somebody's use, whatever its name.
    private func obsolete(_ scene: Scene) async throws(Failure) -> [ContainerDetails] {
        let list = try await asked { () throws(DockerError) in
            try await engine.listContainers(all: true)
        }
        let current = scene.replaced.map { scene.keptName($0) }
        let names = scene.replaced.map(\.name)
        // Without policies it is known by what replaced it.
        let known = try await scene.canSetPolicies() ? nil : try await predecessors(scene, list)
        var found: [ContainerDetails] = []
        for summary in list {
            let own = summary.ownName
            guard names.contains(where: { KeptName.isKept(own, of: $0) }), !current.contains(own),
                let container = try await scene.container(summary.id),
                !container.state.isRunning, !container.state.isRestarting,
                known?.contains(own) ?? (container.restartPolicy.name == "no")
            else { continue }
            found.append(container)
        }
        return found.sorted { $0.name < $1.name }
    }

    /// Names of kept containers, each named by the label of the one that took its place.
    private func predecessors(
        _ scene: Scene, _ list: [ContainerSummary]
    ) async throws(Failure) -> Set<String> {
        var names: Set<String> = []
        for planned in scene.replaced {
            var name = scene.keptName(planned)
            while let summary = list.first(where: { $0.ownName == name }),
                let maker = try await scene.container(summary.id)?.labels[ContainerLabel.upgrade]
            {
                name = planned.name + KeptName.mark + maker
                guard names.insert(name).inserted else { break }
            }
        }
        return names
    }
}

extension ContainerSummary {
    /// Its name, not one that a link of another container gives it, as in `/proxy/web`.
    var ownName: String {
        let names = (raw["Names"]?.stringsValue ?? []).map { String($0.drop { $0 == "/" }) }
        return names.first { !$0.contains("/") } ?? name
    }
}
