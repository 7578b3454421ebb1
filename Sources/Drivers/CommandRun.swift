internal import Glibc
internal import HTTPClient
internal import Subprocess
internal import SystemPackage
internal import UpgradeMachine

/// One run of a ``Command``: spawned by swift-subprocess, watched on a thread of its own.
struct CommandRun: Sendable {
    private let command: Command
    private let pull: Command.PullClosure?
    private let sink: Command.Sink?

    init(_ command: Command, pull: Command.PullClosure?, sink: Command.Sink?) {
        self.command = command
        self.pull = pull ?? command.input.map(Self.reader)
        self.sink = sink
    }

    func run() async throws(Failure) -> CommandResult {
        guard let program = command.arguments.first, !program.isEmpty else {
            throw Failure(
                code: "command-not-started", message: "a command without a program",
                advice: "name the program in the configuration", isPermanent: true)
        }
        if Task.isCancelled { throw .interrupted(command) }
        let channels = try Channels(command, hasInput: pull != nil)
        let stop = StopFlag()
        // A task of its own: swift-subprocess would kill the program at once where the task is
        // asked to stop, and leave its children; the watch ends all of them, in order.
        let task = Task { await spawned(program, channels, stop) }
        let result = await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            stop.raise()
        }
        return try result.get()
    }

    private func spawned(
        _ program: String, _ channels: Channels, _ stop: StopFlag
    ) async -> Result<CommandResult, Failure> {
        do {
            let outcome = try await Subprocess.run(
                configuration(program),
                input: .fileDescriptor(channels.childInput, closeAfterSpawningProcess: true),
                output: .fileDescriptor(channels.childOutput, closeAfterSpawningProcess: true),
                error: .fileDescriptor(channels.childErrors, closeAfterSpawningProcess: true)
            ) { execution in
                let leader = execution.processIdentifier.value
                command.started?(leader)
                return await watched(leader, channels, stop)
            }
            channels.close()
            let end: CommandResult.End =
                switch outcome.terminationStatus {
                case .exited(let status): .exited(status: Int(status))
                case .signaled(let number): .signalled(number: Int(number))
                }
            return outcome.closureResult.map {
                CommandResult(end: end, output: $0.output, errors: $0.errors)
            }
        } catch {
            channels.close()
            return .failure(notStarted(error))
        }
    }

    private func watched(
        _ leader: pid_t, _ channels: Channels, _ stop: StopFlag
    ) async -> Result<CommandWatch.Said, Failure> {
        // The whole watch moves to its thread, which alone touches it from then on.
        do throws(Failure) {
            return try await Blocking.run { _ in
                var watch = CommandWatch(
                    command: command, leader: leader, channels: channels, stop: stop,
                    pull: pull, sink: sink)
                return watch.run()
            }
        } catch {
            // Without a watch it must not go on: nobody would read it or end it.
            kill(-leader, SIGKILL)
            return .failure(error)
        }
    }

    private func configuration(_ program: String) -> Configuration {
        var options = PlatformOptions()
        options.createSession = true
        return Configuration(
            executable: executable(program),
            arguments: Arguments(Array(command.arguments.dropFirst())),
            environment: command.inherited,
            workingDirectory: command.workingDirectory.map { FilePath($0) },
            platformOptions: options)
    }

    /// A name without a slash is looked for in `PATH`; another is a path from the working directory.
    private func executable(_ program: String) -> Executable {
        guard program.contains("/") else { return .name(program) }
        guard !program.hasPrefix("/"), let directory = command.workingDirectory else {
            return .path(FilePath(program))
        }
        return .path(FilePath("\(directory)/\(program)"))
    }

    private func notStarted(_ error: any Error) -> Failure {
        let reason = (error as? SubprocessError)?.underlyingError.map { "\($0)" } ?? "\(error)"
        let place = command.workingDirectory.map { " in \($0)" } ?? ""
        return Failure(
            code: "command-not-started", message: "`\(command.text)`\(place): \(reason)",
            advice: "look whether program and directory are there, may be executed, "
                + "and a script begins with #!",
            isPermanent: true)
    }

    private static func reader(_ bytes: [UInt8]) -> Command.PullClosure {
        let rest = Unread(bytes)
        return { rest.take(into: $0) }
    }
}

/// Bytes that are taken piece by piece, on one thread.
private final class Unread: @unchecked Sendable {
    private var rest: ArraySlice<UInt8>
    init(_ bytes: [UInt8]) { rest = bytes[...] }

    func take(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let part = rest.prefix(buffer.count)
        buffer.copyBytes(from: part)
        rest = rest.dropFirst(part.count)
        return part.count
    }
}

extension Command {
    /// Pawl's own environment as the program gets it: without secrets, with what is added.
    var inherited: Environment {
        var changes: [Environment.Key: String?] = [:]
        for name in Self.withheldVariables.union(withheld) {
            changes.updateValue(nil, forKey: Environment.Key(stringLiteral: name))
        }
        for (name, value) in environment {
            changes[Environment.Key(stringLiteral: name)] = value
        }
        if let tag {
            changes[Environment.Key(stringLiteral: StepTag.variable)] = tag.value
        }
        return .inherit.updating(changes)
    }
}

extension Failure {
    /// The task around a command was asked to stop.
    static func interrupted(_ command: Command) -> Failure {
        Failure(
            code: "interrupted",
            message: "`\(command.text)` was ended, because Pawl was asked to stop",
            advice: "go on with `pawl resume`")
    }
}
