internal import HTTPClient

/// A command for a running container.
///
/// Its descriptions leave the values of the environment out, since one may be a password.
public struct ExecCommand: Sendable {
    /// The program and its arguments; no shell reads them.
    public var arguments: [String]
    public var environment: [String: String]
    /// User name or id, with `:GROUP` where wanted; `nil` is the container's own.
    public var user: String?
    public var workingDirectory: String?

    public init(
        _ arguments: [String], environment: [String: String] = [:], user: String? = nil,
        workingDirectory: String? = nil
    ) {
        self.arguments = arguments
        self.environment = environment
        self.user = user
        self.workingDirectory = workingDirectory
    }

    func body(attachesInput: Bool) -> JSONValue {
        var body: JSONValue = [
            "AttachStdin": .bool(attachesInput), "AttachStdout": true, "AttachStderr": true,
            "Tty": false, "Cmd": JSONValue(arguments),
            "Env": JSONValue(environment.map { "\($0.key)=\($0.value)" }.sorted()),
        ]
        if let user { body["User"] = .string(user) }
        if let workingDirectory { body["WorkingDir"] = .string(workingDirectory) }
        return body
    }
}

extension ExecCommand: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "ExecCommand(\(arguments))" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["arguments": arguments]) }
}

/// What the engine knows of a command.
public struct ExecDetails: Sendable, Equatable {
    public let id: String
    public let containerID: String
    public let isRunning: Bool
    /// `nil` while it runs, and where it never began.
    public let exitCode: Int?
    /// On the engine's host; 0 where it does not run.
    public let processID: Int
}

/// How a command ended.
public struct ExecOutcome: Sendable, Equatable {
    public let execID: String
    public let exitCode: Int
    /// The first bytes of its standard error, up to the limit that was given.
    public let standardError: [UInt8]
    public let isStandardErrorTruncated: Bool
    public let outputSizeInBytes: Int64
    /// What was written to its standard input; the command need not have read it.
    public let inputSizeInBytes: Int64
    /// Whether the command ended before all of its input was written.
    public let wasInputRefused: Bool

    public var standardErrorText: String { String(decoding: standardError, as: UTF8.self) }
}

/// What a command may use.
public struct ExecLimits: Sendable {
    /// From its start to its end.
    public var whole: Duration
    /// What is kept of its standard error; what is more is read and dropped.
    public var standardErrorInBytes: Int

    public init(whole: Duration, standardErrorInBytes: Int = 64 << 10) {
        self.whole = whole
        self.standardErrorInBytes = standardErrorInBytes
    }
}

extension DockerEngine {
    /// Prepares a command in a running container, without a terminal.
    ///
    /// Source: `POST /containers/{id}/exec`, Docker Engine API 1.40.
    ///
    /// - Parameter attachesInput: Whether it gets a standard input; without one it reads the end at
    ///   once.
    /// - Returns: Its id, which the engine keeps until the container is gone, or a while after its
    ///   end.
    /// - Throws: ``DockerError/conflict(_:message:)`` where the container does not run or is
    ///   paused.
    public func createExec(
        in container: String, _ command: ExecCommand, attachesInput: Bool
    ) async throws(DockerError) -> String {
        var call = Call(.post, "containers", container, "exec", what: "container \(container)")
        call.body = command.body(attachesInput: attachesInput)
        return try await document(call, expecting: 201).required(
            call.what, "Id", as: \.stringValue)
    }

    /// Reads whether a command runs, and how it ended.
    ///
    /// Source: `GET /exec/{id}/json`, Docker Engine API 1.40.
    ///
    /// - Throws: ``DockerError/notFound(_:message:)`` where the engine has forgotten it.
    public func inspectExec(_ id: String) async throws(DockerError) -> ExecDetails {
        let call = Call(.get, "exec", id, "json", what: "exec \(id.prefix(12))")
        let raw = try await document(call)
        let isRunning = try raw.required(call.what, "Running", as: \.boolValue)
        return ExecDetails(
            id: id, containerID: raw["ContainerID"]?.stringValue ?? "", isRunning: isRunning,
            exitCode: isRunning ? nil : raw["ExitCode"]?.integerValue.map { Int($0) },
            processID: Int(raw["Pid"]?.integerValue ?? 0))
    }

    /// Runs a command in a container to its end: input from a closure, output into a sink.
    ///
    /// The engine cannot end a command: where the task is stopped or the limit is over, the streams
    /// are cut, and the process inside ends by itself (at the end of its input, or when it next
    /// writes) or not. Whoever must know finds it by the environment it was given.
    ///
    /// Input and output run on two threads, so neither waits for the other. The pull closure has to
    /// return: while it waits, nothing can stop it.
    ///
    /// Source: `POST /exec/{id}/start`, Docker Engine API 1.40, on a connection taken over;
    /// `GET /exec/{id}/json` for the exit code.
    ///
    /// - Parameters:
    ///   - input: Fills a buffer, answers 0 at the end; without it there is no standard input.
    ///   - output: Called on the reading thread with each piece of standard output.
    /// - Throws: ``DockerError``; an exit code other than 0 is no error.
    public func runExec(
        in container: String, _ command: ExecCommand, limits: ExecLimits,
        input: (@Sendable (UnsafeMutableRawBufferPointer) throws -> Int)? = nil,
        output: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void = { _ in }
    ) async throws(DockerError) -> ExecOutcome {
        let id = try await createExec(in: container, command, attachesInput: input != nil)
        return try await runExec(id, limits: limits, input: input, output: output)
    }

    /// Runs a command that ``createExec(in:_:attachesInput:)`` prepared; once only.
    public func runExec(
        _ id: String, limits: ExecLimits,
        input: (@Sendable (UnsafeMutableRawBufferPointer) throws -> Int)? = nil,
        output: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void = { _ in }
    ) async throws(DockerError) -> ExecOutcome {
        let pump = ExecPump(
            connection: try await openExec(id), what: "exec \(id.prefix(12))", limits: limits)
        async let writing = write(input, with: pump)
        let reading = await read(with: pump, besideInput: input != nil, output)
        pump.connection.end()
        let written = await writing
        // Where the caller's input failed, the reader only saw the connection go.
        if case .failure(.bodyFailed(let what, let underlying)) = written {
            throw .bodyFailed(what, underlying: underlying)
        }
        let read = try reading.get()
        let input = try written.get()
        let exitCode = try await exitCode(ofExec: id)
        return ExecOutcome(
            execID: id, exitCode: exitCode, standardError: read.standardError,
            isStandardErrorTruncated: read.isStandardErrorTruncated,
            outputSizeInBytes: read.outputSizeInBytes, inputSizeInBytes: input.sizeInBytes,
            wasInputRefused: input.wasRefused)
    }

    private func write(
        _ input: (@Sendable (UnsafeMutableRawBufferPointer) throws -> Int)?, with pump: ExecPump
    ) async -> Result<ExecPump.Written, DockerError> {
        guard let input else { return .success(ExecPump.Written()) }
        return await onThread(pump.what) { stop in
            Result { () throws(DockerError) in try pump.write(from: input, until: stop) }
        }
    }

    private func read(
        with pump: ExecPump, besideInput hasInput: Bool,
        _ output: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
    ) async -> Result<ExecPump.Read, DockerError> {
        await onThread(pump.what) { stop in
            Result { () throws(DockerError) in
                try pump.read(into: output, besideInput: hasInput, until: stop)
            }
        }
    }

    func onThread<Value: Sendable>(
        _ what: String, _ work: @escaping @Sendable (StopFlag) -> Result<Value, DockerError>
    ) async -> Result<Value, DockerError> {
        do {
            return try await onOwnThread(work)
        } catch {
            return .failure(self.error(error, what))
        }
    }

    /// Begins a command and takes the connection over.
    func openExec(_ id: String) async throws(DockerError) -> RawConnection {
        var call = Call(.post, "exec", id, "start", what: "exec \(id.prefix(12))")
        call.body = ["Detach": false, "Tty": false]
        let request = try await request(for: call)
        let taken: TakenOver
        do {
            taken = try await http.takeOver(request)
        } catch {
            throw self.error(error, call.what)
        }
        switch taken {
        case .connection(let connection): return connection
        case .refused(let answer): throw Self.refusal(answer, call)
        }
    }

    /// The exit code, once the engine has noticed the end; its streams end a little earlier.
    func exitCode(ofExec id: String) async throws(DockerError) -> Int {
        let limit = Duration.seconds(30)
        let started = ContinuousClock.now
        var pause = Duration.milliseconds(10)
        while true {
            let details = try await inspectExec(id)
            if !details.isRunning {
                guard let code = details.exitCode else {
                    throw .endedEarly("exec \(id.prefix(12))", reason: "it has no exit code")
                }
                return code
            }
            guard .now - started < limit else {
                throw .timedOut("end of exec \(id.prefix(12)) after its streams", after: limit)
            }
            do {
                try await Task.sleep(for: pause)
            } catch {
                throw .stopped("exec \(id.prefix(12))")
            }
            pause = min(pause * 2, .milliseconds(500))
        }
    }
}
