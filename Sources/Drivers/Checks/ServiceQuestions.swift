internal import UpgradeMachine

/// Who has to run, and since when.
///
/// A value that learns from each look: how often a part was restarted counts from the first look
/// on, since a kept container brings an old count along. Only a part that this upgrade created owns
/// all of its restarts.
struct RunningQuestion {
    /// Restarts after which a part is taken for one that crashes again and again.
    static let crashLoop = 3

    private let ownsRestarts: Set<String>
    private let withoutRestartPolicy: Set<String>
    private let expected: [String]
    private var lastCount: [String: Int] = [:]
    private var lastRun: [String: String] = [:]
    /// Parts with a restart that was counted, and whose new run was not seen yet.
    private var expectsRun: Set<String> = []
    private var restarts: [String: Int] = [:]
    /// Whether the last look found a part that had been started anew since the look before.
    private(set) var hasRestarted = false

    /// - Parameter isCandidate: Whether the replaced parts were created by this upgrade.
    init(runtime: Runtime, isCandidate: Bool) {
        guard case .containers(let settings) = runtime else {
            (ownsRestarts, withoutRestartPolicy, expected) = ([], [], [])
            return
        }
        let containers = settings.containers
        expected = containers.map(\.name)
        ownsRestarts =
            isCandidate ? Set(containers.filter { $0.role == .replaced }.map(\.name)) : []
        withoutRestartPolicy = Set(
            containers.filter { ["no", ""].contains($0.restartPolicy.name) }.map(\.name))
    }

    mutating func judge(_ status: ServiceStatus) -> Answer {
        hasRestarted = false
        var hopeless: [String] = []
        var notYet: [String] = []
        for part in status.parts {
            let isNew = countRestarts(of: part)
            let total = restarts[part.name, default: 0]
            if total >= Self.crashLoop {
                hopeless.append("\(part.name) restarted \(total) times: \(part.detail)")
            } else if !part.isRunning, withoutRestartPolicy.contains(part.name) {
                hopeless.append("\(part.name) \(part.detail), and nothing starts it again")
            } else if !part.isRunning {
                notYet.append("\(part.name) does not run: \(part.detail)")
            } else if isNew {
                notYet.append("\(part.name) was restarted (\(total) so far)")
            }
        }
        let present = Set(status.parts.map(\.name))
        notYet += expected.filter { !present.contains($0) }.map { "\($0) is not there" }
        if status.parts.isEmpty, notYet.isEmpty { notYet = ["nothing is there"] }
        if !hopeless.isEmpty {
            return .hopeless(saw: Plain.line((hopeless + notYet).joined(separator: "; ")))
        }
        if !notYet.isEmpty { return .notYet(saw: Plain.line(notYet.joined(separator: "; "))) }
        return .good(saw: Plain.line(good(status)))
    }

    /// Says whether it has been started anew since the look before.
    private mutating func countRestarts(of part: ServiceStatus.Part) -> Bool {
        defer { lastCount[part.name] = part.restarts }
        guard let last = lastCount[part.name] else {
            restarts[part.name] = ownsRestarts.contains(part.name) ? part.restarts : 0
            lastRun[part.name] = part.run
            if !part.isRunning { expectsRun.insert(part.name) }
            return false
        }
        // A count that shrinks is that of another container under the same name, or was set back by
        // somebody else's start; only the run itself tells of these.
        let growth = max(max(0, part.restarts - last), isUncountedRun(of: part, last) ? 1 : 0)
        restarts[part.name, default: 0] += growth
        if growth > 0 { hasRestarted = true }
        return growth > 0
    }

    /// Whether it runs anew without a restart of its policy's, which is counted before it begins.
    private mutating func isUncountedRun(of part: ServiceStatus.Part, _ lastCount: Int) -> Bool {
        if part.restarts > lastCount { expectsRun.insert(part.name) }
        guard let run = part.run, run != lastRun[part.name] else { return false }
        let isFirst = lastRun.updateValue(run, forKey: part.name) == nil
        return expectsRun.remove(part.name) == nil && !isFirst
    }

    private func good(_ status: ServiceStatus) -> String {
        status.parts.map(\.name).sorted().map { name in
            switch restarts[name, default: 0] {
            case 0: "\(name) runs"
            case 1: "\(name) runs, restarted once"
            case let count: "\(name) runs, restarted \(count) times"
            }
        }.joined(separator: "; ")
    }
}

/// The container's own health check, as the engine reports it.
struct HealthyQuestion {
    let container: String
    /// Whether the plan knows a container of this name, so that it may still appear.
    let isPlanned: Bool

    func judge(_ status: ServiceStatus) -> Answer {
        guard let part = status.parts.first(where: { $0.name == container }) else {
            let known = status.parts.map(\.name).sorted().joined(separator: ", ")
            let saw = "no \(container) among the service's parts (\(known))"
            return isPlanned ? .notYet(saw: saw) : .hopeless(saw: saw)
        }
        switch part.health {
        case .healthy: return .good(saw: "\(container) is healthy")
        case .starting: return .notYet(saw: "the health check of \(container) is still starting")
        case .unhealthy:
            return .notYet(saw: Plain.line("\(container) is unhealthy: \(part.detail)"))
        case .none:
            guard part.isRunning else {
                return .notYet(saw: Plain.line("\(container) does not run: \(part.detail)"))
            }
            return .hopeless(saw: "\(container) has no health check to ask")
        }
    }
}

/// Whether what runs is the very release, by digest.
struct ReleaseQuestion {
    let digest: String
    /// An image that was loaded from an archive has another id in containerd's image store.
    let digests: [String]
    /// Parts that stay as they are in an upgrade run images of their own.
    let paused: Set<String>

    init(release: Release, runtime: Runtime) {
        digest = release.digest
        digests = release.digests
        guard case .containers(let settings) = runtime else {
            paused = []
            return
        }
        paused = Set(settings.containers.filter { $0.role == .paused }.map(\.name))
    }

    func judge(_ status: ServiceStatus) -> Answer {
        let asked = status.parts.filter { !paused.contains($0.name) }
        guard !asked.isEmpty else { return .notYet(saw: "no part that runs a release is there") }
        let others = asked.filter { !$0.releaseDigests.isEmpty && !runs($0) }
        if !others.isEmpty {
            let saw = others.map {
                "\($0.name) runs \($0.releaseDigests.sorted().joined(separator: " = "))"
            }
            return .hopeless(saw: Plain.line(saw.joined(separator: "; ") + ", not \(digest)"))
        }
        let silent = asked.filter { $0.releaseDigests.isEmpty }.map(\.name)
        guard silent.isEmpty else {
            return .notYet(saw: "no digest of what runs as \(silent.joined(separator: ", "))")
        }
        return .good(saw: digest)
    }

    /// A repository's digest may carry its name before it, as in `registry.example/a@sha256:…`.
    private func runs(_ part: ServiceStatus.Part) -> Bool {
        part.releaseDigests.contains { known in
            digests.contains { known == $0 || known.hasSuffix("@\($0)") }
        }
    }
}
