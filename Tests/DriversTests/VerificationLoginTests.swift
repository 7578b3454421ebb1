import Synchronization
import Testing
import UpgradeMachine

@testable import Drivers

@Suite("Verification of what is behind a log-in", .timeLimit(.minutes(1)))
struct VerificationLoginTests {
    private static let version = VersionLocation.pattern(expression: "Version ([0-9.]+)")

    private func login(
        _ kind: SignInServer.Kind, _ server: SignInServer, token: String = #"content="([^"]+)""#
    ) -> HTTPLogin {
        let root = server.url.replacing("console", with: "")
        return HTTPLogin(
            page: kind == .scripted ? "\(root)start" : nil,
            action: kind == .scripted ? "\(root)session" : nil,
            fields: [
                HTTPField(name: "j_username", value: .text(text: "admin")),
                HTTPField(
                    name: "j_password", value: .secret(reference: .environment(name: "ADMIN"))),
            ],
            token: kind == .scripted ? LoginToken(field: "_csrf", expression: token) : nil)
    }

    private func question(
        _ server: SignInServer, _ login: HTTPLogin, version: VersionLocation? = version,
        contains: String? = nil
    ) -> Check.Question {
        .http(
            probe: HTTPProbe(
                url: server.url, status: 200, version: version, authorityFile: nil, login: login,
                contains: contains))
    }

    @Test("One session serves all questions", arguments: SignInServer.Kind.allCases)
    func letIn(_ kind: SignInServer.Kind) async throws {
        let server = try SignInServer(kind)
        defer { server.stop() }
        let resolved = Mutex(0)
        let asked = Asked([question(server, login(kind, server))], steadyFor: 1) { reference in
            #expect(reference == .environment(name: "ADMIN"))
            resolved.withLock { $0 += 1 }
            return Secret("s3 cr&t")
        }
        let results = try await asked.verify(ScriptedService())
        #expect(
            results == [CheckResult(check: "check 0", saw: "200, logged in, version 7.1.0")])
        #expect(server.posts.count == 1)
        #expect(resolved.withLock { $0 } == 1)
        // Its own log-in page, or the form, where the application says that it is.
        let path = [.container: "/j_security_check", .redirecting: "/login"][kind] ?? "/session"
        #expect(server.posts[0].hasPrefix(path))
    }

    struct Refused: Sendable {
        let kind: SignInServer.Kind
        let says: String
    }

    @Test(
        "Who is not let in is told how, and does not try for ever",
        arguments: [
            Refused(kind: .container, says: "200 with the log-in form: nobody is logged in"),
            Refused(
                kind: .redirecting, says: "the log-in was answered 200 with its own form again"),
            Refused(kind: .scripted, says: "the log-in was refused with 401"),
        ])
    func refused(_ given: Refused) async throws {
        let server = try SignInServer(given.kind)
        defer { server.stop() }
        let asked = Asked([question(server, login(given.kind, server))]) { _ in Secret("wr0ng") }
        let failure = try #require(await asked.failure(ScriptedService()))
        #expect(failure.isPermanent)
        #expect(failure.message.contains("check 0: \(given.says), 3 times"), "\(failure.message)")
        #expect(server.posts.count == 3)
        #expect(!failure.message.contains("wr0ng") && !"\(asked.reported)".contains("wr0ng"))
    }

    @Test("A status alone does not pass for a log-in", arguments: SignInServer.Kind.allCases)
    func silent(_ kind: SignInServer.Kind) async throws {
        let server = try SignInServer(kind)
        defer { server.stop() }
        let asked = Asked([question(server, login(kind, server), version: nil)]) { _ in
            Secret("wr0ng")
        }
        #expect(try #require(await asked.failure(ScriptedService())).isPermanent)
    }

    @Test("A session that is forgotten is begun anew", arguments: SignInServer.Kind.allCases)
    func forgotten(_ kind: SignInServer.Kind) async throws {
        let server = try SignInServer(kind)
        defer { server.stop() }
        let service = ScriptedService { look in
            if look == 2 { server.forgetSessions() }
            return .running
        }
        let asked = Asked([question(server, login(kind, server))], steadyFor: 1)
        #expect(try await asked.verify(service).first?.saw == "200, logged in, version 7.1.0")
        #expect(server.posts.count == 2)
        #expect(asked.notes.contains { $0.hasSuffix("nobody is logged in") }, "\(asked.notes)")
    }

    @Test func `A page that is not good yet is asked for in a new session`() async throws {
        let server = try SignInServer(.container) { $0 < 3 ? "Loading…" : "Version 7.1.0" }
        defer { server.stop() }
        let asked = Asked([question(server, login(.container, server))])
        _ = try await asked.verify(ScriptedService())
        // The answer to the log-in leads to the page as well.
        #expect(server.posts.count == 2)
    }

    @Test func `What only those see who are logged in can be asked for`() async throws {
        let server = try SignInServer(.redirecting) { _ in "Signed in as admin. Version 7.1.0" }
        defer { server.stop() }
        let login = login(.redirecting, server)
        let good = Asked([question(server, login, contains: "Signed in as \\w+")])
        #expect(
            try await good.verify(ScriptedService()).first?.saw
                == "200, logged in, a match of Signed in as \\w+, version 7.1.0")
        let bad = Asked([question(server, login, contains: "Signed in as root")])
        let failure = try #require(await bad.outOfTime(ScriptedService()))
        #expect(
            failure.message.hasSuffix("check 0: 200, without a match of Signed in as root"))
    }

    @Test func `A form that leads to another server is not sent`() async throws {
        let server = try LoopbackServer { _ in
            .of(200, "<form action='http://127.0.0.2/steal'><input name=j_password></form>")
        }
        defer { server.stop() }
        let probe = HTTPProbe(
            url: server.url, status: 200, version: nil, authorityFile: nil,
            login: HTTPLogin(
                page: nil, action: nil,
                fields: [
                    HTTPField(name: "j_password", value: .secret(reference: .file(path: "/x")))
                ], token: nil))
        let failure = await Asked([.http(probe: probe)]).outOfTime(ScriptedService())
        let message = try #require(failure).message
        #expect(message.contains("leads to another server, http://127.0.0.2:80, and was not sent"))
        #expect(server.requests.allSatisfy { $0.hasPrefix("GET") })
    }

    @Test func `What the log-in needs and the page has not is waited for`() async throws {
        let server = try SignInServer(.scripted)
        defer { server.stop() }
        let login = login(.scripted, server, token: "nonce=([0-9]+)")
        let token = Asked([question(server, login)])
        let failure = try #require(await token.outOfTime(ScriptedService()))
        #expect(failure.message.hasSuffix("no match of nonce=([0-9]+) on the log-in page"))
        let formless = HTTPLogin(page: login.page, action: nil, fields: login.fields, token: nil)
        let asked = Asked([question(server, formless)])
        let other = try #require(await asked.outOfTime(ScriptedService()))
        #expect(other.message.hasSuffix("200, and no form with j_password on the log-in page"))
        #expect(server.posts.isEmpty)
    }

    @Test func `A secret that is nowhere will not come`() async throws {
        let server = try SignInServer(.container)
        defer { server.stop() }
        let asked = Asked([question(server, login(.container, server))]) {
            (_) async throws(Failure) in
            throw Failure(
                code: "secret-missing", message: "/etc/pawl/admin is not there", advice: "",
                isPermanent: true)
        }
        let failure = try #require(await asked.failure(ScriptedService()))
        #expect(failure.message.contains("check 0: /etc/pawl/admin is not there"))
        #expect(server.posts.isEmpty)
    }
}

@Suite("A form of a page")
struct HTMLFormTests {
    @Test func `Is read as browsers read it`() throws {
        let forms = HTMLForm.all(
            in: """
                <title><form></title><script>"<form action=no>"</script><!--<form>--> 1 < 2 </ >
                <FORM id=a ACTION=/go?a=1&amp;b=2 method=post><input name=user value="x>y">
                <input type=HIDDEN name='t' value='&quot;&#39;&#x41;&lt;&unknown;' name=other/>
                <input type=hidden value=unnamed><select name="role"><option></select></form>
                <input name=outside><form><textarea name=open><input name=no></textarea>
                """)
        #expect(forms.count == 2)
        #expect(forms[0].action == "/go?a=1&b=2")
        #expect(forms[0].names == ["user", "t", "role"])
        #expect(forms[0].hidden == [.init(name: "t", value: "\"'A<&unknown;")])
        #expect(forms[1].action == nil)
        #expect(forms[1].names == ["open"])
    }

    @Test(
        "Of what is none nothing comes, and soon",
        arguments: [
            "", "<", "</", "<form", "<form a='", "<!--", "<script>", "<a =", "<form ====>",
            String(repeating: "<!--", count: 2_000), String(repeating: "<", count: 2_000),
            String(repeating: "<form a", count: 2_000), String(repeating: "</", count: 2_000),
        ])
    func garbage(_ text: String) {
        let names = HTMLForm.all(in: text).flatMap(\.names)
        #expect(names.isEmpty)
    }

    @Test func `A body is encoded by the URL standard`() {
        #expect(
            FormEncoding.body([("a b", "ä&=+*-._~\n"), ("c", "")])
                == "a+b=%C3%A4%26%3D%2B*-._%7E%0A&c=")
    }
}
