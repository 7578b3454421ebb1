import Runner
import UpgradeMachine

/// What kind of call to the outside it is.
enum Call: Hashable, Sendable {
    case inspect, pull, tag, stop, setPolicy, rename, create, start, remove
    case ask, lock, lift, dump, load, file, sync, look

    var duration: Duration {
        switch self {
        case .inspect, .tag, .setPolicy, .rename, .ask, .file: .milliseconds(3)
        case .lock, .lift, .sync, .look, .remove, .create: .milliseconds(20)
        case .pull, .stop, .start, .dump, .load: .milliseconds(120)
        }
    }
}

/// The points of one run, at which faults come, counted over all its processes.
final class Course: @unchecked Sendable {
    private let schedule: Schedule
    private(set) var points = 0
    /// The faults that came; one whose point was never reached did not.
    private(set) var injected: [Schedule.Entry] = []
    /// Ten times what a run with five faults needs.
    static let pointLimit = 20_000

    init(_ schedule: Schedule) { self.schedule = schedule }

    func next() -> Fault? {
        defer { points += 1 }
        guard let fault = schedule.fault(at: points) else { return nil }
        injected.append(Schedule.Entry(point: points, fault: fault))
        return fault
    }

    var isExhausted: Bool { points > Self.pointLimit }
}

/// One run of the program, until it ends or dies.
final class Process: @unchecked Sendable {
    let world: World
    let course: Course
    let stopRequest = StopRequest()
    private(set) var isDead = false
    /// The session with the read lock, where this process has opened one.
    var fence: World.Session?

    init(_ world: World, _ course: Course) { (self.world, self.course) = (world, course) }

    /// One call to the outside, with whatever goes wrong at it.
    func call<Value>(
        _ call: Call, _ work: @autoclosure () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        try checkAlive()
        let fault = course.next()
        if course.isExhausted { die() }
        await world.clock.pass(call.duration)
        try await suffer(fault, before: call)
        if world.broken.contains(call) { throw .broken(call) }
        let value = try work()
        switch fault {
        case .crashAfter: die()
        case .rebootAfter: loseHost()
        case .losesAnswer: throw .answerLost(call)
        default: return value
        }
        throw .dead
    }

    /// Rests between two looks.
    func rest(for duration: Duration) async throws(Failure) {
        try checkAlive()
        // Ended early it finds itself asked to stop.
        try? await world.clock.sleep(for: duration)
        try checkAlive()
    }

    private func checkAlive() throws(Failure) {
        if isDead { throw .dead }
        if Task.isCancelled { throw .interrupted }
    }

    private func suffer(_ fault: Fault?, before call: Call) async throws(Failure) {
        switch fault {
        case .crash:
            die()
            throw .dead
        case .reboot:
            loseHost()
            throw .dead
        case .fails: throw .fault(call)
        case .obscures: throw .obscured
        case .breaks: world.broken.insert(call)
        case .delays: try await rest(for: .seconds(90))
        case .asksToStop: stopRequest.ask()
        case .engineRestarts: world.engineRestarts()
        case .personRestarts: world.personRestarts()
        case .personWrites: world.personWrites()
        case .fenceDrops: world.lock = nil
        case .crashAfter, .rebootAfter, .losesAnswer, nil: break
        }
    }

    /// An append, which is durable when it answers.
    ///
    /// - Parameter write: Puts it on the disk.
    func append(_ write: () throws -> Void) throws {
        if isDead { throw ProcessDied() }
        let fault = course.next()
        if course.isExhausted { die() }
        switch fault {
        case .crash: die()
        case .reboot: loseHost()
        // The run stops, and tidies up before its process ends.
        case .fails, .breaks: throw LogRefused()
        default: break
        }
        if isDead { throw ProcessDied() }
        if fault == .asksToStop { stopRequest.ask() }
        try write()
        switch fault {
        case .crashAfter: die()
        case .rebootAfter: loseHost()
        case .losesAnswer: throw LogRefused()
        default: return
        }
        throw ProcessDied()
    }

    /// Its sessions end with it, sooner or later.
    func die() {
        guard !isDead else { return }
        isDead = true
        world.processDied()
    }

    private func loseHost() {
        die()
        world.reboot()
    }
}

/// Nothing that follows reaches the log.
struct ProcessDied: Error {}

/// The log's disk is full, or answers with an error.
struct LogRefused: Error {}

extension Failure {
    static let dead = Failure(code: "dead", message: "the process has died", advice: "")
    static let interrupted = Failure(
        code: "interrupted", message: "ended on request", advice: "go on")

    static let obscured = Failure(
        code: "obscured", message: "the answer says neither yes nor no", advice: "look yourself")

    static func fault(_ call: Call) -> Failure {
        Failure(code: "fault", message: "\(call) failed", advice: "try again")
    }

    static func broken(_ call: Call) -> Failure {
        Failure(code: "broken", message: "\(call) fails until it is mended", advice: "mend it")
    }

    static func answerLost(_ call: Call) -> Failure {
        Failure(
            code: "answer-lost", message: "the connection ended before \(call) was answered",
            advice: "try again")
    }

    static func changed(_ what: String) -> Failure {
        Failure(code: "changed", message: what, advice: "find out who", isPermanent: true)
    }
}
