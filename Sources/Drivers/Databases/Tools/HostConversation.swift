internal import Glibc
internal import HTTPClient
internal import Subprocess
internal import Synchronization
internal import SystemPackage
internal import UpgradeMachine

/// A client program of this host that is kept running and talked to over pipes.
final class HostConversation: ToolConversation {
    private static let lineLimitInBytes = 1 << 20
    private static let pollInMilliseconds: CInt = 200

    private struct State {
        var output: [UInt8] = []
        var standardError: [UInt8] = []
        var hasEnded = false
    }

    private let command: Command
    private let options: PasswordFile
    // One task at a time sends and receives (``DatabaseSession`` sees to it); `close` may come meanwhile,
    // and closes nothing itself: the program's end does.
    private let channels: Channels
    private let state = Mutex(State())
    private let isClosing = StopFlag()

    private init(_ command: Command, _ channels: Channels, _ options: PasswordFile) {
        self.command = command
        self.channels = channels
        self.options = options
    }

    deinit {
        channels.close()
        options.close()
    }

    /// Starts the program; it ends at the latest with the conversation, by the end of its input.
    static func start(
        _ command: Command, keeping options: PasswordFile
    ) async throws(Failure) -> HostConversation {
        let channels = try Channels(command, hasInput: true)
        let conversation = HostConversation(command, channels, options)
        let started = AsyncStream<Failure?>.makeStream()
        let isClosing = conversation.isClosing
        // Neither the task nor the process outlives the flag by much.
        Task {
            let failure = await run(command, channels, until: isClosing) {
                started.continuation.yield(nil)
            }
            started.continuation.yield(failure)
            started.continuation.finish()
        }
        for await failure in started.stream {
            if let failure { throw failure }
            return conversation
        }
        throw .interrupted(command)
    }

    private static func run(
        _ command: Command, _ channels: Channels, until isClosing: StopFlag,
        started: @escaping @Sendable () -> Void
    ) async -> Failure? {
        var platform = PlatformOptions()
        platform.createSession = true
        do {
            _ = try await Subprocess.run(
                .path(FilePath(command.arguments[0])),
                arguments: Arguments(Array(command.arguments.dropFirst())),
                environment: command.inherited, platformOptions: platform,
                input: .fileDescriptor(channels.childInput, closeAfterSpawningProcess: true),
                output: .fileDescriptor(channels.childOutput, closeAfterSpawningProcess: true),
                error: .fileDescriptor(channels.childErrors, closeAfterSpawningProcess: true)
            ) { execution in
                started()
                await ended(execution.processIdentifier.value, until: isClosing)
            }
            return nil
        } catch {
            return Failure(
                code: "command-not-started", message: "`\(command.text)`: \(error)",
                advice: "look whether the program is there and may be executed", isPermanent: true)
        }
    }

    /// Waits for the program's end, and brings it about once the conversation is over.
    private static func ended(_ id: pid_t, until isClosing: StopFlag) async {
        while true {
            // It stays a zombie until swift-subprocess reaps it, so that its id stays its own.
            var information = siginfo_t()
            let answer = waitid(P_PID, id_t(id), &information, WEXITED | WNOHANG | WNOWAIT)
            if answer != 0 || information.si_signo == SIGCHLD { return }
            if isClosing.isRaised { kill(-id, SIGKILL) }
            // The task is nobody's to stop: a sleep that fails would only make the look come sooner.
            try? await Task.sleep(for: .milliseconds(50))
        }
    }

    func send(_ text: String, within limit: Duration) async throws(Failure) {
        let deadline = ContinuousClock.now + limit
        try await Blocking.attempt { stop throws(Failure) in
            try self.write(Array(text.utf8), stop, deadline)
        }
    }

    private func write(
        _ bytes: [UInt8], _ stop: StopFlag, _ deadline: ContinuousClock.Instant
    ) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            try check(stop, deadline)
            let count = rest.withUnsafeBytes {
                Glibc.write(channels.input, $0.baseAddress, $0.count)
            }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                var waiting = pollfd(fd: channels.input, events: Int16(POLLOUT), revents: 0)
                _ = poll(&waiting, 1, Self.pollInMilliseconds)
            } else if errno == EPIPE {
                // It has ended; what it said last is read like every other line.
                return
            } else if errno != EINTR {
                throw .system("write", on: "`\(command.text)`")
            }
        }
    }

    func receiveLine(within limit: Duration) async throws(Failure) -> String? {
        let deadline = ContinuousClock.now + limit
        return try await Blocking.attempt { stop throws(Failure) in
            try self.nextLine(stop, deadline)
        }
    }

    private func nextLine(
        _ stop: StopFlag, _ deadline: ContinuousClock.Instant
    ) throws(Failure) -> String? {
        while true {
            if let line = takeLine() { return line }
            if state.withLock({ $0.hasEnded }) { return nil }
            try check(stop, deadline)
            var waiting = [
                pollfd(fd: channels.output, events: Int16(POLLIN), revents: 0),
                pollfd(fd: channels.errors, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&waiting, 2, Self.pollInMilliseconds) > 0 else { continue }
            let errors = read(channels.errors)
            let output = read(channels.output)
            state.withLock { state in
                let room = ToolEnding.standardErrorLimitInBytes - state.standardError.count
                state.standardError += (errors ?? []).prefix(max(0, room))
                state.output += output ?? []
                state.hasEnded = output == nil && errors == nil
            }
        }
    }

    /// What there is; `nil` at the end.
    private func read(_ descriptor: CInt) -> [UInt8]? {
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        let count = Glibc.read(descriptor, &chunk, chunk.count)
        if count < 0 { return errno == EAGAIN || errno == EINTR ? [] : nil }
        return count == 0 ? nil : Array(chunk[..<count])
    }

    private func takeLine() -> String? {
        state.withLock { state in
            let mark = UInt8(ascii: "\n")
            guard let end = state.output.firstIndex(of: mark) else {
                // Longer than any answer: the client has gone mad, or the question was wrong.
                if state.output.count > Self.lineLimitInBytes { state.hasEnded = true }
                return nil
            }
            defer { state.output.removeFirst(end + 1) }
            return String(decoding: state.output[..<end], as: UTF8.self)
        }
    }

    private func check(
        _ stop: StopFlag, _ deadline: ContinuousClock.Instant
    ) throws(Failure) {
        if stop.isRaised || isClosing.isRaised { throw .interrupted(command) }
        guard ContinuousClock.now < deadline else {
            throw Failure(
                code: "database-timed-out", message: "`\(command.text)` gave no answer in time",
                advice: "find out what the database waits for")
        }
    }

    var standardErrorText: String {
        command.redaction(
            state.withLock { String(decoding: $0.standardError, as: UTF8.self) })
    }

    func close() { isClosing.raise() }
}
