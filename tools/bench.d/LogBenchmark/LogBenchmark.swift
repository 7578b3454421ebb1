import EventLog
import Foundation
import Runner
import UpgradeMachine

/// Measures the event log: `LogBenchmark append|fill|bodies|replay FILE COUNT`, figures on stdout.
///
/// `append`: one durable transaction an event. `fill`: the same events, 1,000 a transaction.
/// `bodies`: writes the bodies of a log's events, for a program of others to insert.
/// `replay`: verifies the chain and folds every upgrade.
@main
struct LogBenchmark {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let count = Int(arguments[3]) else {
            print("usage: LogBenchmark append|fill|bodies|replay FILE COUNT")
            exit(64)
        }
        switch arguments[1] {
        case "append": try await append(to: arguments[2], count, perTransaction: 1)
        case "fill": try await append(to: arguments[2], count, perTransaction: 1000)
        case "bodies": try bodies(of: arguments[2])
        default: try replay(arguments[2])
        }
    }

    private static func append(to path: String, _ count: Int, perTransaction: Int) async throws {
        let log = try EventLog(path: path, for: .writing)
        let lock = try InstanceLock(
            instance: "studio", directory: path + ".locks",
            holder: .init(pid: getpid(), actor: "bench", host: "bench", since: "", command: ""))
        let writer = try Writer(
            log: log, lock: lock,
            author: .init(
                actor: "bench", host: "bench",
                tool: Tool(version: "0", digest: String(repeating: "0", count: 64))))
        let upgrades = try await Script.upgrades(totalling: count)
        let began = ContinuousClock.now
        for upgrade in upgrades {
            let digest = Replay.digest(of: upgrade.plan)
            for start in stride(from: 0, to: upgrade.entries.count, by: perTransaction) {
                let end = min(start + perTransaction, upgrade.entries.count)
                try writer.append(
                    Array(upgrade.entries[start..<end]), to: upgrade.plan.upgrade,
                    planDigest: digest)
            }
        }
        report(count, "appended", since: began)
    }

    private static func bodies(of path: String) throws {
        let log = try EventLog(path: path, for: .reading)
        try log.forEachStoredEvent { stored in
            print(String(decoding: stored.body, as: UTF8.self))
        }
    }

    private static func replay(_ path: String) throws {
        let began = ContinuousClock.now
        let log = try EventLog(path: path, for: .reading)
        let replayed = try Replay.all(of: log)
        report(replayed.events, "verified and folded", since: began)
    }

    private static func report(_ count: Int, _ what: String, since began: ContinuousClock.Instant) {
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        print("\(count) events \(what) in \(seconds) s: \(Int(Double(count) / seconds)) a second")
    }
}

/// Upgrades as the runner would have written them.
private struct Script {
    let plan: Plan
    let entries: [(event: Event, moment: Moment)]

    static func upgrades(totalling count: Int) async throws -> [Script] {
        var scripts: [Script] = []
        var total = 0
        while total < count {
            let script = try await upgrade(number: scripts.count)
            scripts.append(
                Script(plan: script.plan, entries: Array(script.entries.prefix(count - total))))
            total += script.entries.count
        }
        return scripts
    }

    private static func upgrade(number: Int) async throws -> Script {
        let settings = HostRuntime(
            directory: "/srv/studio", start: ["bin/start"], stop: ["bin/stop"],
            status: ["bin/status"], logFile: "/var/log/studio.log")
        let plan = Plan(
            upgrade: "20260101-000000-\(number)", instance: "studio",
            current: Release(version: "1.0.0", reference: "/srv/1.tar", digest: "sha256:10"),
            candidate: Release(version: "2.0.0", reference: "/srv/2.tar", digest: "sha256:20"),
            runtime: .host(settings: settings),
            database: .sqlite(settings: .init(path: "/srv/studio.db")), fence: .hold,
            backups: "/srv/backups", checks: [Check(name: "running", question: .running)],
            steadyFor: 0, limits: Limits())
        let recorder = Recorder()
        let clock = StillClock()
        try recorder.append([(.planned(plan: plan), clock.now())])
        let runner = Runner(driver: InstantWorld(), journal: recorder, timekeeper: clock)
        _ = try await runner.finish(Run(plan))
        return Script(plan: plan, entries: recorder.entries)
    }
}

private final class Recorder: Journal, @unchecked Sendable {
    var entries: [(event: Event, moment: Moment)] = []
    func append(_ new: [(event: Event, moment: Moment)]) throws { entries += new }
}

private struct StillClock: Timekeeper {
    func now() -> Moment {
        Moment(wallMilliseconds: 1_767_225_600_000, monotonicNanoseconds: 1, bootID: "bench")
    }

    func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}

private struct InstantWorld: Driver {
    func endLeftovers(of effect: Effect, in context: Context) async throws(Failure) {}
    func clear(_ effect: Effect, in context: Context) async throws(Failure) {}

    func observe(_ effect: Effect, in context: Context) async throws(Failure) -> Observation {
        .absent
    }

    func perform(_ effect: Effect, in context: Context) async throws(Failure) -> Receipt {
        let position = Position("binlog:mysql-bin.000003:1234")
        switch effect {
        case .pull(let release): return .pulled(release: release, imageID: "2.0.0")
        case .raiseFence: return .fenceRaised(position: position)
        case .backUp(let name):
            return .backedUp(
                backup: Backup(
                    instance: "studio", path: "/srv/backups/\(name).sql.zst",
                    sha256: String(repeating: "a", count: 64), sizeInBytes: 1_000_000,
                    fingerprint: Fingerprint(
                        digest: String(repeating: "b", count: 64), tables: 40, rows: 100_000,
                        isExact: true),
                    position: position))
        case .stop:
            return .stopped(
                kept: Kept(parts: [.init(name: "current", id: "1.0.0", keptAs: "1.0.0")]),
                position: position)
        case .liftFence: return .fenceLifted
        case .start:
            return .started(candidate: Served(parts: [.init(name: "current", id: "2.0.0")]))
        case .verify:
            return .verified(
                results: [CheckResult(check: "running", saw: "current runs")],
                goodForMilliseconds: 0)
        default: return .tidied(removed: [])
        }
    }
}
