import Glibc
import Synchronization
import Testing
import UpgradeMachine

@testable import Drivers

/// A service that answers each look as its script says, by the look's number from 0.
final class ScriptedService: Service {
    typealias StatusScript = @Sendable (Int) throws(Failure) -> ServiceStatus
    typealias LogScript = @Sendable (Int) throws(Failure) -> ServiceLog

    private let statusScript: StatusScript
    private let logScript: LogScript
    private let looks = Mutex((status: 0, log: 0))

    init(
        status: @escaping StatusScript = { _ in .running },
        log: @escaping LogScript = { _ in ServiceLog(lines: [], sizeInBytes: 0) }
    ) {
        (statusScript, logScript) = (status, log)
    }

    var statusLooks: Int { looks.withLock { $0.status } }

    func status(in context: Context) async throws(Failure) -> ServiceStatus {
        let look = looks.withLock { looks in
            defer { looks.status += 1 }
            return looks.status
        }
        return try statusScript(look)
    }

    func missingOfPrevious(in context: Context) async throws(Failure) -> [String] { [] }

    func log(in context: Context, limitInBytes: Int) async throws(Failure) -> ServiceLog {
        let look = looks.withLock { looks in
            defer { looks.log += 1 }
            return looks.log
        }
        return try logScript(look)
    }

    // Verification asks; it never has the service do anything.
    private static let misuse = Failure(code: "misuse", message: "", advice: "")
    func endLeftovers(of effect: Effect, in context: Context) async throws(Failure) {
        throw Self.misuse
    }
    func observe(
        _ effect: Effect, in context: Context
    ) async throws(Failure) -> Observation { throw Self.misuse }
    func perform(_ effect: Effect, in context: Context) async throws(Failure) -> Receipt {
        throw Self.misuse
    }
    func clear(_ effect: Effect, in context: Context) async throws(Failure) { throw Self.misuse }
}

extension ServiceStatus {
    static let running = ServiceStatus(parts: [.web()])
}

extension ServiceStatus.Part {
    static func web(
        _ name: String = "web", isRunning: Bool = true, restarts: Int = 0,
        health: Health = .none, digests: [String] = ["sha256:71"], detail: String = "running",
        run: String? = nil, address: String? = nil
    ) -> Self {
        Self(
            name: name, isRunning: isRunning, restarts: restarts, health: health,
            releaseDigests: digests, detail: detail, run: run, address: address)
    }
}

extension ServiceLog {
    static func of(_ lines: String...) -> ServiceLog {
        ServiceLog(lines: lines, sizeInBytes: lines.reduce(0) { $0 + $1.utf8.count + 1 })
    }
}

/// What a verification is asked with, and what it reported.
final class Asked: Sendable {
    static let old = Release(version: "7.0.0", reference: "studio:7.0.0", digest: "sha256:70")
    static let new = Release(version: "7.1.0", reference: "studio:7.1.0", digest: "sha256:71")
    static let fast = Verification.Pace(
        firstRest: .milliseconds(2), longestRest: .milliseconds(20),
        login: HTTPQuestion.LoginPace(
            rest: .milliseconds(10),
            restsAfterRefusals: [.milliseconds(20), .milliseconds(30)]))

    private static let numbers = Atomic(0)

    let plan: Plan
    private let resolve: SecretResolver
    private let reports = Mutex<[Progress]>([])

    init(
        _ questions: [Check.Question], steadyFor: Seconds = 0, policy: String = "always",
        paused: [String] = [], current: Release = old,
        resolve: @escaping SecretResolver = { _ in Secret("s3 cr&t") }
    ) {
        self.resolve = resolve
        // Its own for each test, since processes are found by it.
        let number = Self.numbers.add(1, ordering: .relaxed).newValue
        let container = { (name: String, role: PlannedContainer.Role) in
            PlannedContainer(
                name: name, role: role, id: "1", imageID: "sha256:70",
                restartPolicy: RestartPolicy(name: policy, maximumRetryCount: 0),
                settingsDigest: "")
        }
        plan = Plan(
            upgrade: "upgrade-\(getpid())-\(number)", instance: "studio", current: current,
            candidate: Self.new,
            runtime: .containers(
                settings: ContainerRuntime(
                    engine: "", repository: "studio", localTag: nil,
                    containers: [container("web", .replaced)]
                        + paused.map { container($0, .paused) },
                    stopGrace: 10, registry: nil)),
            database: .none, fence: .none, backups: "",
            checks: questions.enumerated().map { Check(name: "check \($0)", question: $1) },
            steadyFor: steadyFor, limits: Limits())
    }

    var reported: [Progress] { reports.withLock { $0 } }
    var notes: [String] {
        reported.compactMap { if case .note(let text) = $0 { text } else { nil } }
    }
    var working: [String] {
        reported.compactMap { if case .working(let line) = $0 { line } else { nil } }
    }

    func verify(
        _ service: ScriptedService, pace: Verification.Pace = fast
    ) async throws(Failure) -> [CheckResult] {
        try await results(service, .verify(release: Self.new), pace)
    }

    func verifyPrevious(_ service: ScriptedService) async throws(Failure) -> [CheckResult] {
        try await results(service, .verifyPrevious(release: Self.old), Self.fast)
    }

    /// Every check's answer, as `pawl verify` shows them.
    func answers(
        _ service: ScriptedService
    ) async throws(Failure) -> (checks: [Verification.Answered], failure: Failure?) {
        try await Verification(service: service, pace: Self.fast, resolve: resolve)
            .answers(for: Self.new, in: Context(plan: plan) { _ in })
    }

    private func results(
        _ service: ScriptedService, _ effect: Effect, _ pace: Verification.Pace
    ) async throws(Failure) -> [CheckResult] {
        let context = Context(plan: plan) { progress in
            self.reports.withLock { $0.append(progress) }
        }
        let driver = Verification(service: service, pace: pace, resolve: resolve)
        switch try await driver.perform(effect, in: context) {
        case .verified(let results, _), .previousVerified(let results, _): return results
        case let other:
            Issue.record("\(other)")
            return []
        }
    }

    /// The failure of a verification that is stopped, as by the runner's deadline, once `condition`
    /// holds: by default once every check has answered. How long the stop takes is checked.
    func outOfTime(
        _ service: ScriptedService, pace: Verification.Pace = fast,
        once condition: (@Sendable () -> Bool)? = nil
    ) async -> Failure? {
        let task = Task { await self.failure(service, pace: pace) }
        let isTime = condition ?? { self.haveAllAnswered }
        let limit = ContinuousClock.now + .seconds(30)
        while !isTime() {
            guard ContinuousClock.now < limit else {
                Issue.record("not come about in 30 s; reported: \(reported)")
                break
            }
            try? await Task.sleep(for: .milliseconds(5))
        }
        let asked = ContinuousClock.now
        task.cancel()
        let failure = await task.value
        #expect(ContinuousClock.now - asked < .seconds(1))
        return failure
    }

    private var haveAllAnswered: Bool {
        let notes = notes
        return plan.checks.allSatisfy { check in notes.contains { $0.hasPrefix("\(check.name): ") }
        }
    }

    func failure(_ service: ScriptedService, pace: Verification.Pace = fast) async -> Failure? {
        let ending = await ending(service, pace: pace)
        if ending.failure == nil { Issue.record("\(ending)") }
        return ending.failure
    }

    enum Ending: Equatable {
        case verified([CheckResult])
        case failed(Failure)

        var failure: Failure? { if case .failed(let failure) = self { failure } else { nil } }
    }

    func ending(_ service: ScriptedService, pace: Verification.Pace = fast) async -> Ending {
        do throws(Failure) {
            return .verified(try await verify(service, pace: pace))
        } catch {
            return .failed(error)
        }
    }
}

/// A server on a loopback port of its own that answers each request as its script says.
final class LoopbackServer: Sendable {
    struct Reply: Sendable {
        var bytes: [UInt8]
        var after = Duration.zero
        /// Sent again and again until the client has enough.
        var isEndless = false

        static func of(_ status: Int, _ body: String = "") -> Reply { of(status, Array(body.utf8)) }

        static func of(_ status: Int, _ body: [UInt8]) -> Reply {
            of(status, ["Location: /elsewhere", "Set-Cookie: node=old"], body)
        }

        /// - Parameter fields: The head's lines, but for those about body and connection.
        static func of(_ status: Int, _ fields: [String], _ body: [UInt8]) -> Reply {
            let own = ["Content-Length: \(body.count)", "Connection: close", "", ""]
            let head = (["HTTP/1.1 \(status) X"] + fields + own).joined(separator: "\r\n")
            return Reply(bytes: Array(head.utf8) + body)
        }
    }

    let url: String
    private let descriptor: CInt
    private let state = Mutex((requests: [String](), isOver: false))

    /// - Parameter script: Called on threads of the server's, with the request's number from 0.
    convenience init(_ script: @escaping @Sendable (Int) -> Reply) throws {
        try self.init(answering: { number, _ in script(number) })
    }

    /// - Parameter script: Called on threads of the server's, with the request's number and text.
    init(answering script: @escaping @Sendable (Int, String) -> Reply) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let (socket, length) = (descriptor, size)
        let isBound = withUnsafeMutableBytes(of: &address) { bytes in
            let base = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            return bind(socket, base, length) == 0 && listen(socket, 16) == 0
                && getsockname(socket, base, &size) == 0
        }
        try #require(isBound, "no loopback port: errno \(errno)")
        url = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))/"
        var thread = pthread_t()
        let loop = Unmanaged.passRetained(Loop { [self] in serve(script) })
        pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<Loop>.fromOpaque(context).takeRetainedValue().body() }
                return nil
            }, loop.toOpaque())
        pthread_detach(thread)
    }

    private final class Loop {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    var requests: [String] { state.withLock { $0.requests } }

    func stop() {
        state.withLock { $0.isOver = true }
        shutdown(descriptor, CInt(SHUT_RDWR))
    }

    private var isOver: Bool { state.withLock { $0.isOver } }

    private func serve(_ script: @Sendable (Int, String) -> Reply) {
        defer { close(descriptor) }
        while !isOver {
            let connection = accept(descriptor, nil, nil)
            guard connection >= 0 else { return }
            answer(connection, script)
            close(connection)
        }
    }

    private func answer(_ connection: CInt, _ script: @Sendable (Int, String) -> Reply) {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while !Self.isWhole(String(decoding: bytes, as: UTF8.self)) {
            let count = recv(connection, &chunk, chunk.count, 0)
            guard count > 0 else { return }
            bytes += chunk[..<count]
        }
        let request = String(decoding: bytes, as: UTF8.self)
        let number = state.withLock { state in
            state.requests.append(request)
            return state.requests.count - 1
        }
        let reply = script(number, request)
        let due = ContinuousClock.now + reply.after
        var peek: UInt8 = 0
        // A client that has gone waits no longer.
        while ContinuousClock.now < due, !isOver,
            recv(connection, &peek, 1, CInt(MSG_DONTWAIT)) != 0
        {
            usleep(2_000)
        }
        repeat {
            let sent = send(connection, reply.bytes, reply.bytes.count, CInt(MSG_NOSIGNAL))
            guard sent == reply.bytes.count else { return }
        } while reply.isEndless && !isOver
    }

    private static func isWhole(_ request: String) -> Bool {
        guard let end = request.firstRange(of: "\r\n\r\n") else { return false }
        let length = request.firstMatch(of: /Content-Length: ([0-9]+)/).flatMap { Int($0.1) }
        return request[end.upperBound...].utf8.count >= length ?? 0
    }
}
