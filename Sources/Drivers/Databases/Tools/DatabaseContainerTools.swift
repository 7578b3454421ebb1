internal import DockerEngine
internal import UpgradeMachine

/// The client programs inside the database's own container, through the engine's `exec`.
///
/// The password travels in the environment of the exec, inside the container that holds it anyway
/// (`MYSQL_PWD`, `PGPASSWORD`); the engine's list of processes shows arguments, and they never hold
/// it.
struct DatabaseContainerTools: DatabaseTools {
    let engine: DockerEngine
    let container: String

    var place: String { "container \(container)" }

    private static let shortLimit = Duration.seconds(20)
    /// For a path, or the ids of processes.
    private static let listLimitInBytes = 64 << 10

    func locate(_ names: [String]) async throws(Failure) -> String {
        try await requireRunning()
        let script = #"for n in "$@"; do command -v "$n" && exit 0; done; exit 127"#
        let (status, output) = try await shell(script, names)
        let path = output.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        guard status == 0, !path.isEmpty else {
            throw .noClientTools(names, place: place)
        }
        return path
    }

    /// What cannot be found in a container that is not there yet is not missing from it.
    private func requireRunning() async throws(Failure) {
        do throws(DockerError) {
            guard try await !engine.inspectContainer(container).state.isRunning else { return }
        } catch {
            throw failure(error, "look at \(place)")
        }
        throw Failure(
            code: "database-container-stopped", message: "\(place) does not run",
            advice: "start the database's container: docker start \(container)")
    }

    func run(
        _ call: ToolCall, pull: Command.PullClosure?, sink: @escaping Command.Sink
    ) async throws(Failure) -> ToolEnding {
        let limits = ExecLimits(
            whole: call.limit, standardErrorInBytes: ToolEnding.standardErrorLimitInBytes)
        do {
            let outcome = try await engine.runExec(
                in: container, command(call), limits: limits, input: pull, output: sink)
            return ToolEnding(
                text: "exited with \(outcome.exitCode)", isSuccess: outcome.exitCode == 0,
                standardError: outcome.standardErrorText)
        } catch {
            // Cut streams do not end a program in the container.
            if let tag = call.tag { try await endInAnyCase(tag) }
            throw failure(error, call.text)
        }
    }

    func converse(_ call: ToolCall) async throws(Failure) -> any ToolConversation {
        do {
            let conversation = try await engine.converse(
                in: container, command(call),
                standardErrorLimitInBytes: ToolEnding.standardErrorLimitInBytes)
            return ContainerConversation(
                conversation: conversation, tools: self, action: call.text)
        } catch {
            throw failure(error, call.text)
        }
    }

    private func command(_ call: ToolCall) -> ExecCommand {
        var environment = call.family.environment(password: call.password)
        if let tag = call.tag { environment[StepTag.variable] = tag.value }
        return ExecCommand(
            call.family.arguments(of: call, passwordFile: nil), environment: environment)
    }

    // MARK: Leftovers

    /// Kills what carries the tag and prints its ids; nothing printed is nothing found.
    ///
    /// The environment is read line by line, or a tag would be found inside another value.
    private static let killScript = #"""
        command -v tr >/dev/null || exit 3
        for d in /proc/[0-9]*; do
          case "
        $(tr '\0' '\n' <"$d/environ" 2>/dev/null)
        " in *"
        $1
        "*) kill -9 "${d#/proc/}"; echo "${d#/proc/}";; esac
        done
        """#

    func endPrograms(of tag: StepTag) async throws(Failure) {
        let deadline = ContinuousClock.now + .seconds(10)
        var found = ""
        repeat {
            do throws(DockerError) {
                guard try await engine.inspectContainer(container).state.isRunning else { return }
            } catch {
                if case .notFound = error { return }
                throw failure(error, "look for leftovers")
            }
            let entry = "\(StepTag.variable)=\(tag.value)"
            let (status, output) = try await shell(Self.killScript, [entry])
            guard status == 0 else {
                throw Failure(
                    code: "leftovers-unknown",
                    message: "looking for leftovers of \(tag.value) in \(place) exited with "
                        + "\(status)",
                    advice: "see that no client program runs there, then go on as "
                        + "`pawl status` shows")
            }
            found = output.split(whereSeparator: \.isNewline).joined(separator: ", ")
            if found.isEmpty { return }
        } while ContinuousClock.now < deadline
        throw Failure(
            code: "process-survives",
            message: "still there after SIGKILL in \(place): \(found)",
            advice: "look what they wait for, or restart the container")
    }

    /// Also where the task around was asked to stop.
    private func endInAnyCase(_ tag: StepTag) async throws(Failure) {
        let task = Task { () -> Result<Void, Failure> in
            do throws(Failure) {
                return .success(try await endPrograms(of: tag))
            } catch {
                return .failure(error)
            }
        }
        try await task.value.get()
    }

    private func shell(
        _ script: String, _ arguments: [String]
    ) async throws(Failure) -> (status: Int, output: String) {
        let collected = ToolOutput(limitInBytes: Self.listLimitInBytes)
        do {
            let outcome = try await engine.runExec(
                in: container, ExecCommand(["sh", "-c", script, "sh"] + arguments),
                limits: ExecLimits(whole: Self.shortLimit), output: { collected.take($0) })
            return (outcome.exitCode, collected.text)
        } catch {
            throw failure(error, "sh in \(place)")
        }
    }

    fileprivate func failure(_ error: DockerError, _ action: String) -> Failure {
        switch error {
        case .bodyFailed(_, let underlying as Failure):
            return underlying
        case .notFound:
            return Failure(
                code: "database-container-missing", message: "\(place): \(error)",
                advice: "correct the container's name in the configuration, or create it",
                isPermanent: true)
        case .conflict:
            return Failure(
                code: "database-container-stopped", message: "\(place): \(error)",
                advice: "start the database's container: docker start \(container)")
        case .unreachable:
            return Failure(
                code: "engine-unreachable", message: "\(place): \(error)",
                advice: "start the engine, or correct its address in the configuration")
        case .timedOut:
            return Failure(
                code: "database-timed-out", message: "\(action) in \(place): \(error)",
                advice: "find out what the database waits for, or allow it more time")
        case .stopped:
            return Failure(
                code: "interrupted", message: "\(action) in \(place): \(error)",
                advice: "go on with `pawl resume`")
        default:
            return Failure(
                code: "database-connection-lost", message: "\(action) in \(place): \(error)",
                advice: "look whether engine and container still run")
        }
    }
}

private struct ContainerConversation: ToolConversation {
    let conversation: ExecConversation
    let tools: DatabaseContainerTools
    let action: String

    func send(_ text: String, within limit: Duration) async throws(Failure) {
        do throws(DockerError) {
            try await conversation.send(text, within: limit)
        } catch {
            throw tools.failure(error, action)
        }
    }

    func receiveLine(within limit: Duration) async throws(Failure) -> String? {
        do throws(DockerError) {
            return try await conversation.receiveLine(within: limit)
        } catch {
            throw tools.failure(error, action)
        }
    }

    var standardErrorText: String { conversation.standardErrorText }

    func close() { conversation.close() }
}
