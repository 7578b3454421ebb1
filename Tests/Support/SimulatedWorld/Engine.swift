import UpgradeMachine

// The engine's calls, each of which is done whole or not at all.
extension World {
    static let candidateImage = "image-7.1.0"

    func container(_ id: String) -> Container? { containers.first { $0.id == id } }
    func container(named name: String) -> Container? { containers.first { $0.name == name } }
    var candidates: [Container] { containers.filter { $0.upgrade == plan.upgrade } }

    func pullLayer() {
        pulledLayers += 1
        if pulledLayers >= 3 { images.insert(Self.candidateImage) }
    }

    func tag(_ name: String, _ image: String) { tags[name] = image }

    func stop(_ id: String) throws(Failure) {
        guard let index = index(id) else { throw .changed("\(id) is gone") }
        containers[index].stop()
    }

    func setPolicy(_ policy: String, of id: String) throws(Failure) {
        guard let index = index(id) else { throw .changed("\(id) is gone") }
        containers[index].policy = policy
    }

    func rename(_ id: String, to name: String) throws(Failure) {
        guard container(named: name) == nil else { throw .changed("\(name) is taken") }
        guard let index = index(id) else { throw .changed("\(id) is gone") }
        containers[index].name = name
    }

    /// A copy of `kept` with the candidate's image.
    func create(_ name: String, like kept: PlannedContainer) throws(Failure) -> String {
        guard container(named: name) == nil else { throw .changed("\(name) is taken") }
        var copy = Container(
            id: makeContainerID(), name: name, imageID: Self.candidateImage,
            policy: kept.restartPolicy.name)
        copy.upgrade = plan.upgrade
        containers.append(copy)
        return copy.id
    }

    func start(_ id: String) throws(Failure) {
        guard let index = index(id) else { throw .changed("\(id) is gone") }
        let container = containers[index]
        // Not modified: it is started already.
        if container.isRunning { return }
        if container.upgrade == plan.upgrade {
            if container.wasStarted {
                violate(
                    .notRepeated,
                    "\(container.name) is started again on data that it may have touched")
            }
            checkBackedUp()
        }
        run(index)
    }

    /// Before the candidate may touch the data, all that it may change can be put back.
    private func checkBackedUp() {
        guard scenario.hasDatabase else { return }
        let backups = disk.durableBackups(of: plan.upgrade)
        guard !backups.isEmpty else {
            return violate(.backedUp, "the candidate is started without a durable backup")
        }
        guard plan.fence == .hold, !hasOutsiderWritten, !hasPersonStarted else { return }
        if !backups.values.contains(content) {
            violate(.backedUp, "the candidate is started on data that no backup holds")
        }
    }

    func remove(_ id: String) throws(Failure) {
        guard let index = index(id) else { return }
        if containers[index].isRunning { throw .changed("\(id) runs") }
        if plan.upgrade != containers[index].upgrade {
            violate(.backedUp, "\(containers[index].name) is removed, which the way back needs")
        }
        containers.remove(at: index)
    }
}
