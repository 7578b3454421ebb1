import Synchronization
import Testing
import UpgradeMachine

@testable import Drivers

@Suite("Verification by HTTP", .timeLimit(.minutes(1)))
struct VerificationHTTPTests {
    static let pattern = VersionLocation.pattern(expression: "Version ([0-9.]+)")
    static let pointer = VersionLocation.jsonPointer(pointer: "/build/0/version")

    /// Asks one probe of a server that answers as `script` says.
    private func probe(
        _ version: VersionLocation? = nil, status: Int = 200, steadyFor: Seconds = 0,
        pace: Verification.Pace = Asked.fast,
        _ script: @escaping @Sendable (Int) -> LoopbackServer.Reply
    ) async throws -> Asked.Ending {
        let server = try LoopbackServer(script)
        defer { server.stop() }
        let probe = HTTPProbe(
            url: server.url, status: status, version: version, authorityFile: nil)
        let asked = Asked([.http(probe: probe)], steadyFor: steadyFor)
        return await asked.ending(ScriptedService(), pace: pace)
    }

    /// The same, stopped once the probe has answered, or else once `count` requests have come.
    private func stoppedProbe(
        _ version: VersionLocation? = nil, onceAsked count: Int? = nil,
        _ script: @escaping @Sendable (Int) -> LoopbackServer.Reply
    ) async throws -> Failure {
        let server = try LoopbackServer(script)
        defer { server.stop() }
        let probe = HTTPProbe(url: server.url, status: 200, version: version, authorityFile: nil)
        let asked = Asked([.http(probe: probe)])
        let failure =
            if let count {
                await asked.outOfTime(ScriptedService()) { server.requests.count >= count }
            } else {
                await asked.outOfTime(ScriptedService())
            }
        return try #require(failure)
    }

    struct Good: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var status = 200
        var version: VersionLocation?
        var body: [UInt8] = []
        let saw: String
    }

    @Test(
        "A good answer",
        arguments: [
            Good(testDescription: "by status alone", saw: "200"),
            Good(testDescription: "a redirect that is asked for", status: 302, saw: "302"),
            Good(
                testDescription: "by pattern", version: pattern,
                body: Array("<p>Version 7.1.0\r\n".utf8), saw: "200, version 7.1.0"),
            Good(
                testDescription: "by pattern, among bytes that are no text", version: pattern,
                body: [0xFF, 0x00, 0xC3] + Array("Version 7.1.0".utf8) + [0xE2, 0x82],
                saw: "200, version 7.1.0"),
            Good(
                testDescription: "by JSON pointer", version: pointer,
                body: Array(#"{"build": [{"version": "7.1.0"}]}"#.utf8), saw: "200, version 7.1.0"),
            Good(
                testDescription: "at the end of a large answer", version: pattern,
                body: Array(repeating: UInt8(ascii: "v"), count: 900_000)
                    + Array("Version 7.1.0".utf8), saw: "200, version 7.1.0"),
        ])
    func good(_ given: Good) async throws {
        let ending = try await probe(given.version, status: given.status) { _ in
            .of(given.status, given.body)
        }
        #expect(ending == .verified([CheckResult(check: "check 0", saw: given.saw)]))
    }

    struct NotYet: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var version: VersionLocation?
        let reply: LoopbackServer.Reply
        let saw: String
    }

    @Test(
        "An answer that may get better is asked for until the time is up",
        arguments: [
            NotYet(testDescription: "another status", reply: .of(503), saw: "503, not 200"),
            NotYet(testDescription: "a redirect", reply: .of(302), saw: "/elsewhere, not 200"),
            NotYet(
                testDescription: "no version", version: pattern, reply: .of(200, "Loading…"),
                saw: "200, without a match of Version ([0-9.]+)"),
            NotYet(
                testDescription: "no JSON", version: pointer, reply: .of(200, [0xFF, 0x7B]),
                saw: "200, and what should be JSON is none"),
            NotYet(
                testDescription: "JSON that is nested without end", version: pointer,
                reply: .of(200, String(repeating: "[", count: 500_000)),
                saw: "200, and what should be JSON is none"),
            NotYet(
                testDescription: "JSON without the value", version: pointer,
                reply: .of(200, #"{"build": []}"#),
                saw: "200, without a value at /build/0/version"),
            NotYet(
                testDescription: "no HTTP", reply: LoopbackServer.Reply(bytes: [0, 1, 2, 10]),
                saw: "127.0.0.1"),
            NotYet(
                testDescription: "an answer without end",
                reply: LoopbackServer.Reply(
                    bytes: Array("HTTP/1.1 200 OK\r\n\r\n".utf8)
                        + Array(repeating: UInt8(ascii: "x"), count: 65_536), isEndless: true),
                saw: "larger than the 1048576 bytes"),
        ])
    func notYet(_ given: NotYet) async throws {
        let failure = try await stoppedProbe(given.version) { _ in given.reply }
        #expect(failure.code == "check-failed")
        #expect(!failure.isPermanent)
        #expect(failure.message.contains("check 0: "))
        #expect(failure.message.contains(given.saw), "\(failure.message)")
    }

    @Test func `A server that comes up late is waited for`() async throws {
        let ending = try await probe(Self.pattern) {
            $0 < 3 ? .of(503) : .of(200, "Version 7.1.0")
        }
        #expect(ending.failure == nil)
    }

    @Test func `An answer that turns bad in the steady time starts over`() async throws {
        let turned = Mutex<ContinuousClock.Instant?>(nil)
        let ending = try await probe(steadyFor: 1) { number in
            // The second is asked for however slow the rounds are.
            guard number == 1 else { return .of(200) }
            turned.withLock { $0 = .now }
            return .of(500)
        }
        #expect(ending.failure == nil)
        let instant = try #require(turned.withLock { $0 })
        #expect(ContinuousClock.now - instant >= .seconds(1))
    }

    @Test func `Nobody at the port is no connection yet`() async throws {
        // Not one that a test has given back: another may have it by now.
        let url = "http://127.0.0.1:1/"
        let probe = HTTPProbe(url: url, status: 200, version: nil, authorityFile: nil)
        let failure = await Asked([.http(probe: probe)]).outOfTime(ScriptedService())
        #expect(try #require(failure).message.contains("check 0: GET \(url): no connection"))
    }

    @Test func `The old version's last words are borne, and then no more`() async throws {
        let ending = try await probe(Self.pattern) {
            .of(200, $0 < 4 ? "Version 7.0.0" : "Version 7.1.0")
        }
        #expect(ending == .verified([CheckResult(check: "check 0", saw: "200, version 7.1.0")]))

        let began = ContinuousClock.now
        let wrong = try await probe(Self.pattern) { _ in .of(200, "Version 7.0.0") }
        let failure = try #require(wrong.failure)
        #expect(failure.isPermanent)
        #expect(failure.message.contains("check 0: 200, version 7.0.0, not 7.1.0"))
        #expect(ContinuousClock.now - began >= .seconds(3))
    }

    @Test func `A pattern without a group can never say the version`() async throws {
        let ending = try await probe(.pattern(expression: "Version")) { _ in .of(200, "Version 7") }
        let failure = try #require(ending.failure)
        #expect(failure.isPermanent)
        #expect(failure.message.contains("check 0: Version has no group that holds the version"))
    }

    @Test func `A pattern that backtracks without end is left behind`() async throws {
        var pace = Asked.fast
        pace.search = .milliseconds(200)
        // Doubles with each letter: long enough for the test, and over soon after it.
        let body = String(repeating: "a", count: 24)
        let ending = try await probe(.pattern(expression: "(a+)+$b"), pace: pace) { _ in
            .of(200, body)
        }
        let failure = try #require(ending.failure)
        #expect(failure.isPermanent)
        #expect(failure.message.contains("found no end on 24 bytes"))
    }

    @Test func `A slow answer is cut at its deadline, and asked for again`() async throws {
        var pace = Asked.fast
        pace.http = .milliseconds(300)
        let ending = try await probe(pace: pace) { number in
            var reply = LoopbackServer.Reply.of(200)
            if number == 0 { reply.after = .seconds(30) }
            return reply
        }
        #expect(ending.failure == nil)
    }

    @Test func `A stop while an answer is awaited is heeded, and tells what was seen before`()
        async throws
    {
        let failure = try await stoppedProbe(onceAsked: 2) { number in
            var reply = LoopbackServer.Reply.of(503)
            if number > 0 { reply.after = .seconds(30) }
            return reply
        }
        #expect(failure.message.hasSuffix("check 0: 503, not 200"))
        let silent = try await stoppedProbe(onceAsked: 1) { _ in
            var reply = LoopbackServer.Reply.of(200)
            reply.after = .seconds(30)
            return reply
        }
        #expect(silent.message.hasSuffix("check 0: no answer yet"))
    }

    @Test func `Each request is a first one: no cookie, no cache, nothing kept`() async throws {
        let server = try LoopbackServer { _ in .of(503) }
        defer { server.stop() }
        let probe = HTTPProbe(url: server.url, status: 200, version: nil, authorityFile: nil)
        _ = await Asked([.http(probe: probe)]).outOfTime(ScriptedService()) {
            server.requests.count > 2
        }
        for request in server.requests {
            #expect(request.hasPrefix("GET / HTTP/1.1\r\n"))
            #expect(request.contains("Cache-Control: no-cache"))
            #expect(!request.contains("Cookie"))
        }
    }

    @Test func `Many probes are asked, and each is answered for`() async throws {
        let server = try LoopbackServer { _ in .of(200) }
        defer { server.stop() }
        let probes = (0..<20).map {
            Check.Question.http(
                probe: HTTPProbe(
                    url: "\(server.url)\($0)", status: 200, version: nil, authorityFile: nil))
        }
        let results = try await Asked(probes).verify(ScriptedService())
        #expect(results.map(\.check) == (0..<20).map { "check \($0)" })
        #expect(server.requests.count == 20)
    }
}
