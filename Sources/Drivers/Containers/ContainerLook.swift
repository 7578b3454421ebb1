internal import DockerEngine
internal import UpgradeMachine

// What a look at the containers finds, with nothing more to ask.
extension Look {
    /// Marks containers that another program makes anew as soon as they stop.
    private static let foreignOwners = [
        "com.docker.swarm.task.id": "Docker Swarm", "io.kubernetes.pod.uid": "Kubernetes",
        "PODMAN_SYSTEMD_UNIT": "a systemd unit",
    ]

    mutating func examineMembers() {
        for (planned, container) in zip(planned, details) {
            examineState(of: container)
            examineOwner(of: container)
            examineStopTimeout(of: container)
            examineReferences(of: container, planned.role)
            examineLinks(of: container, planned.role)
            if planned.role == .replaced {
                examineMounts(of: container)
                examineLinks(to: container)
            }
            if isPodman, container.restartPolicy.name != "no" {
                examinePolicy(of: container)
            }
        }
    }

    /// What stays stopped on Docker's side for want of a policy may start by itself on Podman's.
    ///
    /// Source: podman-restart.service of Podman 4.3, which after a boot starts what has `always`.
    private mutating func examinePolicy(of container: ContainerDetails) {
        let policy = container.restartPolicy.name
        if policy == "always" {
            add(
                .refusal, "restart-policy-stays",
                "\(container.name) has the restart policy always, which Podman cannot take away: "
                    + "after a reboot the kept container would be started beside the new one. Make "
                    + "it anew with unless-stopped, or let systemd start it")
        } else {
            add(
                .note, "restart-policy-stays",
                "Podman cannot change the restart policy of \(container.name) (\(policy)): the "
                    + "kept container has it still, and Podman 4 does not act on it after a boot")
        }
    }

    private mutating func examineState(of container: ContainerDetails) {
        let name = container.name
        if container.autoRemove {
            add(
                .refusal, "auto-remove",
                "\(name) was made with --rm: it is gone as soon as it is stopped, and there "
                    + "would be no way back. Make it anew without --rm")
        }
        if container.state.isRestarting {
            add(
                .refusal, ContainerSurvey.Finding.restarting,
                "\(name) is being restarted again and again: it is not well now")
        } else if container.state.status == "paused" {
            add(
                .refusal, "frozen",
                "\(name) is paused: let it go on (`docker unpause \(name)`) first")
        } else if !container.state.isRunning {
            add(
                .warning, "not-running",
                "\(name) does not run now: a rollback will start it nevertheless")
        } else if container.state.health == .unhealthy {
            add(.warning, "unhealthy", "\(name) is unhealthy now, before the upgrade")
        }
        let driver = container.raw["HostConfig", "LogConfig", "Type"]?.stringValue ?? ""
        if !["json-file", "local", "journald", "k8s-file", ""].contains(driver) {
            add(
                .note, "log-driver",
                "the log of \(name) goes to \(driver) and may not be readable here: a check of the "
                    + "start-up log needs json-file, local or journald")
        }
    }

    /// Less time than it was made to have may cost it data that it was about to write.
    private mutating func examineStopTimeout(of container: ContainerDetails) {
        guard let timeout = container.stopTimeout else { return }
        if timeout < .zero {
            add(
                .refusal, "stop-timeout",
                "\(container.name) was made to be waited for without end when it is stopped "
                    + "(--stop-timeout -1), and an upgrade cannot: make it anew with a limit")
        } else if let limit = selection.stopLimit, timeout >= limit {
            add(
                .refusal, "stop-timeout",
                "\(container.name) was made to be given \(timeout.components.seconds) s to stop "
                    + "(--stop-timeout, stop_grace_period), and limits.stop is "
                    + "\(limit.components.seconds) s: raise limits.stop above it")
        }
    }

    private mutating func examineOwner(of container: ContainerDetails) {
        for (label, owner) in Self.foreignOwners.sorted(by: { $0.key < $1.key })
        where container.labels[label] != nil {
            add(
                .refusal, "foreign-owner",
                "\(container.name) belongs to \(owner), which makes it anew when it is stopped: "
                    + "upgrade it there")
        }
    }

    private mutating func examineMounts(of container: ContainerDetails) {
        for mount in container.mounts where mount.isWritable && mount.type != "tmpfs" {
            let name = mount.volume ?? mount.source
            guard !selection.backedUp.contains(name), !selection.backedUp.contains(mount.source)
            else { continue }
            let kind = mount.volume == nil ? "the host's" : "the volume"
            add(
                .warning, ContainerSurvey.Finding.notBackedUp,
                "\(container.name) can write \(kind) \(name) at \(mount.destination): a "
                    + "rollback does "
                    + "not put it back (where that is good so: volumes_not_covered: accept)")
        }
    }

    /// A replaced container's name and id stay with the kept one, and the copy's are new; paused
    /// ones are started as they are, after all copies.
    private mutating func examineReferences(
        of container: ContainerDetails, _ role: PlannedContainer.Role
    ) {
        for kind in ["NetworkMode", "PidMode", "IpcMode"] {
            guard let mode = container.raw["HostConfig", kind]?.stringValue,
                mode.hasPrefix("container:")
            else { continue }
            examineReference(of: container, role, to: String(mode.dropFirst(10)), kind)
        }
        // What is started as it is has its volumes already.
        guard role == .replaced else { return }
        for reference in container.raw["HostConfig", "VolumesFrom"]?.stringsValue ?? [] {
            let name = String(reference.prefix { $0 != ":" })
            examineReference(of: container, role, to: name, "VolumesFrom")
        }
    }

    /// Links too are looked up when a container starts, and lead to what runs then.
    private mutating func examineLinks(
        of container: ContainerDetails, _ role: PlannedContainer.Role
    ) {
        for link in container.raw["HostConfig", "Links"]?.stringsValue ?? [] {
            let name = String(link.prefix { $0 != ":" }.drop { $0 == "/" })
            examineReference(of: container, role, to: name, "Links")
        }
    }

    private mutating func examineReference(
        of container: ContainerDetails, _ role: PlannedContainer.Role, to reference: String,
        _ kind: String
    ) {
        let found = zip(planned, details).first {
            $0.1.name == reference || $0.1.id.hasPrefix(reference)
        }
        guard let (target, other) = found else { return }
        let verb = kind == "Links" ? "is linked to" : "joins"
        switch (role, target.role) {
        case (.paused, .replaced):
            add(
                .refusal, "joined",
                "\(container.name) \(verb) \(other.name) (\(kind)), which is replaced, and "
                    + "could not be started again as it is: name it under containers: as well, "
                    + "or make it anew without that")
        case (.replaced, .paused) where kind != "VolumesFrom":
            add(
                .refusal, "wrong-order",
                "\(container.name) \(verb) \(other.name) (\(kind)), which is paused and starts "
                    + "after it: name \(other.name) under containers: before it, or make "
                    + "\(container.name) anew without that")
        case (.replaced, .paused): break
        default:
            let before = details.prefix { $0.id != container.id }
            guard !before.contains(where: { $0.id == other.id }) else { return }
            add(
                .refusal, "wrong-order",
                "\(container.name) \(verb) \(other.name) (\(kind)), which comes after it: name "
                    + "\(other.name) before it")
        }
    }

    private mutating func examineLinks(to container: ContainerDetails) {
        guard let summary = others.first(where: { $0.id == container.id }) else { return }
        for name in summary.raw["Names"]?.stringsValue ?? [] {
            let parts = name.split(separator: "/")
            guard parts.count == 2, !details.contains(where: { $0.name == parts[0] })
            else { continue }
            add(
                .warning, "linked",
                "\(parts[0]) is linked to \(container.name) (--link), and a link stays with the "
                    + "kept container: make \(parts[0]) anew after the upgrade, or use a network")
        }
    }

    // MARK: - The engine's other containers

    mutating func examineOthers() {
        let members = Set(details.map(\.id) + [database?.id].compactMap { $0 })
        for other in others where !members.contains(other.id) {
            examineKept(other)
            guard other.status == "running" else { continue }
            examineJoined(other)
            examineShared(other)
        }
    }

    private mutating func examineKept(_ other: ContainerSummary) {
        let own = other.ownName
        guard
            let name = selection.members.map(\.name).first(where: { KeptName.isKept(own, of: $0) })
        else { return }
        if other.status == "running" {
            add(
                .warning, "kept-runs",
                "\(own) was kept by an earlier upgrade of \(name), and it runs: two versions "
                    + "may be writing the same data")
        } else {
            add(
                .note, "kept",
                "\(own) is kept from an earlier upgrade, and is removed when this one has succeeded"
            )
        }
    }

    private mutating func examineJoined(_ other: ContainerSummary) {
        guard let mode = other.raw["HostConfig", "NetworkMode"]?.stringValue,
            mode.hasPrefix("container:")
        else { return }
        let target = zip(planned, details).first { planned, container in
            planned.role == .replaced && container.id.hasPrefix(mode.dropFirst(10))
        }
        guard let target else { return }
        add(
            .refusal, "joined",
            "\(other.ownName) lives in the network of \(target.0.name), which goes when that is "
                + "replaced: make it anew after the upgrade, and stop it for now")
    }

    private mutating func examineShared(_ other: ContainerSummary) {
        let mounts = other.raw["Mounts"]?.arrayValue ?? []
        let theirs = Set(
            mounts.compactMap { $0["Name"]?.stringValue ?? $0["Source"]?.stringValue })
        for container in details {
            for mount in container.mounts where mount.type != "tmpfs" {
                guard theirs.contains(mount.volume ?? mount.source) else { continue }
                add(
                    .note, "shared-volume",
                    "\(other.ownName) uses \(mount.volume ?? mount.source) as \(container.name) "
                        + "does, and goes on running during the upgrade")
            }
        }
        let networks = other.raw["NetworkSettings", "Networks"]?.objectValue ?? [:]
        // On the engine's own bridge everybody meets everybody.
        let near = (database?.networks ?? []).map(\.name).filter {
            $0 != "bridge" && networks[$0] != nil
        }
        if let database, let network = near.first {
            add(
                .note, "near-database",
                "\(other.ownName) is in the network \(network) with the database "
                    + "\(database.name): if "
                    + "it writes there, name it as well, to have it stopped for the upgrade")
        }
    }
}
