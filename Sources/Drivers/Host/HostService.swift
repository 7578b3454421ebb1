internal import Glibc
public import UpgradeMachine

/// An application that this host runs by itself: releases side by side, a `current` link, and the
/// user's commands to start and stop it.
///
/// The link moves to the candidate before its start command runs, and back once a rollback has
/// stopped it; nothing else moves it. So a link at the old release proves that the candidate has not
/// been started, or has been stopped again. This host's init may start whatever the link leads to at
/// any time, after a reboot for one: each step looks whether something runs that should not.
public struct HostService: Service {
    /// What is run, and how the world is looked at.
    let settings: HostRuntime
    let store: ReleaseStore

    public init(settings: HostRuntime) {
        self.settings = settings
        store = ReleaseStore(directory: settings.directory)
    }

    // MARK: Planning

    /// The release that serves now, as a plan names it.
    ///
    /// Its reference is its directory. Its digest is its archive's where Pawl unpacked it, and
    /// otherwise one over all files in it. Blocks; honours the stop of the task it is called in.
    ///
    /// - Throws: `no-current-release` where `current` does not lead to a release.
    public static func currentRelease(_ settings: HostRuntime) throws(Failure) -> Release {
        let store = ReleaseStore(directory: settings.directory)
        let name = try store.current()
        let path = store.path(of: name)
        if let marker = try store.marker(in: name) {
            return Release(version: marker.version, reference: path, digest: marker.digest)
        }
        let digest = try ReleaseTree.digest(of: path, isStopped: { Task.isCancelled })
        return Release(version: name, reference: path, digest: digest)
    }

    /// The release that an archive would bring.
    ///
    /// Blocks while it reads the archive; honours the stop of the task it is called in.
    public static func candidate(
        archive: String, version: String
    ) throws(Failure) -> Release {
        let version = try ReleaseStore.checked(version)
        let digest = try ReleaseArchive.digest(of: archive, isStopped: { Task.isCancelled })
        return Release(version: version, reference: archive, digest: digest)
    }

    /// Reads a release's archive through, so that a damaged one is refused before anything begins.
    ///
    /// - Parameter limit: How long that may take.
    /// - Throws: `bad-archive` where it cannot be unpacked or would write outside its directory.
    public static func examine(_ release: Release, limit: Seconds) async throws(Failure) {
        try await ReleaseArchive(path: release.reference, limit: limit.duration, tag: nil)
            .checkEntries()
    }

    // MARK: Driver

    /// Ends what a dead Pawl left running for the effect, found by its tag.
    ///
    /// The application inherits the tag of the start command that started it, and must live on. So
    /// a start notes its command's process; while that runs, the start has not ended, and all that
    /// carries its tag is half a start and goes with it. When it has ended, what still carries the
    /// tag is the application. Without a note (Pawl died between the spawn and the note) nobody can
    /// tell, and all of it is ended: the upgrade then turns around, which is safe.
    public func endLeftovers(of effect: Effect, in context: Context) async throws(Failure) {
        let tag = StepTag(upgrade: context.plan.upgrade, step: effect.step)
        switch effect.step {
        case .start, .startPrevious:
            if try startNote(of: tag)?.hasEnded == true { return }
            try await tag.endAll()
        default:
            try await tag.endAll()
        }
    }

    public func observe(
        _ effect: Effect, in context: Context
    ) async throws(Failure) -> Observation {
        switch effect {
        case .pull(let release): return try observePull(release, in: context)
        case .stop: return try await observeStop(in: context)
        case .start(let release): return try await observeStart(release, in: context)
        case .tidy: return try store.partials().isEmpty ? .present(.tidied(removed: [])) : .absent
        case .removeCandidate: return try await observeRemoval(in: context)
        case .startPrevious(let kept): return try await observePrevious(kept, in: context)
        default: throw .notAServicesMatter(effect)
        }
    }

    public func perform(_ effect: Effect, in context: Context) async throws(Failure) -> Receipt {
        switch effect {
        case .pull(let release): return try await pull(release, in: context)
        case .stop: return try await stop(in: context)
        case .start(let release): return try await start(release, in: context)
        case .tidy: return try await tidy()
        case .removeCandidate: return try await removeCandidate(in: context)
        case .startPrevious(let kept): return try await startPrevious(kept, in: context)
        default: throw .notAServicesMatter(effect)
        }
    }

    public func clear(_ effect: Effect, in context: Context) async throws(Failure) {
        switch effect {
        case .pull(let release): try await clearPull(release, in: context)
        // The others leave no half that is in the way of doing them again.
        default: return
        }
    }

    // MARK: Service

    public func status(in context: Context) async throws(Failure) -> ServiceStatus {
        let name = try store.current()
        let answer = try await statusAnswer(nil, in: context)
        return ServiceStatus(parts: [
            ServiceStatus.Part(
                name: Self.partName, isRunning: answer.isRunning, restarts: 0, health: .none,
                releaseDigests: try digests(of: name, in: context),
                detail: answer.words.isEmpty ? name : "\(name): \(answer.words)")
        ])
    }

    /// A directory without a marker is known by its place: what an application writes into its own
    /// release does not make it another release.
    private func digests(of name: String, in context: Context) throws(Failure) -> [String] {
        if let marker = try store.marker(in: name) { return [marker.digest] }
        let current = context.plan.current
        return try store.name(of: current) == name ? [current.digest] : []
    }

    public func log(
        in context: Context, limitInBytes: Int
    ) async throws(Failure) -> ServiceLog {
        let path = settings.logFile ?? startOutput
        var start = 0
        if let bytes = try Files.read(logMark, limitInBytes: 65_536) {
            let mark = try Files.decoded(LogMark.self, from: bytes, path: logMark)
            if mark.path == path { start = try mark.beginning() }
        }
        let size = max(0, Int(try Files.followed(path)?.st_size ?? 0) - start)
        let bytes = try LogFile.tail(of: path, from: start, limitInBytes: limitInBytes)
        return ServiceLog(
            lines: LogFile.lines(of: bytes, isCut: bytes.count < size), sizeInBytes: size)
    }

    public func missingOfPrevious(in context: Context) async throws(Failure) -> [String] {
        let current = context.plan.current
        return try store.name(of: current) == nil
            ? ["the directory of \(current.version) in \(store.releases)"] : []
    }

    /// Stops what somebody else has started since: this host's init, for one.
    public func keepStopped(for step: Step, in context: Context) async throws(Failure) {
        guard try await isRunning(step, in: context) else { return }
        context.report(.note("the application was started meanwhile, and is stopped again"))
        try await runStop(step, in: context)
    }

    // MARK: Notes

    static let partName = "current"

    /// What the start command, and what it left in the background, have printed.
    var startOutput: String { "\(store.notes)/start-output.log" }
    var logMark: String { "\(store.notes)/log-mark.json" }
}

extension Failure {
    fileprivate static func notAServicesMatter(_ effect: Effect) -> Failure {
        Failure(
            code: "wrong-driver",
            message: "the host's service was asked for \(effect.step.rawValue)",
            advice: "this is a defect of Pawl: please report it", isPermanent: true)
    }
}
