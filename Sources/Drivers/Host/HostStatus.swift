internal import Glibc
internal import UpgradeMachine

// Asking the user's status command, and what commands of one service have in common.
extension HostService {
    struct StatusAnswer {
        let isRunning: Bool
        /// The first line that it printed.
        let words: String
    }

    /// A status command that has not answered by then has hung.
    private static let statusLimit = Duration.seconds(30)
    private static let pause = Duration.milliseconds(100)

    func isRunning(_ step: Step, in context: Context) async throws(Failure) -> Bool {
        try await statusAnswer(step, in: context).isRunning
    }

    /// - Parameter step: Whose tag the command carries; none for a look beside the steps.
    func statusAnswer(
        _ step: Step?, in context: Context
    ) async throws(Failure) -> StatusAnswer {
        var command = Command(settings.status, in: store.link, limit: Self.statusLimit)
        command.outputLimitInBytes = context.plan.limits.capturedOutputInBytes
        // A start's tag would make a status command look like a part of the application.
        if let step, step != .start, step != .startPrevious {
            command.tag = StepTag(upgrade: context.plan.upgrade, step: step)
        }
        let result = try await command.run()
        let words = result.output.split(separator: "\n").first.map { String($0.prefix(200)) } ?? ""
        switch result.end {
        case .exited(0): return StatusAnswer(isRunning: true, words: words)
        case .exited(1...3): return StatusAnswer(isRunning: false, words: words)
        default:
            throw Failure(
                code: "status-unknown", message: "`\(command.text)` \(result.ending)",
                advice: "it must exit with 0 where the application runs and with 1 to 3 where not",
                excerpt: result.excerpt)
        }
    }

    /// Asks until the answer is the wanted one; false when the deadline has passed.
    func waitUntil(
        isRunning wanted: Bool, _ step: Step, until deadline: ContinuousClock.Instant,
        in context: Context
    ) async throws(Failure) -> Bool {
        while try await isRunning(step, in: context) != wanted {
            guard ContinuousClock.now < deadline else { return false }
            do {
                try await Task.sleep(for: Self.pause)
            } catch {
                throw Failure(
                    code: "interrupted",
                    message: "waiting for the application was ended on request",
                    advice: "go on with `pawl resume`")
            }
        }
        return true
    }

    func command(
        _ arguments: [String], _ step: Step, until deadline: ContinuousClock.Instant,
        in context: Context
    ) -> Command {
        let rest = max(.milliseconds(1), deadline - ContinuousClock.now)
        var command = Command(arguments, in: store.link, limit: rest)
        command.tag = StepTag(upgrade: context.plan.upgrade, step: step)
        command.outputLimitInBytes = context.plan.limits.capturedOutputInBytes
        return command
    }

    // MARK: Which process a start is

    var startNotePath: String { "\(store.notes)/start-process.json" }

    func startNote(of tag: StepTag) throws(Failure) -> StartNote? {
        guard let bytes = try Files.read(startNotePath, limitInBytes: 4096) else { return nil }
        let note = try Files.decoded(StartNote.self, from: bytes, path: startNotePath)
        return note.tag == tag.value ? note : nil
    }
}

/// The start command's own process, which what it starts is told from.
struct StartNote: Codable, Hashable {
    let tag: String
    let process: Int32
    /// None where it had ended before it could be looked at.
    let startTicks: UInt64?

    init(tag: StepTag, process: Int32) {
        self.tag = tag.value
        self.process = process
        startTicks = Sessions.process(process)?.startTicks
    }

    /// After a reboot ticks begin anew, and whatever has that id is another process or, at worst,
    /// is taken for the command; only what carries the tag is ever ended.
    var hasEnded: Bool {
        guard let now = Sessions.process(process), now.isAlive else { return true }
        return now.startTicks != startTicks
    }

    func write(to path: String) throws(Failure) { try Files.write(try Files.json(self), to: path) }
}
