import Synchronization

/// An application that shows its console to those alone who have logged in, as one of three kinds
/// does it; `admin` with the password `s3 cr&t` is let in.
final class SignInServer: Sendable {
    enum Kind: CaseIterable, Sendable {
        /// Tomcat's own: the form in place of the page, posted to `j_security_check`, a page without
        /// a form for those who are refused.
        case container
        /// Spring's own: a redirect to the form, a hidden token, a redirect back to the form.
        case redirecting
        /// One that a script draws: no form on the page, a token in its head, status 401.
        case scripted
    }

    private struct State {
        var sessions: Set<String> = []
        var count = 0
        var posts: [String] = []
    }

    private final class Shared: Sendable {
        let state = Mutex(State())
    }

    private let shared: Shared
    private let server: LoopbackServer

    var url: String { "\(server.url)console" }
    var posts: [String] { shared.state.withLock { $0.posts } }
    var requests: [String] { server.requests }

    /// As a restart does.
    func forgetSessions() { shared.state.withLock { $0.sessions = [] } }
    func stop() { server.stop() }

    /// - Parameter console: The page's text, by the number of its requests from 0.
    init(
        _ kind: Kind, console: @escaping @Sendable (Int) -> String = { _ in "Version 7.1.0" }
    ) throws {
        let shared = Shared()
        let shown = Mutex(0)
        self.shared = shared
        server = try LoopbackServer(answering: { _, request in
            let path = request.split(separator: " ").dropFirst().first.map(String.init) ?? ""
            let session = request.firstMatch(of: /Cookie: [^\r]*S=([0-9]+)/).map { String($0.1) }
            let isIn = session.map { id in shared.state.withLock { $0.sessions.contains(id) } }
            if request.hasPrefix("POST") {
                return Self.post(request, path, kind, session, shared)
            }
            guard path == "/console", isIn == true else {
                return Self.stranger(path, kind, shared)
            }
            return .of(
                200, [],
                Array(
                    console(
                        shown.withLock { count in
                            defer { count += 1 }
                            return count
                        }
                    ).utf8))
        })
    }

    private static func form(_ kind: Kind) -> String {
        switch kind {
        case .container:
            """
            <html><!-- <form action="/x"><input name=j_password></form> -->
            <form method=POST action='j_security_check;jsessionid=1'>
            <input name="j_username"><INPUT type=password NAME="j_password"></form>
            """
        case .redirecting:
            """
            <form action="/login" method="post"><input name='j_username'/>
            <input name="j_password" type="password"/>
            <input type="hidden" name="_csrf" value="to&amp;ken"/><button name=go>Log in</button></form>
            """
        case .scripted:
            #"<meta name="csrf" content="to&amp;ken"><script>if (1 < 2) draw("<form>")</script>"#
        }
    }

    private static func stranger(
        _ path: String, _ kind: Kind, _ shared: Shared
    ) -> LoopbackServer.Reply {
        let id = shared.state.withLock { state in
            state.count += 1
            return state.count
        }
        let cookie = "Set-Cookie: S=\(id); Path=/"
        switch kind {
        case .redirecting where path == "/console":
            return .of(302, ["Location: /login", cookie], [])
        case .scripted where path == "/console": return .of(401, [], [])
        default: return .of(200, [cookie], Array(form(kind).utf8))
        }
    }

    private static func post(
        _ request: String, _ path: String, _ kind: Kind, _ session: String?, _ shared: Shared
    ) -> LoopbackServer.Reply {
        let body = request.split(separator: "\r\n\r\n").last.map(String.init) ?? ""
        let token = kind == .container ? "" : "_csrf=to%26ken"
        let isRight =
            body.contains("j_username=admin") && body.contains("j_password=s3+cr%26t")
            && body.contains(token) && session != nil
        shared.state.withLock { state in
            state.posts.append("\(path) \(body)")
            if isRight, let session { state.sessions.insert(session) }
        }
        switch (kind, isRight) {
        case (.scripted, true): return .of(204, [], [])
        case (_, true): return .of(303, ["Location: /console"], [])
        case (.container, false): return .of(200, [], Array("<p>Wrong password.".utf8))
        case (.redirecting, false): return .of(302, ["Location: /login?error"], [])
        case (.scripted, false): return .of(401, [], [])
        }
    }
}
