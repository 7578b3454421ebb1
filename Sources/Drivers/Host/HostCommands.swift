internal import Glibc
internal import UpgradeMachine

// Stopping and starting by the user's commands.
extension HostService {
    // MARK: Stop

    func stop(in context: Context) async throws(Failure) -> Receipt {
        let kept = try kept(in: context)
        try await runStop(.stop, in: context)
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
    private func runStop(_ step: Step, in context: Context) async throws(Failure) {
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
            return .absent
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
        if try store.current() == name, try await isRunning(.startPrevious, in: context) {
            return receipt
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

    /// Present only after a removal that ran to its end: a stop command that has not run may leave
    /// something that is just about to start, such as a unit that systemd restarts in a moment.
    func observeRemoval(in context: Context) async throws(Failure) -> Observation {
        guard try await isCandidateCurrent(in: context) else {
            return startTag(in: context).isCarried() ? .absent : .present(.candidateRemoved)
        }
        let note = try Files.read(removalNote, limitInBytes: 4096)
        guard note == Array(context.plan.upgrade.utf8), !startTag(in: context).isCarried(),
            try await !isRunning(.removeCandidate, in: context)
        else { return .absent }
        return .present(.candidateRemoved)
    }

    /// Stops the candidate, and ends all that its start has left; its directory stays, to be looked
    /// at, and makes the next try of the same release quick.
    func removeCandidate(in context: Context) async throws(Failure) -> Receipt {
        let isCurrent = try await isCandidateCurrent(in: context)
        if isCurrent { try await runStop(.removeCandidate, in: context) }
        // What the status command does not see would still write to data that is about to be
        // put back: a worker, or an application that a start was just bringing up.
        try await startTag(in: context).endAll()
        if isCurrent {
            try Files.makeDirectory(store.notes, mode: 0o700)
            try Files.write(Array(context.plan.upgrade.utf8), to: removalNote)
        }
        context.report(.note("the release directory of \(context.plan.candidate.version) stays"))
        return .candidateRemoved
    }

    private func isCandidateCurrent(in context: Context) async throws(Failure) -> Bool {
        guard let name = try store.name(of: context.plan.candidate) else { return false }
        return try store.current() == name
    }

    private func startTag(in context: Context) -> StepTag {
        StepTag(upgrade: context.plan.upgrade, step: .start)
    }

    private var removalNote: String { "\(store.notes)/candidate-removed" }

    // MARK: Parts

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
