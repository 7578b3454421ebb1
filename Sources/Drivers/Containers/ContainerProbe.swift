internal import DockerEngine
internal import UpgradeMachine

// Trying out the copies while the service still runs.
//
// An engine looks at most of a container's settings when it makes it, and the start does that
// after the service has stopped. So each copy is made once before anything is stopped, under
// another name, and removed; it is never started. What the engine refuses is then the pull's
// failure, and there was no outage. The label that marks such a copy is not the candidates'.
extension ContainerService {
    func tryCopies(of image: ImageDetails, _ release: Release, _ scene: Scene)
        async throws(Failure)
    {
        try await removeProbes(scene)
        for planned in scene.replaced {
            // Without it the stop refuses, in words of its own.
            guard let container = try await scene.container(planned.id) else { continue }
            let copy = try await copy(
                of: container, planned, scene, image, name: image.id, copies: [:])
            scene.context.report(.note("trying out a copy of \(planned.name)"))
            do throws(Failure) {
                _ = try await create(copy, from: image, scene, isProbe: true)
            } catch {
                throw .copyRefused(planned.name, error)
            }
            try await removeProbes(scene)
        }
    }

    /// Removes copies that were only tried out, also those of a Pawl that has died.
    func removeProbes(_ scene: Scene) async throws(Failure) {
        let label = "\(ContainerLabel.probe)=\(scene.plan.upgrade)"
        let list = try await asked { () throws(DockerError) in
            try await engine.listContainers(all: true, filters: ["label": [label]])
        }
        for summary in list {
            // With the volumes that were made for it; those of the kept containers are theirs.
            _ = try await askedIfPresent { () throws(DockerError) in
                try await engine.removeContainer(summary.id, volumes: true)
            }
        }
    }
}

/// A copy to try out: what it may not do to the service that still runs.
enum ContainerProbe {
    /// Not a kept container's name, which begins with the container's own.
    static func name(of container: String, upgrade: String) -> String {
        "pawl-probe.\(upgrade).\(container)"
    }

    /// - Parameter body: The copy's own.
    static func body(from body: JSONValue, upgrade: String, isPodman: Bool) -> JSONValue {
        var body = body
        // None of the container's own: `docker compose` would take it for one of its services.
        body["Labels"] = .object([ContainerLabel.probe: .string(upgrade)])
        body["HostConfig", "RestartPolicy"] = ["Name": "no"]
        // Podman copies at the first start, and knows the word not everywhere.
        if !isPodman { leaveVolumesAlone(&body) }
        return body
    }

    /// Else an engine copies what the new image has there into a volume that is empty.
    private static func leaveVolumesAlone(_ body: inout JSONValue) {
        if let binds = body["HostConfig", "Binds"]?.stringsValue {
            body["HostConfig", "Binds"] = JSONValue(
                binds.map { bind in
                    let parts = bind.split(separator: ":")
                    guard parts.count >= 2, !bind.hasPrefix("/") else { return bind }
                    let words = parts.count > 2 ? parts[2].split(separator: ",") : []
                    guard !words.contains("nocopy") else { return bind }
                    return (parts.prefix(2) + [(words + ["nocopy"]).joined(separator: ",")[...]])
                        .joined(separator: ":")
                })
        }
        guard let mounts = body["HostConfig", "Mounts"]?.arrayValue else { return }
        body["HostConfig", "Mounts"] = .array(
            mounts.map { mount in
                guard mount["Type"]?.stringValue == "volume" else { return mount }
                var mount = mount
                var options = mount["VolumeOptions"] ?? [:]
                if options.isNull { options = [:] }
                options["NoCopy"] = true
                mount["VolumeOptions"] = options
                return mount
            })
    }
}

extension Failure {
    fileprivate static func copyRefused(_ name: String, _ cause: Failure) -> Failure {
        // Nothing is wrong with the copy where the engine did not answer, or was not to go on.
        guard !["engine-unreachable", "engine-timed-out", "interrupted"].contains(cause.code)
        else { return cause }
        return Failure(
            code: cause.code,
            message: "a copy of \(name) with the new image cannot be made: \(cause.message)",
            advice: cause.code == "engine-refused"
                ? "nothing was stopped; make \(name) anew without what the engine refuses, or "
                    + "upgrade it by hand"
                : cause.advice,
            excerpt: cause.excerpt, isPermanent: cause.isPermanent)
    }
}
