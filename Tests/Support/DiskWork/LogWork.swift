import EventLog
import Foundation
import GRDB
import UpgradeMachine

/// Appends of one event and of many, small ones and such as need several pages.
public enum LogWork {
    private static let release = Release(
        version: "7.1.0", reference: "studio:7.1.0", digest: "sha256:71")
    private static let plan = Plan(
        upgrade: "u1", instance: "studio",
        current: Release(version: "7.0.0", reference: "studio:7.0.0", digest: "sha256:70"),
        candidate: release,
        runtime: .host(
            settings: HostRuntime(
                directory: "/srv/studio", start: ["start"], stop: ["stop"], status: ["status"],
                logFile: nil)),
        database: .none, fence: .none, backups: "/srv/backups", checks: [], steadyFor: 0,
        limits: Limits())

    public static let planDigest = Replay.digest(of: plan)

    /// What the appends of one run are.
    private static let appends: [[Event]] = [
        [.planned(plan: plan), .began(effect: .pull(release: release))],
        [failed(excerptLines: 400)],
        [.done(receipt: .pulled(release: release, imageID: "image"), adopted: false)],
        Array(repeating: .resumed, count: 40),
        [failed(excerptLines: 40), .began(effect: .stop)],
        [.resumed],
    ]

    /// An excerpt of a log needs pages of its own.
    private static func failed(excerptLines: Int) -> Event {
        let lines = (0..<excerptLines).map { "line \($0) of what the registry said" }
        return .attemptFailed(
            step: .pull,
            failure: Failure(
                code: "busy", message: "the registry said 503", advice: "wait",
                excerpt: lines.joined(separator: "\n")))
    }

    /// Acknowledges each append by the sequence of its last event.
    public static func append(to path: String, times: Int?) throws {
        let directory = (path as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true)
        let log = try EventLog(path: path, for: .writing)
        // Elsewhere: what it leaves on the disk need not be durable.
        let locks = try FileManager.default.url(
            for: .itemReplacementDirectory, in: .userDomainMask,
            appropriateFor: FileManager.default.temporaryDirectory, create: true)
        defer { try? FileManager.default.removeItem(at: locks) }
        let lock = try InstanceLock(
            instance: plan.instance, directory: locks.path,
            holder: .init(
                pid: 42, actor: "ada", host: "server", since: "2026-11-23", command: "pawl upgrade")
        )
        let writer = try Writer(
            log: log, lock: lock,
            author: .init(
                actor: "ada", host: "server", tool: Tool(version: "1.0.0", digest: "d0")))
        for events in appends.prefix(times ?? appends.count) {
            let entries = events.map { ($0, moment) }
            do {
                let appended = try writer.append(entries, to: plan.upgrade, planDigest: planDigest)
                if let last = appended.last { Acknowledgement.give(last.sequence) }
            } catch {
                // What became of it nobody knows, so that nothing may follow it.
                let again = Result {
                    try writer.append(entries, to: plan.upgrade, planDigest: planDigest)
                }
                if case .success = again { exit(3) }
                throw error
            }
        }
    }

    private static let moment = Moment(
        wallMilliseconds: 1_795_400_047_042, monotonicNanoseconds: 0, bootID: "boot")

    /// Writes some of a log's rows into another one that has its first, under pragmas of choice.
    public static func replicate(
        _ source: String, _ target: String, journal: String, synchronous: String
    ) throws {
        var rows: [StoredEvent] = []
        try EventLog(path: source, for: .reading).forEachStoredEvent { rows.append($0) }
        let queue = try DatabaseQueue(path: target)
        try queue.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA synchronous = \(synchronous)")
            try database.execute(sql: "PRAGMA journal_mode = \(journal)")
        }
        let present = try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM event") }
        for row in rows.dropFirst(present ?? 0).prefix(6) {
            try queue.write { database in
                try database.execute(
                    sql: "INSERT INTO event VALUES (?,?,?,?,?,?,?,?,?,?)",
                    arguments: [
                        row.sequence, row.instance, row.stream, row.streamSequence, row.type,
                        row.typeVersion, row.fenceNumber, row.previousLeaf, row.body, row.leaf,
                    ])
            }
            Acknowledgement.give(row.sequence)
        }
    }
}
