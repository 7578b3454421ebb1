import Synchronization
import Testing
import UpgradeMachine

@testable import Drivers

@Suite("Verification of pages", .timeLimit(.minutes(1)))
struct VerificationPageTests {
    private static let version = VersionLocation.pattern(expression: "Version ([0-9.]+)")

    /// How an answer with these fields is judged, once at least.
    private func saw(
        _ fields: [String], _ body: String, version: VersionLocation?
    ) async throws -> (saw: String, isGood: Bool) {
        let server = try LoopbackServer(answering: { _, _ in .of(200, fields, Array(body.utf8)) })
        defer { server.stop() }
        let probe = HTTPProbe(
            url: server.url, status: 200, version: version, authorityFile: nil)
        let asked = HTTPQuestion(probe, version: "7.1.0") { _ in Secret("") }
        let question = try #require(asked)
        let answer = try #require(await question.ask())
        return (answer.saw, answer.isGood)
    }

    struct Kept: Sendable {
        let fields: [String]
        let words: String
    }

    @Test(
        "An old version out of a cache is told as one, and waited out",
        arguments: [
            Kept(fields: ["Age: 312"], words: "Age above 0"),
            Kept(fields: ["X-Cache: HIT from proxy"], words: "X-Cache: HIT from proxy"),
            Kept(fields: ["X-Cache: MISS, TCP_MEM_HIT"], words: "X-Cache: MISS, TCP_MEM_HIT"),
            Kept(fields: ["X-Cache-Status: STALE"], words: "X-Cache-Status: STALE"),
            Kept(
                fields: ["Cache-Status: nginx; hit; ttl=30", "Age: 3"],
                words: "Cache-Status: nginx; hit; ttl=30"),
        ])
    func kept(_ given: Kept) async throws {
        let old = try await saw(given.fields, "Version 7.0.0", version: Self.version)
        #expect(
            old.saw
                == "200, version 7.0.0, not 7.1.0: an old version from a cache (\(given.words))")
        #expect(!old.isGood)
        // The right version only the release can have said; a status alone anybody.
        let new = try await saw(given.fields, "Version 7.1.0", version: Self.version)
        #expect(new == ("200, version 7.1.0", true))
        let mute = try await saw(given.fields, "", version: nil)
        #expect(mute.saw == "200, but out of a cache (\(given.words)): nothing of the release")
        #expect(!mute.isGood)
    }

    @Test(
        "What no cache kept is not taken for it",
        arguments: [
            ["Age: 0"], ["X-Cache: MISS"], ["X-Cache-Status: BYPASS", "Age: -1"], ["Age: old"],
            ["Cache-Status: a; fwd=stored"], ["X-Cache-Status: REVALIDATED"], [],
        ])
    func fresh(_ fields: [String]) async throws {
        let old = try await saw(fields, "Version 7.0.0", version: Self.version)
        #expect(old.saw == "200, version 7.0.0, not 7.1.0")
        let mute = try await saw(fields, "", version: nil)
        #expect(mute == ("200", true))
    }

    @Test func `An old version out of a cache ends nothing, one of the application's does`()
        async throws
    {
        let server = try LoopbackServer(answering: { number, _ in
            .of(200, number < 40 ? ["Age: 9"] : [], Array("Version 7.0.0".utf8))
        })
        defer { server.stop() }
        let probe = HTTPProbe(
            url: server.url, status: 200, version: Self.version, authorityFile: nil)
        let failure = try #require(await Asked([.http(probe: probe)]).failure(ScriptedService()))
        #expect(failure.isPermanent)
        #expect(server.requests.count > 40)
    }

    @Test func `What has to be there and what must not are looked for`() async throws {
        let server = try LoopbackServer(answering: { number, _ in
            .of(200, [], Array((number < 3 ? "Welcome. Maintenance" : "Welcome").utf8))
        })
        defer { server.stop() }
        func probe(_ contains: String?, _ absent: [String]) -> Check.Question {
            .http(
                probe: HTTPProbe(
                    url: server.url, status: 200, version: nil, authorityFile: nil,
                    contains: contains, absent: absent))
        }
        let asked = Asked([probe("Wel+come", ["Error", "Maint"])])
        #expect(
            try await asked.verify(ScriptedService()).first?.saw == "200, a match of Wel+come")
        #expect(asked.notes.contains("check 0: 200, with a match of Maint"))
        let missing = try #require(
            await Asked([probe("Bye", [])]).outOfTime(ScriptedService()))
        #expect(missing.message.hasSuffix("check 0: 200, without a match of Bye"))
    }

    @Test func `Redirects are followed where asked, on the same server, and not for ever`()
        async throws
    {
        let server = try LoopbackServer(answering: { _, request in
            let path = request.split(separator: " ")[1]
            switch path {
            case "/": return .of(302, ["Location: /a/b", "Set-Cookie: way=1; Path=/"], [])
            case "/a/b": return .of(307, ["Location: ../c?x=1#y"], [])
            case "/c?x=1" where request.contains("Cookie: way=1"): return .of(200, [], [])
            case "/away": return .of(302, ["Location: http://127.0.0.2:1/"], [])
            case "/loop": return .of(302, ["Location: /loop?again"], [])
            case "/loop?again": return .of(302, ["Location: /loop"], [])
            default: return .of(404, [], [])
            }
        })
        defer { server.stop() }
        func probe(_ path: String) -> Check.Question {
            .http(
                probe: HTTPProbe(
                    url: server.url + path, status: 200, version: nil, authorityFile: nil,
                    redirects: .followed))
        }
        #expect(try await Asked([probe("")]).verify(ScriptedService()).first?.saw == "200")
        let away = try #require(await Asked([probe("away")]).outOfTime(ScriptedService()))
        #expect(away.message.hasSuffix("check 0: 302 to http://127.0.0.2:1/, not 200"))
        let loop = try #require(await Asked([probe("loop")]).outOfTime(ScriptedService()))
        #expect(loop.message.hasSuffix("more than 5 redirects, the last to \(server.url)loop"))
    }

    @Test func `An account and header fields go with every request`() async throws {
        let server = try LoopbackServer { _ in .of(200) }
        defer { server.stop() }
        let probe = HTTPProbe(
            url: server.url, status: 200, version: nil, authorityFile: nil,
            account: HTTPAccount(user: "monitor", password: .file(path: "/pw")),
            fields: [
                HTTPField(name: "X-Api-Key", value: .secret(reference: .file(path: "/key"))),
                HTTPField(name: "Accept", value: .text(text: "text/plain")),
            ])
        _ = try await Asked([.http(probe: probe)]) { reference in
            Secret(reference == .file(path: "/pw") ? "hunter2" : "k3y")
        }.verify(ScriptedService())
        let request = try #require(server.requests.first)
        // `printf monitor:hunter2 | base64`
        #expect(request.contains("\r\nAuthorization: Basic bW9uaXRvcjpodW50ZXIy\r\n"))
        #expect(request.contains("\r\nX-Api-Key: k3y\r\n"))
        #expect(request.contains("\r\nAccept: text/plain\r\n") && !request.contains("*/*"))
    }

    @Test func `An account that is refused is not asked with for ever`() async throws {
        let server = try LoopbackServer { _ in .of(401) }
        defer { server.stop() }
        let probe = HTTPProbe(
            url: server.url, status: 200, version: nil, authorityFile: nil,
            account: HTTPAccount(user: "monitor", password: .file(path: "/pw")))
        let asked = Asked([.http(probe: probe)])
        let failure = try #require(await asked.failure(ScriptedService()))
        #expect(failure.message.contains("check 0: 401: the account was refused, 3 times"))
        #expect(server.requests.count == 3)
    }

    @Test func `Each form of a secret that may come back is known`() {
        let reference = SecretReference.file(path: "/pw")
        let probe = HTTPProbe(
            url: "", status: 200, version: nil, authorityFile: nil,
            account: HTTPAccount(user: "monitor", password: reference))
        let check = Check(name: "page", question: .http(probe: probe))
        func forms(_ secret: String, at reference: SecretReference = reference) -> Set<String> {
            Set(
                SentSecrets.forms(of: Secret(secret), at: reference, in: check)
                    .map { $0.reveal { $0 } })
        }
        // `printf 'monitor:hunter2' | base64`
        #expect(forms("hunter2") == ["bW9uaXRvcjpodW50ZXIy"])
        #expect(
            forms("a b&<\"'", at: .file(path: "/other"))
                == ["a+b%26%3C%22%27", "a%20b%26%3C%22%27", "a b&amp;&lt;&quot;&#39;"])
    }

    @Test func `A container is asked at the address that it has now`() async throws {
        let server = try LoopbackServer { _ in .of(200) }
        defer { server.stop() }
        let url = server.url.replacing("127.0.0.1", with: "studio_web")
        let probe = HTTPProbe(
            url: url, status: 200, version: nil, authorityFile: nil,
            destination: .container(name: "web"))
        let asked = Asked([.http(probe: probe)])
        let service = ScriptedService { look in
            ServiceStatus(parts: [.web(address: look < 2 ? nil : "127.0.0.1")])
        }
        #expect(try await asked.verify(service).first?.saw == "200")
        #expect(asked.notes.contains("check 0: web has no address to be asked at"))
        let host = url.dropFirst(7).dropLast()
        #expect(server.requests.allSatisfy { $0.contains("\r\nHost: \(host)\r\n") })
    }

    @Test func `A compressed answer is read as what it was`() async throws {
        // `printf '<p>Version 7.1.0</p>' | gzip -n`
        let body: [UInt8] = [
            31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 179, 41, 176, 11, 75, 45, 42, 206, 204, 207, 83, 48,
            215, 51, 212, 51, 176, 209, 47, 176, 3, 0, 141, 252, 226, 111, 20, 0, 0, 0,
        ]
        let server = try LoopbackServer(answering: { _, _ in
            .of(200, ["Content-Encoding: gzip"], body)
        })
        defer { server.stop() }
        let probe = HTTPProbe(
            url: server.url, status: 200, version: Self.version, authorityFile: nil)
        let results = try await Asked([.http(probe: probe)]).verify(ScriptedService())
        #expect(results.first?.saw == "200, version 7.1.0")
        #expect(server.requests.allSatisfy { $0.contains("Accept-Encoding: gzip") })
    }

    @Test func `A page that is known to be slow may have its time`() async throws {
        var pace = Asked.fast
        pace.http = .milliseconds(50)
        let server = try LoopbackServer { _ in
            var reply = LoopbackServer.Reply.of(200)
            reply.after = .milliseconds(300)
            return reply
        }
        defer { server.stop() }
        let probe = HTTPProbe(
            url: server.url, status: 200, version: nil, authorityFile: nil, within: 60)
        let results = try await Asked([.http(probe: probe)]).verify(ScriptedService(), pace: pace)
        #expect(results.first?.saw == "200")
    }

    @Test func `Every check is told of to whoever asks beside an upgrade`() async throws {
        let asked = Asked([
            .release, .healthy(container: "web"), .command(arguments: ["/bin/true"]),
        ])
        let service = ScriptedService { _ in
            ServiceStatus(parts: [.web(restarts: 9, health: .starting, digests: ["sha256:70"])])
        }
        let (checks, failure) = try await asked.answers(service)
        #expect(try #require(failure).code == "check-failed")
        #expect(
            checks == [
                .init(check: "check 0", isGood: false, saw: "web runs sha256:70, not sha256:71"),
                .init(
                    check: "check 1", isGood: false,
                    saw: "the health check of web is still starting"),
                .init(
                    check: "check 2", isGood: false,
                    saw: "not asked: it waits for the other checks"),
                .init(check: "running", isGood: false, saw: "web restarted 9 times: running"),
            ])
        let good = try await Asked([.release]).answers(ScriptedService())
        #expect(good.failure == nil)
        #expect(good.checks == [.init(check: "check 0", isGood: true, saw: "sha256:71")])
    }
}
