internal import DockerEngine
internal import UpgradeMachine

extension ContainerPlanner {
    /// What was written into a container, and not into a volume, does not come along.
    func examineChanges(_ look: inout Look) async throws(Failure) {
        for (planned, details) in zip(look.planned, look.details) where planned.role == .replaced {
            let paths: [String]?
            do throws(DockerError) {
                paths = try await engine.containerChanges(planned.id)
            } catch {
                paths = try look.withoutChanges(of: planned.name, because: error)
            }
            let written = WrittenPaths.worthKeeping(
                paths ?? [], besides: details.mounts.map(\.destination))
            guard let first = written.first else { continue }
            let examples = written.prefix(3).joined(separator: ", ")
            look.add(
                .warning, "written-outside-volumes",
                written.count == 1
                    ? "\(first) in \(planned.name) was written since it was made, and is in no "
                        + "volume: the new container begins without it"
                    : "\(written.count) paths in \(planned.name) were written since it was made, "
                        + "and are in no volume (\(examples)): the new container begins without "
                        + "them")
        }
    }
}

extension Look {
    /// A warning alone is at stake, so that an engine with too much to tell does not end planning.
    mutating func withoutChanges(
        of name: String, because error: DockerError
    ) throws(Failure) -> [String]? {
        switch error {
        case .notFound: return nil
        case .timedOut, .tooLarge:
            add(
                .note, "changes-unknown",
                "what was written in \(name) outside of its volumes could not be found out "
                    + "(\(error)): the new container begins without it")
            return nil
        default: throw Failure(error)
        }
    }
}

enum WrittenPaths {
    /// Places that an application and its engine write anew at every start.
    private static let passing = [
        "/tmp", "/var/tmp", "/run", "/var/run", "/var/log", "/var/cache", "/var/lock", "/dev",
        "/proc", "/sys", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab",
        "/.dockerenv", "/root/.bash_history",
    ]

    /// Of the paths that differ from the image, those that somebody may miss, in order; without the
    /// folders that lead to them.
    ///
    /// - Parameter mounts: Where something is mounted, for which the engine makes folders.
    static func worthKeeping(_ paths: [String], besides mounts: [String]) -> [String] {
        let kept = paths.filter { path in
            !(passing + mounts).contains { path == $0 || path.hasPrefix($0 + "/") }
        }
        var parents: Set<Substring> = []
        for path in paths + mounts {
            var rest = path[...]
            while let slash = rest.lastIndex(of: "/") {
                rest = rest[..<slash]
                parents.insert(rest)
            }
        }
        return kept.filter { !parents.contains($0[...]) }.sorted()
    }
}
