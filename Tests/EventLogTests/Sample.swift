import EventLog
import UpgradeMachine

/// A short upgrade, and who ran it.
enum Sample {
    static let plan = Plan(
        upgrade: "u1", instance: "studio",
        current: Release(version: "7.0.0", reference: "studio:7.0.0", digest: "sha256:70"),
        candidate: Release(version: "7.1.0", reference: "studio:7.1.0", digest: "sha256:71"),
        runtime: .host(
            settings: HostRuntime(
                directory: "/srv/studio", start: ["start"], stop: ["stop"], status: ["status"],
                logFile: nil)),
        database: .none, fence: .none, backups: "/srv/backups", checks: [], steadyFor: 0,
        limits: Limits())

    static let planDigest = Replay.digest(of: plan)

    static let events: [Event] = [
        .planned(plan: plan),
        .began(effect: .pull(release: plan.candidate)),
        .attemptFailed(
            step: .pull,
            failure: Failure(code: "busy", message: "the registry said 503", advice: "wait")),
        .done(receipt: .pulled(release: plan.candidate, imageID: "image"), adopted: false),
        .began(effect: .stop),
        .resumed,
        .done(receipt: .stopped(kept: Kept(parts: []), position: nil), adopted: true),
        .began(effect: .start(release: plan.candidate)),
    ]

    static let author = Writer.Author(
        actor: "ada", host: "server", tool: Tool(version: "1.0.0", digest: "d0"))

    static let holder = InstanceLock.Holder(
        pid: 42, actor: "ada", host: "server", since: "2026-11-23T02:14:07.042Z",
        command: "pawl upgrade 7.1.0")

    static func entries(_ events: [Event]) -> [(event: Event, moment: Moment)] {
        events.enumerated().map { ($0.element, moment(Int64($0.offset))) }
    }

    static func moment(_ second: Int64) -> Moment {
        Moment(
            wallMilliseconds: 1_795_400_047_042 + second * 1000,
            monotonicNanoseconds: second * 1_000_000_000, bootID: "boot")
    }
}

extension EventLogError {
    /// The case's name.
    var kind: String {
        switch self {
        case .foreign: "foreign"
        case .damaged: "damaged"
        case .newer: "newer"
        case .notDurable: "notDurable"
        case .unreadable: "unreadable"
        case .appendFailed: "appendFailed"
        case .held: "held"
        case .outdated: "outdated"
        case .unknownStream: "unknownStream"
        }
    }

    /// The event that is damaged.
    var sequence: Int? {
        if case .damaged(_, let sequence, _) = self { sequence } else { nil }
    }
}

/// The error that `body` throws; none where it throws none.
func refusal<Value>(_ body: () throws -> Value) -> EventLogError? {
    do {
        _ = try body()
        return nil
    } catch {
        return error as? EventLogError
    }
}
