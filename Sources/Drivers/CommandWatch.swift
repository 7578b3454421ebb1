internal import Glibc
internal import HTTPClient
internal import SystemPackage
internal import UpgradeMachine

/// The two ends of a command's standard streams.
///
/// Used by one thread after the other: the one that makes them, the one that watches, the one that
/// closes them.
final class Channels: @unchecked Sendable {
    let childInput: FileDescriptor
    let childOutput: FileDescriptor
    let childErrors: FileDescriptor
    /// -1 where there is none, or not any more.
    fileprivate(set) var input: CInt = -1
    fileprivate(set) var output: CInt = -1
    fileprivate(set) var errors: CInt = -1

    init(_ command: Command, hasInput: Bool) throws(Failure) {
        var opened: [CInt] = []
        do throws(Failure) {
            if hasInput {
                let ends = try Self.pipe(&opened)
                (childInput, input) = (FileDescriptor(rawValue: ends.reading), ends.writing)
            } else {
                let null = try Self.open("/dev/null", O_RDONLY, &opened)
                childInput = FileDescriptor(rawValue: null)
            }
            if let file = command.outputFile {
                let flags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW
                let first = try Self.open(file, flags | O_TRUNC, &opened)
                let second = try Self.open(file, flags, &opened)
                childOutput = FileDescriptor(rawValue: first)
                childErrors = FileDescriptor(rawValue: second)
            } else {
                let out = try Self.pipe(&opened)
                let err = try Self.pipe(&opened)
                (childOutput, output) = (FileDescriptor(rawValue: out.writing), out.reading)
                (childErrors, errors) = (FileDescriptor(rawValue: err.writing), err.reading)
            }
        } catch {
            for descriptor in opened { Glibc.close(descriptor) }
            throw error
        }
        for descriptor in [input, output, errors] where descriptor >= 0 {
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        }
    }

    func close() {
        for end in [\Channels.input, \.output, \.errors] { close(end) }
    }

    fileprivate func close(_ end: ReferenceWritableKeyPath<Channels, CInt>) {
        if self[keyPath: end] >= 0 { Glibc.close(self[keyPath: end]) }
        self[keyPath: end] = -1
    }

    private static func pipe(
        _ opened: inout [CInt]
    ) throws(Failure) -> (reading: CInt, writing: CInt) {
        var ends: [CInt] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw .system("pipe", on: "a command") }
        opened += ends
        // Another command that starts right now is no danger: its spawn closes all from 3 up.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func open(
        _ path: String, _ flags: CInt, _ opened: inout [CInt]
    ) throws(Failure) -> CInt {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system("open", on: path) }
        opened.append(descriptor)
        return descriptor
    }
}

/// Feeds and reads a running command until it ends, or ends it; blocks its thread.
struct CommandWatch {
    struct Said: Sendable {
        let output: String
        let errors: String
    }

    /// How often the end of the program is asked for while its streams are silent.
    private static let restInMilliseconds: CInt = 10
    private static let chunkInBytes = 65_536

    let command: Command
    let leader: pid_t
    let channels: Channels
    let stop: StopFlag
    let pull: Command.PullClosure?
    let sink: Command.Sink?

    private var output: OutputTail
    private var errors: OutputTail
    private var unwritten: ArraySlice<UInt8> = []
    private var chunk = [UInt8](repeating: 0, count: chunkInBytes)
    private var broken: Failure?

    init(
        command: Command, leader: pid_t, channels: Channels, stop: StopFlag,
        pull: Command.PullClosure?, sink: Command.Sink?
    ) {
        self.command = command
        self.leader = leader
        self.channels = channels
        self.stop = stop
        self.pull = pull
        self.sink = sink
        output = OutputTail(limitInBytes: command.outputLimitInBytes)
        errors = output
    }

    mutating func run() -> Result<Said, Failure> {
        let clock = ContinuousClock()
        let deadline = clock.now + command.limit
        while broken == nil {
            // Asked first, so that all it wrote before its end is read after it.
            let hasEnded = hasLeaderEnded()
            exchange(waiting: !hasEnded)
            if hasEnded { break }
            if stop.isRaised { broken = .interrupted(command) }
            if clock.now >= deadline { broken = timedOut }
        }
        guard let broken else { return .success(said) }
        return .failure(endSession(because: broken))
    }

    private var said: Said {
        guard let file = command.outputFile else {
            return Said(
                output: output.text(command.redaction), errors: errors.text(command.redaction))
        }
        return Said(output: "", errors: Self.tail(of: file, command))
    }

    /// The leader stays a zombie for swift-subprocess to reap, so its id cannot be another's.
    private func hasLeaderEnded() -> Bool {
        var information = siginfo_t()
        let answer = waitid(
            P_PID, id_t(leader), &information, WEXITED | WNOHANG | WNOWAIT)
        return answer != 0 || information.si_signo == SIGCHLD
    }

    private mutating func exchange(waiting: Bool) {
        if unwritten.isEmpty { refill() }
        var polled = [
            pollfd(fd: channels.output, events: Int16(POLLIN), revents: 0),
            pollfd(fd: channels.errors, events: Int16(POLLIN), revents: 0),
            pollfd(
                fd: unwritten.isEmpty ? -1 : channels.input, events: Int16(POLLOUT), revents: 0),
        ]
        guard poll(&polled, 3, waiting ? Self.restInMilliseconds : 0) > 0 else { return }
        if polled[0].revents != 0 { read(\.output) }
        if polled[1].revents != 0 { read(\.errors) }
        if polled[2].revents != 0 { write() }
    }

    private mutating func read(_ end: ReferenceWritableKeyPath<Channels, CInt>) {
        // At most what a pipe holds: one that a background process fills has no end.
        for _ in 0..<16 {
            let count = Glibc.read(channels[keyPath: end], &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return }
            guard count > 0 else { return channels.close(end) }
            take(chunk[..<count], from: end)
            if broken != nil || count < chunk.count { return }
        }
    }

    private mutating func take(
        _ part: ArraySlice<UInt8>, from end: ReferenceWritableKeyPath<Channels, CInt>
    ) {
        part.withUnsafeBytes { bytes in
            guard end == \.output else { return errors.append(bytes) }
            guard let sink else { return output.append(bytes) }
            do { try sink(bytes) } catch { broken = streamFailed(error, "output") }
        }
    }

    private mutating func refill() {
        guard channels.input >= 0, let pull else { return }
        var part = [UInt8](repeating: 0, count: Self.chunkInBytes)
        do {
            let count = try part.withUnsafeMutableBytes { try pull($0) }
            unwritten = part[..<count]
            if count == 0 { channels.close(\.input) }
        } catch {
            broken = streamFailed(error, "input")
        }
    }

    private mutating func write() {
        let count = unwritten.withUnsafeBytes {
            Glibc.write(channels.input, $0.baseAddress, $0.count)
        }
        if count >= 0 { unwritten = unwritten.dropFirst(count) }
        guard count < 0, errno != EINTR, errno != EAGAIN else { return }
        // It does not want the rest (EPIPE): its exit status tells whether that is an error.
        unwritten = []
        channels.close(\.input)
    }

    /// Ends the program and all its children, and proves them gone.
    private func endSession(because failure: Failure) -> Failure {
        let session = leader
        let polite = stop.isRaised ? min(command.grace, .milliseconds(500)) : command.grace
        let survivors = Sessions.endNow(grace: polite, stop: StopFlag()) {
            Sessions.processes().filter { $0.session == session && $0.isAlive }
        }
        guard survivors.isEmpty else { return .processSurvives(survivors) }
        let said = said
        let excerpt = said.errors.isEmpty ? said.output : said.errors
        return Failure(
            code: failure.code, message: failure.message, advice: failure.advice,
            excerpt: failure.excerpt ?? (excerpt.isEmpty ? nil : excerpt),
            isPermanent: failure.isPermanent)
    }

    private var timedOut: Failure {
        Failure(
            code: "command-timed-out",
            message: "`\(command.text)` had not ended after \(command.limit), and was ended",
            advice: "find out what it waits for, or allow it more time")
    }

    private func streamFailed(_ error: any Error, _ stream: String) -> Failure {
        (error as? Failure)
            ?? Failure(
                code: "command-stream", message: "\(stream) of `\(command.text)`: \(error)",
                advice: "look at what took its \(stream)")
    }

    private static func tail(of file: String, _ command: Command) -> String {
        // For people only; the command's end does not depend on it.
        let bytes =
            (try? LogFile.tail(of: file, from: 0, limitInBytes: command.outputLimitInBytes + 4096))
            ?? []
        var tail = OutputTail(limitInBytes: command.outputLimitInBytes)
        bytes.withUnsafeBytes { tail.append($0) }
        return tail.text(command.redaction)
    }
}
