internal import DockerEngine
internal import UpgradeMachine

/// The docker compose project that a container belongs to, as its labels say.
///
/// Compose takes for a service's containers whatever has its labels, under any name. Each `up`
/// compares a hash: version 1 of the service's part of the file and of the image's id; version 2 of
/// that part alone, and the image by a label of its own.
///
/// Sources: docker-compose 1.29.2, `compose/service.py` (`containers`, `duplicate_containers`,
/// `config_dict`) and `compose/cli/command.py` (`execution_context_labels`); version 2,
/// `pkg/compose/hash.go` (`ServiceHash`) and `pkg/compose/convergence.go`.
struct ComposeProject: Hashable, Sendable {
    static let prefix = "com.docker.compose."
    static let hashLabel = prefix + "config-hash"
    private static let askingLimit = Duration.seconds(30)

    let name: String
    let service: String
    /// The hash that the container was made with.
    let hash: String
    private let folder: String?
    private let files: [String]
    private let environmentFile: String?
    private let version: String

    /// None where no `up` of compose's would know the container.
    init?(_ labels: [String: String]) {
        guard let name = labels[Self.prefix + "project"],
            let service = labels[Self.prefix + "service"], let hash = labels[Self.hashLabel],
            labels[Self.prefix + "oneoff"]?.lowercased() != "true"
        else { return nil }
        (self.name, self.service, self.hash) = (name, service, hash)
        folder = labels[Self.prefix + "project.working_dir"]
        files = (labels[Self.prefix + "project.config_files"] ?? "").split(separator: ",")
            .map(String.init)
        environmentFile = labels[Self.prefix + "project.environment_file"]
        version = labels[Self.prefix + "version"] ?? ""
    }

    /// Whether the hash changes with the image.
    var hashesImage: Bool { version.hasPrefix("1.") }

    /// The hash that an `up` of docker-compose 1 would expect now; none where it cannot be asked.
    ///
    /// Only the program itself knows: the hash is over what it makes of the file.
    func expectedHash(at endpoint: DockerEngine.Endpoint) async -> String? {
        guard hashesImage, case .unix = endpoint, let folder, !files.isEmpty else { return nil }
        var words = ["docker-compose", "--host", "\(endpoint)", "--project-name", name]
        words += ["--project-directory", folder]
        for file in files {
            words += ["--file", file.hasPrefix("/") ? file : "\(folder)/\(file)"]
        }
        if let environmentFile { words += ["--env-file", environmentFile] }
        words += ["config", "--hash", service]
        let command = Command(words, in: folder, limit: Self.askingLimit)
        // Where it is not there, or refuses its file, its next `up` is no better informed.
        guard let result = try? await command.run(), result.isSuccess else { return nil }
        let line = result.output.split(separator: "\n").last ?? ""
        let parts = line.split(separator: " ")
        guard parts.count == 2, parts[0] == service else { return nil }
        return String(parts[1])
    }
}

extension ContainerDetails {
    var composeProject: ComposeProject? { ComposeProject(labels) }
}

extension Look {
    /// Whether the name that the container was made with moves with the start.
    fileprivate func followsLocalTag(_ container: ContainerDetails) -> Bool {
        guard let localTag = selection.localTag, let local = TagName.parts(of: localTag),
            let own = TagName.parts(of: container.configImage)
        else { return false }
        return local == own
    }
}

extension ContainerPlanner {
    /// What an `up` of compose's will make of the upgrade.
    func examineCompose(_ look: inout Look) async {
        for (planned, container) in zip(look.planned, look.details)
        where planned.role == .replaced {
            guard let project = container.composeProject else { continue }
            let belongs = "\(container.name) belongs to the compose project \(project.name): "
            let leaves =
                belongs + "its next `up` leaves the new container as it is. What the old one has "
                + "written outside of its volumes goes when the upgrade is verified"
            guard look.followsLocalTag(container) else {
                look.add(
                    .warning, "compose-names-version",
                    belongs + "its file names the image \(container.configImage), so that its next "
                        + "`up` would put that back on migrated data: name a tag of this host "
                        + "there, and the same as local_tag in pawl.yaml")
                continue
            }
            guard project.hashesImage else {
                look.add(.note, "compose", leaves)
                continue
            }
            switch await project.expectedHash(at: engine.endpoint) {
            case project.hash?:
                look.add(.note, "compose", leaves)
            case nil:
                look.add(
                    .note, "compose",
                    belongs + "docker-compose cannot be asked here what it expects, so that its "
                        + "next `up` will make the new container anew, with the new version")
            case .some:
                look.add(
                    .warning, "compose-differs",
                    belongs + "its file, its .env or its image has changed since the container "
                        + "was made, so that its next `up` would make it anew: before an upgrade "
                        + "let it, or put back what was changed")
            }
        }
    }
}
