import Synchronization
import Testing
import UpgradeMachine

@testable import Drivers

@Suite("Verification of what runs", .timeLimit(.minutes(1)))
struct VerificationTests {
    // MARK: Good

    @Test func `Everything good is verified in the plan's order, word for word the same`()
        async throws
    {
        let asked = Asked([
            .release, .log(ready: "startup in \\d+", errors: ["SEVERE", "OutOfMemory"]), .running,
            .healthy(container: "web"),
        ])
        let service = ScriptedService(
            status: { _ in ServiceStatus(parts: [.web(health: .healthy)]) },
            log: { _ in .of("Server startup in 712 ms") })
        #expect(
            try await asked.verify(service) == [
                CheckResult(check: "check 0", saw: "sha256:71"),
                CheckResult(
                    check: "check 1",
                    saw: "a line matches startup in \\d+; none matches one of 2 errors"),
                CheckResult(check: "check 2", saw: "web runs"),
                CheckResult(check: "check 3", saw: "web is healthy"),
            ])
    }

    @Test func `A plan without checks still wants the service to run`() async throws {
        let service = ScriptedService { look in
            ServiceStatus(parts: [.web(isRunning: look > 2, detail: "restarting")])
        }
        #expect(try await Asked([]).verify(service) == [])
        #expect(service.statusLooks == 4)
    }

    @Test func `What turns good late is waited for`() async throws {
        let asked = Asked([.healthy(container: "web"), .log(ready: "ready", errors: [])])
        let service = ScriptedService(
            status: { ServiceStatus(parts: [.web(health: $0 < 3 ? .starting : .healthy)]) },
            log: { $0 < 5 ? .of("booting") : .of("booting", "ready") })
        #expect(try await asked.verify(service).count == 2)
        #expect(service.statusLooks == 6)
    }

    @Test func `A part that stays as it is is not asked for its release`() async throws {
        let service = ScriptedService { _ in
            ServiceStatus(parts: [
                .web(digests: ["studio@sha256:71"]), .web("jobs", digests: ["sha256:other"]),
            ])
        }
        let results = try await Asked([.release], paused: ["jobs"]).verify(service)
        #expect(results == [CheckResult(check: "check 0", saw: "sha256:71")])
    }

    @Test func `An old restart count of a kept container is nobody's fault`() async throws {
        let service = ScriptedService { _ in ServiceStatus(parts: [.web(restarts: 17)]) }
        let results = try await Asked([.running]).verifyPrevious(service)
        #expect(results == [CheckResult(check: "check 0", saw: "web runs")])
    }

    @Test func `What serves already may have been restarted often before`() async throws {
        let service = ScriptedService { _ in ServiceStatus(parts: [.web(restarts: 17)]) }
        let results = try await Asked([.running], current: Asked.new).verify(service)
        #expect(results == [CheckResult(check: "check 0", saw: "web runs")])
    }

    @Test func `A restart of the candidate is told`() async throws {
        let service = ScriptedService { _ in ServiceStatus(parts: [.web(restarts: 2)]) }
        let results = try await Asked([.running]).verify(service)
        #expect(results.first?.saw == "web runs, restarted 2 times")
    }

    @Test func `A new start has to become ready anew`() async throws {
        let steady = Asked([.log(ready: "ready", errors: [])], steadyFor: 60)
        let service = ScriptedService(
            status: { look in
                ServiceStatus(parts: [.web(restarts: look < 2 ? 0 : 1)])
            },
            log: { $0 == 0 ? .of("ready") : .of("booting") })
        let failure = try #require(
            await steady.outOfTime(service) {
                steady.notes.contains("check 0: no line matches ready")
            })
        #expect(failure.message.contains("check 0: no line matches ready"))
    }

    @Test func `A ready line that has left the log still counts`() async throws {
        let asked = Asked([.log(ready: "ready", errors: []), .healthy(container: "web")])
        let service = ScriptedService(
            status: { ServiceStatus(parts: [.web(health: $0 < 3 ? .starting : .healthy)]) },
            log: { $0 == 0 ? .of("ready") : .of("GET / 200") })
        #expect(try await asked.verify(service).count == 2)
    }

    // MARK: Steady

    @Test func `All has to stay good, and what turns bad starts over`() async throws {
        let asked = Asked([.healthy(container: "web")], steadyFor: 1)
        let began = ContinuousClock.now
        let turnedBad = Mutex<ContinuousClock.Instant?>(nil)
        let service = ScriptedService { look in
            guard ContinuousClock.now - began > .milliseconds(500),
                turnedBad.withLock({ $0 }) == nil
            else { return ServiceStatus(parts: [.web(health: .healthy)]) }
            turnedBad.withLock { $0 = .now }
            return ServiceStatus(parts: [.web(health: .unhealthy)])
        }
        _ = try await asked.verify(service)
        let turned = try #require(turnedBad.withLock { $0 })
        #expect(ContinuousClock.now - turned >= .seconds(1))
        #expect(asked.reported.contains(.note("check 0: web is unhealthy: running")))
    }

    @Test func `A restart in the steady time starts over`() async throws {
        let asked = Asked([], steadyFor: 1)
        let began = ContinuousClock.now
        let service = ScriptedService { _ in
            let restarts = ContinuousClock.now - began > .milliseconds(500) ? 1 : 0
            return ServiceStatus(parts: [.web(restarts: restarts)])
        }
        _ = try await asked.verify(service)
        #expect(ContinuousClock.now - began >= .milliseconds(1500))
        #expect(asked.reported.contains(.note("running: web was restarted (1 so far)")))
    }

    @Test func `Somebody else's restart is one, which no count of the engine's tells`() async throws
    {
        // `docker restart` sets the engine's count back to 0.
        let asked = Asked([.running], steadyFor: 2)
        let service = ScriptedService { look in
            ServiceStatus(parts: [.web(restarts: look == 0 ? 1 : 0, run: "run \(min(look, 3))")])
        }
        let failure = try #require(await asked.failure(service))
        #expect(failure.message.contains("check 0: web restarted 3 times"))
        #expect(asked.notes.contains("check 0: web was restarted (2 so far)"))
    }

    @Test func `A restart that the engine counts before it begins is one and not two`() async throws
    {
        let asked = Asked([.running], steadyFor: 1)
        let looks: [(restarts: Int, isRunning: Bool, run: String)] = [
            (0, true, "a"), (1, false, "a"), (1, true, "b"), (1, true, "b"), (2, true, "c"),
        ]
        let service = ScriptedService { look in
            let (restarts, isRunning, run) = looks[min(look, looks.count - 1)]
            return ServiceStatus(parts: [.web(isRunning: isRunning, restarts: restarts, run: run)])
        }
        let results = try await asked.verify(service)
        #expect(results.first?.saw == "web runs, restarted 2 times")
    }

    @Test func `A new start has other lines, also where the engine's count was set back`()
        async throws
    {
        let asked = Asked([.log(ready: "ready", errors: [])], steadyFor: 60)
        let service = ScriptedService(
            status: { ServiceStatus(parts: [.web(run: $0 < 2 ? "a" : "b")]) },
            log: { $0 == 0 ? .of("ready") : .of("booting") })
        let failure = await asked.outOfTime(service) {
            asked.notes.contains("check 0: no line matches ready")
        }
        #expect(failure != nil)
    }

    @Test func `Lines that are known to be harmless are no errors`() async throws {
        let lines = ServiceLog.of("SEVERE: old API is used", "SEVERE: no column")
        let question = { (except: [String]) in
            Check.Question.log(ready: nil, errors: ["SEVERE"], except: except)
        }
        let good = Asked([question(["no column$", "old API"])])
        let results = try await good.verify(ScriptedService(log: { _ in lines }))
        #expect(results.first?.saw == "none matches the error")
        let bad = Asked([question(["old API"])])
        let failure = try #require(await bad.failure(ScriptedService(log: { _ in lines })))
        #expect(failure.message.contains("check 0: a line matches SEVERE: SEVERE: no column"))
    }

    @Test func `A log that is longer than what is read says so`() async throws {
        let asked = Asked([.log(ready: "ready", errors: ["SEVERE"])])
        let long = ServiceLog(lines: ["ready"], sizeInBytes: LogQuestion.readLimitInBytes + 1)
        let results = try await asked.verify(ScriptedService(log: { _ in long }))
        #expect(
            results.first?.saw
                == "a line matches ready; none matches the error, as far as it was read")
    }

    @Test func `A deadline within the steady time says so`() async throws {
        let asked = Asked([.running], steadyFor: 60)
        let failure = try #require(
            await asked.outOfTime(ScriptedService()) {
                asked.notes.contains("all checks are good, and have to stay so for 60 s")
            })
        #expect(failure.code == "check-failed")
        #expect(!failure.isPermanent)
        #expect(failure.message.contains("all checks were good, but not yet for 60 s"))
    }

    // MARK: Never good

    struct Hopeless: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var questions: [Check.Question] = []
        var policy = "always"
        var part = ServiceStatus.Part.web()
        var log = ServiceLog.of()
        let says: String
        var excerpt: String?
    }

    @Test(
        "What no waiting mends ends it at once",
        arguments: [
            Hopeless(
                testDescription: "exited, with nothing to start it", policy: "no",
                part: .web(isRunning: false, detail: "exited with 3"), log: .of("boot", "bang"),
                says: "running: web exited with 3, and nothing starts it again",
                excerpt: "boot\nbang"),
            Hopeless(
                testDescription: "crash loop of the candidate", part: .web(restarts: 3),
                says: "running: web restarted 3 times"),
            Hopeless(
                testDescription: "another release", questions: [.release],
                part: .web(digests: ["sha256:70"]),
                says: "check 0: web runs sha256:70, not sha256:71"),
            Hopeless(
                testDescription: "an error in the log",
                questions: [.log(ready: nil, errors: ["FATAL", "^SEVERE"])],
                log: .of("INFO a", "SEVERE: no column", "INFO b"),
                says: "check 0: a line matches ^SEVERE: SEVERE: no column",
                excerpt: "INFO a\nSEVERE: no column"),
            Hopeless(
                testDescription: "an error in the log, beside what may come yet",
                questions: [.healthy(container: "web"), .log(ready: nil, errors: ["FATAL"])],
                part: .web(health: .starting), log: .of("FATAL"),
                says: "mends this: check 1: a line matches FATAL: FATAL (not good yet: check 0: ",
                excerpt: "FATAL"),
            Hopeless(
                testDescription: "no health check to ask", questions: [.healthy(container: "web")],
                says: "check 0: web has no health check to ask"),
            Hopeless(
                testDescription: "a container that nobody planned",
                questions: [.healthy(container: "wbe")],
                says: "check 0: no wbe among the service's parts (web)"),
        ])
    func hopeless(_ given: Hopeless) async throws {
        let asked = Asked(given.questions, policy: given.policy)
        let service = ScriptedService(
            status: { _ in ServiceStatus(parts: [given.part]) }, log: { _ in given.log })
        let failure = try #require(await asked.failure(service))
        #expect(failure.code == "check-failed")
        #expect(failure.isPermanent)
        #expect(failure.message.contains(given.says), "\(failure.message)")
        #expect(failure.excerpt == given.excerpt)
        #expect(service.statusLooks == 1)
    }

    @Test func `A kept container that crashes anew is given up after three restarts`() async throws
    {
        let asked = Asked([.running], steadyFor: 60)
        let service = ScriptedService { ServiceStatus(parts: [.web(restarts: 9 + $0)]) }
        await #expect(throws: Failure.self) { try await asked.verifyPrevious(service) }
        #expect(service.statusLooks == 4)
    }

    @Test(
        "A check that cannot be asked is found before anything is asked",
        arguments: [
            .log(ready: "a(", errors: []), .log(ready: nil, errors: ["fine", "["]),
            .http(
                probe: HTTPProbe(
                    url: "http://127.0.0.1/", status: 200, version: .pattern(expression: "("),
                    authorityFile: nil)),
            .http(
                probe: HTTPProbe(
                    url: "http://127.0.0.1/", status: 200, version: .jsonPointer(pointer: "a"),
                    authorityFile: nil)),
        ] as [Check.Question])
    func invalid(_ question: Check.Question) async throws {
        let service = ScriptedService()
        let failure = try #require(await Asked([question]).failure(service))
        #expect(failure.code == "check-invalid")
        #expect(failure.isPermanent)
        #expect(service.statusLooks == 0)
    }

    // MARK: Out of time

    @Test func `The failure after a deadline names who was not good, and the log's end`()
        async throws
    {
        let asked = Asked([.running, .healthy(container: "web"), .log(ready: "ready", errors: [])])
        let service = ScriptedService(
            status: { _ in ServiceStatus(parts: [.web(health: .starting)]) },
            log: { _ in .of("migrating", "still \u{1B}[31mmigrating") })
        let failure = try #require(await asked.outOfTime(service))
        #expect(failure.code == "check-failed")
        #expect(!failure.isPermanent)
        #expect(
            failure.message == "7.1.0 does not pass: 2 of 3 checks not good when the time was up: "
                + "check 1: the health check of web is still starting; "
                + "check 2: no line matches ready"
        )
        #expect(failure.excerpt == "migrating\nstill  [31mmigrating")
    }

    @Test func `An engine that does not answer is asked again`() async throws {
        let away = Failure(code: "engine", message: "no engine at the socket", advice: "")
        let asked = Asked([.running])
        let service = ScriptedService { look throws(Failure) in
            if look < 3 { throw away }
            return .running
        }
        #expect(try await asked.verify(service).count == 1)
        let never = ScriptedService { _ throws(Failure) in throw away }
        let failure = try #require(await Asked([.running]).outOfTime(never))
        #expect(failure.message.hasSuffix("check 0: no engine at the socket"))
    }

    @Test func `What the engine refuses for good ends it as it is`() async throws {
        let refusal = Failure(code: "engine", message: "no", advice: "", isPermanent: true)
        let service = ScriptedService { _ throws(Failure) in throw refusal }
        #expect(await Asked([.running]).failure(service) == refusal)
    }

    @Test func `A log that grows is reported as work, with its last line`() async throws {
        let asked = Asked([.log(ready: "ready", errors: [])])
        let service = ScriptedService(log: { look in
            switch look {
            case 0...1: .of("a")
            case 2...3: .of("a", "migrating 1 of 2")
            default: .of("a", "migrating 1 of 2", "ready")
            }
        })
        _ = try await asked.verify(service)
        #expect(asked.working == ["migrating 1 of 2", "ready"])
    }

    @Test func `Checks leave nothing behind that could be found`() async throws {
        let context = Context(plan: Asked([.running]).plan) { _ in }
        let driver = Verification(service: ScriptedService())
        for effect in [Effect.verify(release: Asked.new), .verifyPrevious(release: Asked.old)] {
            #expect(try await driver.observe(effect, in: context) == .absent)
            try await driver.endLeftovers(of: effect, in: context)
            try await driver.clear(effect, in: context)
        }
    }
}
