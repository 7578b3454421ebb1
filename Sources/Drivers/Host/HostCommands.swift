internal import Glibc
internal import UpgradeMachine

// Stopping and starting by the user's commands.
extension HostService {
    // MARK: Stop

    /// Present only after a stop command that ran to its end: an application that does not run
    /// without one may be just about to start, such as a unit that systemd restarts in a moment.
    func observeStop(in context: Context) async throws(Failure) -> Observation {
        guard try isNoted(stopNote, in: context), try await !isRunning(.stop, in: context) else {
            return .absent
        }
        return .present(.stopped(kept: try kept(in: context), position: nil))
    }

    func stop(in context: Context) async throws(Failure) -> Receipt {
        let kept = try kept(in: context)
        try await runStop(.stop, in: context)
        try note(stopNote, in: context)
        return .stopped(kept: kept, position: nil)
    }

    /// - Throws: `current-moved` where somebody else has switched the link since the plan was made.
    func kept(in context: Context) throws(Failure) -> Kept {
        let name = try store.current()
        guard try name == store.name(of: context.plan.current) else {
            throw Failure(
                code: "current-moved",
                message: "\(store.link) leads to \(name), which is not the plan's "
                    + "\(context.plan.current.version)",
                advice: "find out who switched it, and make a new plan", isPermanent: true)
        }
        return Kept(parts: [.init(name: Self.partName, id: name, keptAs: name)])
    }

    /// Runs the stop command, and waits until the status command says that it has stopped.
    ///
    /// The status decides, not the stop command's exit: many exit with 1 when nothing ran.
    func runStop(_ step: Step, in context: Context) async throws(Failure) {
        let deadline = ContinuousClock.now + context.plan.limits.deadline(of: step).soft.duration
        let command = command(settings.stop, step, until: deadline, in: context)
        let result = try await command.run()
        guard try await waitUntil(isRunning: false, step, until: deadline, in: context) else {
            throw Failure(
                code: "stop-failed",
                message: "the application still runs; `\(command.text)` \(result.ending)",
                advice: "stop it by hand, then go on as `pawl status` shows",
                excerpt: result.excerpt)
        }
    }

    // MARK: Start

    func observeStart(
        _ release: Release, in context: Context
    ) async throws(Failure) -> Observation {
        guard let name = try store.name(of: release), try store.current() == name else {
            guard try await isRunning(.start, in: context) else { return .absent }
            return .unknown(
                detail: "\(try store.current()), which had been stopped, runs again: somebody, or "
                    + "this host's init, has started it, and it may have written since the backup. "
                    + "As undone, the upgrade goes on with a look whether it has")
        }
        guard try await isRunning(.start, in: context) else {
            return .torn(
                detail: "\(store.link) leads to \(name), which does not run; it may have run")
        }
        // Whoever switched the link may have died before that was durable.
        try Files.syncDirectory(store.directory)
        return .present(.started(candidate: served(name)))
    }

    func start(_ release: Release, in context: Context) async throws(Failure) -> Receipt {
        guard let name = try store.name(of: release) else { throw missing(release) }
        if try store.current() == name {
            guard try await isRunning(.start, in: context) else {
                throw Failure(
                    code: "start-begun",
                    message:
                        "\(name) was started before and does not run; it may have touched data",
                    advice: "roll back with `pawl rollback --reason WHY`", isPermanent: true)
            }
            return .started(candidate: served(name))
        }
        try await runStart(name, .start, in: context)
        return .started(candidate: served(name))
    }

    func observePrevious(
        _ kept: Kept?, in context: Context
    ) async throws(Failure) -> Observation {
        let name = try previousName(kept, in: context)
        guard try store.current() == name, try await isRunning(.startPrevious, in: context) else {
            return .absent
        }
        return .present(.previousStarted(serving: served(name)))
    }

    func startPrevious(_ kept: Kept?, in context: Context) async throws(Failure) -> Receipt {
        let name = try previousName(kept, in: context)
        let receipt = Receipt.previousStarted(serving: served(name))
        if try await isRunning(.startPrevious, in: context) {
            if try store.current() == name { return receipt }
            // A start command has no effect on what runs already, such as systemd's.
            try await runStop(.startPrevious, in: context)
        }
        try await runStart(name, .startPrevious, in: context)
        return receipt
    }

    private func previousName(_ kept: Kept?, in context: Context) throws(Failure) -> String {
        let current = context.plan.current
        let planned = try store.name(of: current)
        guard let name = kept?.parts.first?.keptAs ?? planned,
            try Files.status(of: store.path(of: name))?.isDirectory == true
        else { throw missing(current) }
        return name
    }

    /// Marks the log, switches the link, runs the start command, and waits until it runs.
    private func runStart(
        _ name: String, _ step: Step, in context: Context
    ) async throws(Failure) {
        let deadline = ContinuousClock.now + context.plan.limits.deadline(of: step).soft.duration
        try Files.makeDirectory(store.notes, mode: 0o700)
        try Files.remove(startNotePath)
        // Emptied before the mark is made, or the mark would lie behind its end.
        if settings.logFile == nil { try Files.write([], to: startOutput) }
        try Files.write(try Files.json(LogMark(of: settings.logFile ?? startOutput)), to: logMark)
        try store.switchLink(to: name)

        var command = command(settings.start, step, until: deadline, in: context)
        command.outputFile = startOutput
        let tag = StepTag(upgrade: context.plan.upgrade, step: step)
        let path = startNotePath
        command.started = { id in
            // Without the note a later Pawl ends all of the start: safe, so no reason to fail.
            try? StartNote(tag: tag, process: id).write(to: path)
        }
        let result = try await command.run()
        let advice = "look at \(startOutput) and at the application's log"
        guard result.isSuccess else {
            throw Failure(
                code: "start-failed", message: "`\(command.text)` in \(name) \(result.ending)",
                advice: advice, excerpt: result.excerpt)
        }
        guard try await waitUntil(isRunning: true, step, until: deadline, in: context) else {
            throw Failure(
                code: "start-failed",
                message: "`\(command.text)` in \(name) succeeded, but the application does not run",
                advice: advice, excerpt: result.excerpt)
        }
    }

    // MARK: Remove the candidate

    /// Present once the link leads to the old release and nothing of the candidate's start is left.
    func observeRemoval(in context: Context) async throws(Failure) -> Observation {
        try isCandidateCurrent(in: context) || startTag(in: context).isCarried()
            ? .absent : .present(.candidateRemoved)
    }

    /// Stops the candidate, ends all that its start has left, and moves the link back, so that this
    /// host's init cannot start it on data that was put back; its directory stays, to be looked at,
    /// and makes the next try of the same release quick.
    func removeCandidate(in context: Context) async throws(Failure) -> Receipt {
        let previous = try previousName(nil, in: context)
        let isCurrent = try isCandidateCurrent(in: context)
        if isCurrent { try await runStop(.removeCandidate, in: context) }
        // What the status command does not see would still write to data that is about to be
        // put back: a worker, or an application that a start was just bringing up.
        try await startTag(in: context).endAll()
        if isCurrent { try store.switchLink(to: previous) }
        context.report(.note("the release directory of \(context.plan.candidate.version) stays"))
        return .candidateRemoved
    }

    /// - Throws: `current-moved` where the link leads to neither of the plan's releases: what runs
    ///   then is not this upgrade's, nor is what it has written.
    private func isCandidateCurrent(in context: Context) throws(Failure) -> Bool {
        let name = try store.current()
        if try name == store.name(of: context.plan.candidate) { return true }
        if try name == store.name(of: context.plan.current) { return false }
        throw Failure(
            code: "current-moved",
            message: "\(store.link) leads to \(name), which is neither "
                + "\(context.plan.current.version) nor \(context.plan.candidate.version)",
            advice: "find out who switched it; its data would be replaced by older data",
            isPermanent: true)
    }

    private func startTag(in context: Context) -> StepTag {
        StepTag(upgrade: context.plan.upgrade, step: .start)
    }

    // MARK: Parts

    private var stopNote: String { "\(store.notes)/stopped" }

    /// Leaves a mark that a command of this upgrade has run to its end.
    private func note(_ path: String, in context: Context) throws(Failure) {
        try Files.makeDirectory(store.notes, mode: 0o700)
        try Files.write(Array(context.plan.upgrade.utf8), to: path)
    }

    private func isNoted(_ path: String, in context: Context) throws(Failure) -> Bool {
        try Files.read(path, limitInBytes: 4096) == Array(context.plan.upgrade.utf8)
    }

    private func served(_ name: String) -> Served {
        Served(parts: [.init(name: Self.partName, id: name)])
    }

    private func missing(_ release: Release) -> Failure {
        Failure(
            code: "release-missing",
            message: "\(store.releases) holds no \(release.version) with digest \(release.digest)",
            advice:
                "put the release directory back, then "
                + "go on with `pawl resume --retry --reason WHY`",
            isPermanent: true)
    }
}
