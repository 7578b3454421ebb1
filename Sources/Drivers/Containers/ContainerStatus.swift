internal import DockerEngine
internal import Synchronization
public import UpgradeMachine

// What checks ask about the containers.
extension ContainerService {
    /// Enough for a migration that tells of every row; what is newer is not read in one look.
    private static let logLimitInBytes = 256 << 20

    public func status(in context: Context) async throws(Failure) -> ServiceStatus {
        let scene = try Scene(engine, context)
        var parts: [ServiceStatus.Part] = []
        for planned in scene.runtime.containers {
            guard let container = try await scene.container(planned.name) else {
                parts.append(
                    ServiceStatus.Part(
                        name: planned.name, isRunning: false, restarts: 0, health: .none,
                        releaseDigests: [], detail: "is not there"))
                continue
            }
            parts.append(try await part(container))
        }
        return ServiceStatus(parts: parts)
    }

    private func part(_ container: ContainerDetails) async throws(Failure) -> ServiceStatus.Part {
        let image = try await askedIfPresent { () throws(DockerError) in
            try await engine.inspectImage(container.imageID)
        }
        let digests = image?.repoDigests.compactMap { ImageReference($0)?.digest } ?? []
        return ServiceStatus.Part(
            name: container.name,
            isRunning: container.state.isRunning && !container.state.isRestarting,
            restarts: container.restartCount,
            health: ServiceStatus.Part.Health(container.state.health),
            releaseDigests: ([container.imageID] + digests).uniqued, detail: container.detail,
            run: container.run, address: container.address)
    }

    /// The log of what an upgrade replaces; paused containers are none of the release's.
    public func log(
        in context: Context, limitInBytes: Int
    ) async throws(Failure) -> ServiceLog {
        let scene = try Scene(engine, context)
        let share = max(1, limitInBytes / max(1, scene.replaced.count))
        var lines: [String] = []
        var sizeInBytes = 0
        for planned in scene.replaced {
            guard let container = try await scene.container(planned.name),
                let log = try await logText(of: container, tail: nil, limitInBytes: share)
            else { continue }
            let prefix = scene.replaced.count > 1 ? "\(planned.name): " : ""
            lines += log.text.split(whereSeparator: \.isNewline).map { prefix + $0 }
            sizeInBytes += log.sizeInBytes
        }
        return ServiceLog(lines: lines, sizeInBytes: sizeInBytes)
    }

    /// The log since the container's present start, its newest part kept; `nil` where it is gone.
    ///
    /// - Throws: `log-unreadable` where the container's log driver cannot be read.
    func logText(
        of container: ContainerDetails, tail: Int?, limitInBytes: Int
    ) async throws(Failure) -> (text: String, sizeInBytes: Int)? {
        let newest = Mutex(OutputTail(limitInBytes: limitInBytes))
        let selection = LogSelection(since: container.logBegin, tail: tail)
        do {
            let end = try await engine.readLog(
                of: container.id, selection, limitInBytes: Self.logLimitInBytes
            ) { _, bytes in
                nonisolated(unsafe) let bytes = bytes
                newest.withLock { $0.append(bytes) }
            }
            return (newest.withLock { $0.text(Redaction([])) }, end.sizeInBytes)
        } catch .notFound {
            return nil
        } catch .rejected(_, let message, _) where message.contains("logging driver") {
            throw Failure(
                code: "log-unreadable",
                message: "the log of \(container.name) cannot be read: \(message)",
                advice: "give it a log driver that can (json-file, local, journald), or leave out "
                    + "the checks that read its log",
                isPermanent: true)
        } catch {
            throw Failure(error)
        }
    }
}

extension ContainerDetails {
    /// Where the log of the present run begins; `nil` for the first one's.
    ///
    /// Its start is taken down only after its first lines, so that the end before it is used: the
    /// engine keeps that one until the next end. Between two starts that end is the present run's
    /// own, and all that it said came before.
    var logBegin: Timestamp? {
        if state.isRunning && !state.isRestarting || state.startedAt == nil {
            return state.finishedAt
        }
        guard let startedAt = state.startedAt else { return nil }
        return Timestamp(seconds: startedAt.seconds - 2, nanoseconds: startedAt.nanoseconds)
    }

    /// The engine's own count knows only the restarts of its policy; `docker restart` begins it anew.
    fileprivate var run: String? {
        state.startedAt.map { "\(id) \($0.seconds).\($0.nanoseconds)" }
    }

    /// By the first of its networks that gives it one; that of a container in the host's own network
    /// is the host's.
    fileprivate var address: String? {
        if raw["HostConfig", "NetworkMode"]?.stringValue == "host" { return "127.0.0.1" }
        return networks.lazy.map(\.address).first { !$0.isEmpty }
    }

    fileprivate var detail: String {
        if state.isRestarting { return "is being restarted after it \(state.ending)" }
        if state.isRunning { return state.status == "paused" ? "is paused" : "is running" }
        return state.startedAt == nil ? "was never started" : state.ending
    }
}

extension ServiceStatus.Part.Health {
    fileprivate init(_ health: ContainerState.Health) {
        switch health {
        case .none: self = .none
        case .starting: self = .starting
        case .healthy: self = .healthy
        case .unhealthy: self = .unhealthy
        }
    }
}

extension Array where Element: Hashable {
    /// The elements in order, each once.
    var uniqued: [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
