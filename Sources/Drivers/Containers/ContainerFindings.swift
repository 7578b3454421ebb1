internal import DockerEngine
internal import Glibc
public import UpgradeMachine

extension ContainerPlanner {
    /// Looks at an instance's containers, and at all that an upgrade of them could stumble over.
    ///
    /// - Parameters:
    ///   - candidate: The release that shall serve, where it is known already.
    ///   - neededInBytes: What bringing it here takes on the engine's disk; otherwise a guess.
    /// - Throws: `container-missing` where one of them is not there, `engine-unreachable` (also
    ///   without the right to open the socket), `engine-too-old`.
    public func survey(
        _ selection: ContainerSelection, candidate: Release? = nil, neededInBytes: Int64? = nil
    ) async throws(Failure) -> ContainerSurvey {
        var look = Look(selection)
        let version = try await asked { () throws(DockerError) in try await engine.version() }
        _ = try await asked { () throws(DockerError) in try await engine.apiVersion() }
        look.isPodman = version.isPodman
        for member in selection.members {
            let container = try await required(member.name)
            look.details.append(container)
            look.planned.append(
                PlannedContainer(
                    name: member.name, role: member.role, id: container.id,
                    imageID: container.imageID,
                    restartPolicy: UpgradeMachine.RestartPolicy(
                        name: container.restartPolicy.name,
                        maximumRetryCount: container.restartPolicy.maximumRetryCount),
                    settingsDigest: ContainerSettings.digest(of: container)))
        }
        guard let first = zip(look.planned, look.details).first(where: { $0.0.role == .replaced })
        else {
            throw Failure(
                code: "nothing-to-replace", message: "none of the containers is to be replaced",
                advice: "name the application's container in pawl.yaml", isPermanent: true)
        }
        if let database = selection.database { look.database = try await required(database) }
        for name in selection.reloaded { _ = try await required(name) }
        look.others = try await asked { () throws(DockerError) in
            try await engine.listContainers(all: true)
        }
        look.examineMembers()
        look.examineOthers()
        await examineCompose(&look)
        try await examineChanges(&look)
        try await examineImages(&look)
        try await examineDisk(&look, candidate, neededInBytes)
        return ContainerSurvey(
            current: try await release(of: first.1, in: selection.repository),
            containers: look.planned,
            findings: look.findings.sorted { $0.severity > $1.severity })
    }

    private func required(_ name: String) async throws(Failure) -> ContainerDetails {
        let container = try await askedIfPresent { () throws(DockerError) in
            try await engine.inspectContainer(name)
        }
        guard let container, container.name == name else {
            throw Failure(
                code: "container-missing",
                message: "there is no container \(name) at \(engine.endpoint)",
                advice: "compare the name in pawl.yaml with `docker ps -a`", isPermanent: true)
        }
        return container
    }

    private func examineImages(_ look: inout Look) async throws(Failure) {
        var images: Set<String> = []
        for (planned, details) in zip(look.planned, look.details) where planned.role == .replaced {
            images.insert(details.imageID)
            let image = try await askedIfPresent { () throws(DockerError) in
                try await engine.inspectImage(details.imageID)
            }
            guard let image else {
                look.add(
                    .refusal, "image-missing",
                    "the image of \(planned.name) was removed from under it: its settings cannot "
                        + "be told from the image's, and there is no way back to it")
                continue
            }
            look.imageSizeInBytes = max(look.imageSizeInBytes, image.sizeInBytes)
            if image.digests(in: look.selection.repository).isEmpty {
                look.add(
                    .note, "image-without-digest",
                    "\(planned.name) runs an image that \(look.selection.repository) does not "
                        + "know by digest (loaded from an archive, or another repository's); "
                        + "its id stands in for it")
            }
        }
        if images.count > 1 {
            look.add(
                .warning, "several-images",
                "the containers to replace run \(images.count) different images: all of them get "
                    + "the candidate's")
        }
        try await examineLocalTag(&look)
    }

    private func examineLocalTag(_ look: inout Look) async throws(Failure) {
        guard let tag = look.selection.localTag else { return }
        let image = try await askedIfPresent { () throws(DockerError) in
            try await engine.inspectImage(tag)
        }
        let running = look.details.first { container in
            look.planned.contains { $0.id == container.id && $0.role == .replaced }
        }
        if let running, image?.id != running.imageID {
            look.add(
                .warning, "local-tag-elsewhere",
                "\(tag) stands for "
                    + "\(image == nil ? "no image" : "another image than \(running.name) runs"): "
                    + "somebody's restart would not start what serves now")
        }
    }

    /// Twice the serving image's size is what a pull and its unpacking may need, as an estimate.
    private func examineDisk(
        _ look: inout Look, _ candidate: Release?, _ known: Int64?
    ) async throws(Failure) {
        guard case .unix = engine.endpoint else { return }
        if let candidate {
            let name = "\(look.selection.repository)@\(candidate.digest)"
            for name in candidate.file == nil ? [name] : candidate.digests {
                let local = try await askedIfPresent { () throws(DockerError) in
                    try await engine.inspectImage(name)
                }
                if local != nil { return }
            }
        }
        let info = try await asked { () throws(DockerError) in try await engine.info() }
        var disk = statvfs()
        // Another host's folder, or one in a virtual machine, is not seen from here.
        guard statvfs(info.imageDirectory, &disk) == 0 else { return }
        let freeInBytes = Int64(disk.f_bavail) * Int64(disk.f_frsize)
        let neededInBytes = known ?? 2 * look.imageSizeInBytes
        guard freeInBytes < neededInBytes else { return }
        look.add(
            freeInBytes < known ?? look.imageSizeInBytes ? .refusal : .warning, "disk-space",
            "\(freeInBytes >> 20) MiB are free in \(info.imageDirectory), and "
                + "\(known == nil ? "a pull" : "loading the archive") may need about "
                + "\(neededInBytes >> 20) MiB")
    }
}

/// A look at an instance's containers, and what is found in it.
struct Look {
    let selection: ContainerSelection
    var planned: [PlannedContainer] = []
    /// In the order of `planned`.
    var details: [ContainerDetails] = []
    var database: ContainerDetails?
    /// All containers of the engine.
    var others: [ContainerSummary] = []
    var imageSizeInBytes: Int64 = 0
    var isPodman = false
    private(set) var findings: [ContainerSurvey.Finding] = []

    init(_ selection: ContainerSelection) { self.selection = selection }

    mutating func add(
        _ severity: ContainerSurvey.Finding.Severity, _ code: String, _ text: String
    ) {
        findings.append(ContainerSurvey.Finding(severity, code, text))
    }
}
