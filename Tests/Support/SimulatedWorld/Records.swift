import EventLog
import Runner
import UpgradeMachine

/// The log of one upgrade, which survives the processes that write it.
final class Records: @unchecked Sendable {
    typealias Entry = (event: Event, moment: Moment)

    private(set) var entries: [Entry] = []
    /// What a log's user was told to be durable.
    private(set) var acknowledged = 0
    /// The run that the log replays to; none before there is a plan.
    private(set) var run: Run?
    private(set) var illegal: IllegalEvent?
    private let disk: LogOnDisk?

    init(_ disk: LogOnDisk?) { self.disk = disk }

    /// Has a new process take the log over.
    func takeOver() throws { try disk?.takeOver() }

    func append(_ added: [Entry]) throws {
        try disk?.append(added)
        for entry in added { keep(entry) }
    }

    private func keep(_ entry: Entry) {
        entries.append(entry)
        if case .planned(let plan) = entry.event {
            run = Run(plan)
        } else if illegal == nil {
            do throws(IllegalEvent) {
                run = try run?.evolved(by: entry.event, at: entry.moment)
            } catch {
                illegal = error
            }
        }
    }

    func acknowledge(_ count: Int) { acknowledged += count }

    /// The run as a new process reads it.
    func replayed() throws -> Run? {
        if let disk { return try disk.replayed() ?? run }
        guard let first = entries.first, case .planned(let plan) = first.event else { return nil }
        return try entries.dropFirst().reduce(Run(plan)) {
            try $0.evolved(by: $1.event, at: $1.moment)
        }
    }

    var events: [Event] { entries.map(\.event) }
}

/// One process's way into the log.
struct SimulatedLog: Journal {
    let process: Process
    let records: Records

    func append(_ entries: [Records.Entry]) throws {
        try process.append { try records.append(entries) }
    }
}

/// The real log, on a real disk.
final class LogOnDisk: @unchecked Sendable {
    private let log: EventLog
    private let lock: InstanceLock
    private let plan: Plan
    private var writer: Writer
    /// Of a process that has been taken over from.
    private var outdated: Writer?
    private(set) var acceptedOutdated = false

    init(directory: String, plan: Plan) throws {
        self.plan = plan
        log = try EventLog(path: directory + "/log.sqlite", for: .writing)
        lock = try InstanceLock(
            instance: plan.instance, directory: directory,
            holder: InstanceLock.Holder(
                pid: 1, actor: "ada", host: "server", since: "now", command: "pawl upgrade"))
        writer = try Writer(log: log, lock: lock, author: Self.author)
    }

    private static let author = Writer.Author(
        actor: "ada", host: "server", tool: Tool(version: "1.0.0", digest: "d0"))

    func takeOver() throws {
        outdated = writer
        writer = try Writer(log: log, lock: lock, author: Self.author)
    }

    func append(_ entries: [Records.Entry]) throws {
        let digest = Replay.digest(of: plan)
        try writer.append(entries, to: plan.upgrade, planDigest: digest)
        guard let outdated, outdated.fenceNumber < writer.fenceNumber else { return }
        // The process that was taken over from wakes up.
        do {
            try outdated.append(entries, to: plan.upgrade, planDigest: digest)
            acceptedOutdated = true
        } catch {
            self.outdated = nil
        }
    }

    func replayed() throws -> Run? {
        guard try !log.streams().isEmpty else { return nil }
        return try Replay(try log.entries(of: plan.upgrade)).run
    }

    func entries() throws -> [LogEntry] { try log.entries(of: plan.upgrade) }
    func verify() throws { _ = try Replay.all(of: log) }
}
