import Foundation
import Synchronization
import Testing

@testable import HTTPClient

@Suite(.timeLimit(.minutes(1))) struct TransferTests {
    private static func answer(_ body: String, status: String = "200 OK", _ fields: String = "")
        -> [ScriptedServer.Step]
    {
        [
            .readHead,
            .write(
                "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)"),
        ]
    }

    private func expect(
        _ location: SourceLocation = #_sourceLocation, _ work: () async throws -> Void,
        throws matches: (HTTPError) -> Bool
    ) async {
        do {
            try await work()
            Issue.record("no error", sourceLocation: location)
        } catch {
            let matched = (error as? HTTPError).map(matches) ?? false
            #expect(matched, "got \(error)", sourceLocation: location)
        }
    }

    @Test("status, fields and body come back; what was asked is what arrives")
    func simple() async throws {
        let server = try ScriptedServer(Self.answer("hello", "X-A: 1\r\nx-a:  two \r\n"))
        let client = HTTPClient(
            HTTPClient.Configuration(
                proxy: .none, credential: HTTPCredential(user: "me", password: "pw")))
        let answer = try await client.send(
            HTTPRequest(.get, server.url + "/a/../b?q=1", fields: ["X-Empty": "", "X-B": "c"]),
            limitInBytes: 5)
        #expect(answer.status == 200 && answer.text == "hello")
        #expect(answer.fields.values(of: "X-A") == ["1", "two"])
        let request = server.request()
        #expect(request.hasPrefix("GET /a/../b?q=1 HTTP/1.1\r\n"))
        for line in ["X-Empty:\r\n", "X-B: c\r\n", "Authorization: Basic bWU6cHc=\r\n"] {
            #expect(request.contains(line))
        }
    }

    @Test("an answer over a unix socket")
    func unixSocket() async throws {
        let path = NSTemporaryDirectory() + "/pawl-\(UInt32.random(in: 0...UInt32.max)).sock"
        defer { unlink(path) }
        let server = try ScriptedServer(unixPath: path, Self.answer("hi"))
        let client = HTTPClient(HTTPClient.Configuration(unixSocketPath: path))
        let answer = try await client.send(
            HTTPRequest(.get, "http://docker/x"), limitInBytes: 100)
        #expect(answer.text == "hi")
        #expect(server.request().contains("Host: docker\r\n"))
    }

    @Test("a body larger than the limit is an error, not a shorter body")
    func tooLarge() async throws {
        let server = try ScriptedServer(Self.answer("hello"), Self.answer("hello"))
        let client = HTTPClient()
        let request = HTTPRequest(.get, server.url)
        await expect {
            _ = try await client.send(request, limitInBytes: 4)
        } throws: {
            if case .tooLarge(_, 4) = $0 { true } else { false }
        }
        await expect {
            _ = try await client.stream(request, limitInBytes: 4) { _ in }
        } throws: {
            if case .tooLarge(_, 4) = $0 { true } else { false }
        }
    }

    @Test(
        "a body without its end is an error",
        arguments: ["Content-Length: 9", "Transfer-Encoding: chunked"])
    func early(field: String) async throws {
        let server = try ScriptedServer([
            .readHead, .write("HTTP/1.1 200 OK\r\n\(field)\r\n\r\n3\r\nabc"),
        ])
        await expect {
            _ = try await HTTPClient().send(HTTPRequest(.get, server.url), limitInBytes: 100)
        } throws: {
            if case .endedEarly = $0 { true } else { false }
        }
    }

    @Test("a slow sink holds the server back; its error ends the transfer")
    func sink() async throws {
        struct Full: Error {}
        let head = "HTTP/1.1 200 OK\r\nContent-Length: \(1 << 30)\r\n\r\n"
        let server = try ScriptedServer([.readHead, .write(head), .zeros(count: 1 << 30)])
        let taken = Mutex(0)
        await expect {
            _ = try await HTTPClient().stream(HTTPRequest(.get, server.url)) { bytes in
                let count = bytes.count
                let all = taken.withLock { taken in
                    taken += count
                    return taken
                }
                if all > 8 << 20 { throw Full() }
            }
        } throws: {
            if case .bodyFailed(_, is Full) = $0 { true } else { false }
        }
    }

    @Test("the body of a refusal does not go to the sink")
    func refusal() async throws {
        let server = try ScriptedServer(Self.answer("no", status: "404 Not Found"))
        let answer = try await HTTPClient().stream(HTTPRequest(.get, server.url)) { _ in
            Issue.record("the sink was called")
        }
        #expect(answer.status == 404 && answer.text == "no")
    }

    @Test("bodies of bytes and of a closure, with and without a size")
    func bodies() async throws {
        let ok = "HTTP/1.1 204 No Content\r\n\r\n"
        let server = try ScriptedServer(
            [.readHead, .read(count: 3), .write(ok)], [.readHead, .read(count: 3), .write(ok)],
            [.readHead, .read(count: 13), .write(ok)])
        let pull = { () -> HTTPRequest.PullClosure in
            let isDone = Mutex(false)
            return { buffer in
                isDone.withLock { isDone in
                    defer { isDone = true }
                    if !isDone { buffer.copyBytes(from: [97, 98, 99]) }
                    return isDone ? 0 : 3
                }
            }
        }
        let client = HTTPClient()
        for body: HTTPRequest.Body in [
            .bytes([97, 98, 99]), .pulled(sizeInBytes: 3, from: pull()),
            .pulled(sizeInBytes: nil, from: pull()),
        ] {
            let request = HTTPRequest(.post, server.url, body: body)
            #expect(try await client.send(request, limitInBytes: 0).status == 204)
        }
        for index in 0...1 {
            #expect(server.request(index).contains("Content-Length: 3\r\n"))
            #expect(server.request(index).hasSuffix("\r\n\r\nabc"))
        }
        #expect(server.request(2).hasSuffix("\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
        for index in 0...2 { #expect(server.request(index).hasPrefix("POST / HTTP/1.1\r\n")) }
    }

    @Test("cookies of one client come back, those of another do not")
    func cookies() async throws {
        let server = try ScriptedServer(
            Self.answer("", "Set-Cookie: s=1; Path=/\r\n"), Self.answer(""), Self.answer(""))
        let client = HTTPClient()
        for client in [client, client, HTTPClient()] {
            _ = try await client.send(HTTPRequest(.get, server.url), limitInBytes: 0)
        }
        #expect(server.request(1).contains("Cookie: s=1\r\n"))
        #expect(!server.request(2).contains("Cookie:"))
    }

    @Test("redirects are answers by default, and followed up to a limit where asked")
    func redirects() async throws {
        let move = Self.answer("", status: "302 Found", "Location: /next\r\n")
        let server = try ScriptedServer(move, move, Self.answer("there"), move, move, move)
        let request = HTTPRequest(.post, server.url, body: .bytes([1]))
        #expect(try await HTTPClient().send(request, limitInBytes: 0).status == 302)
        let client = HTTPClient(HTTPClient.Configuration(redirectLimit: 2))
        #expect(try await client.send(request, limitInBytes: 9).text == "there")
        #expect(server.request(2).hasPrefix("GET /next "))
        await expect {
            _ = try await client.send(request, limitInBytes: 9)
        } throws: {
            if case .tooManyRedirects(_, 2) = $0 { true } else { false }
        }
    }

    @Test("a redirect to a file is refused")
    func redirectToFile() async throws {
        let server = try ScriptedServer(
            Self.answer("", status: "302 Found", "Location: file:///etc/passwd\r\n"))
        let client = HTTPClient(HTTPClient.Configuration(redirectLimit: 2))
        await expect {
            _ = try await client.send(HTTPRequest(.get, server.url), limitInBytes: 9999)
        } throws: {
            if case .invalid = $0 { true } else { false }
        }
    }

    @Test("nobody listens; no such socket; a file is no server")
    func unreachable() async throws {
        let url = try ScriptedServer().url
        await expect {
            _ = try await HTTPClient().send(HTTPRequest(.get, url), limitInBytes: 0)
        } throws: {
            if case .unreachable(_, _, ECONNREFUSED) = $0 { true } else { false }
        }
        let client = HTTPClient(HTTPClient.Configuration(unixSocketPath: "/nowhere.sock"))
        await expect {
            _ = try await client.send(HTTPRequest(.get, "http://x/"), limitInBytes: 0)
        } throws: {
            if case .unreachable(_, _, ENOENT) = $0 { true } else { false }
        }
        await expect {
            _ = try await HTTPClient().send(
                HTTPRequest(.get, "file:///etc/passwd"), limitInBytes: 9999)
        } throws: {
            if case .invalid = $0 { true } else { false }
        }
    }

    @Test("silence and slowness have limits")
    func deadlines() async throws {
        let server = try ScriptedServer([.readToEnd], [.readToEnd])
        var request = HTTPRequest(.get, server.url)
        request.deadlines.idle = .milliseconds(300)
        await expect {
            _ = try await HTTPClient().send(request, limitInBytes: 0)
        } throws: {
            if case .timedOut(_, .idle, _) = $0 { true } else { false }
        }
        request.deadlines = HTTPDeadlines(idle: nil, whole: .milliseconds(300))
        await expect {
            _ = try await HTTPClient().send(request, limitInBytes: 0)
        } throws: {
            if case .timedOut(_, .whole, _) = $0 { true } else { false }
        }
    }

    @Test("stopping the task ends a silent transfer within a second")
    func stopped() async throws {
        let server = try ScriptedServer([.readToEnd])
        let task = Task {
            try await HTTPClient().send(HTTPRequest(.get, server.url), limitInBytes: 0)
        }
        while server.request().isEmpty { await Task.yield() }
        let asked = ContinuousClock.now
        task.cancel()
        let result = await task.result
        #expect(ContinuousClock.now - asked < .milliseconds(500))
        await expect {
            _ = try result.get()
        } throws: {
            if case .stopped = $0 { true } else { false }
        }
    }

    @Test("a task that is stopped already sends nothing for long")
    func stoppedBefore() async throws {
        let server = try ScriptedServer([.readToEnd])
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await HTTPClient().send(HTTPRequest(.get, server.url), limitInBytes: 0)
        }
        task.cancel()
        await expect {
            _ = try await task.value
        } throws: {
            if case .stopped = $0 { true } else { false }
        }
    }

    @Test(
        "no value writes lines of its own",
        arguments: [
            HTTPRequest(.get, "http://h/\r\nX: 1"), HTTPRequest(.get, "http://h/a b"),
            HTTPRequest(.get, "http://h/", fields: ["A": "b\r\nC: d"]),
            HTTPRequest(.get, "http://h/", fields: ["A\n": "b"]),
        ])
    func injection(request: HTTPRequest) async {
        await expect {
            _ = try await HTTPClient().send(request, limitInBytes: 0)
        } throws: {
            if case .invalid = $0 { true } else { false }
        }
    }

    @Test("neither errors nor descriptions hold a secret")
    func secrets() async {
        let request = HTTPRequest(
            .get, "http://me:s3cret@127.0.0.1:1/p?token=s3cret", fields: ["Authorization": "s3cret"]
        )
        #expect(request.target == "GET http://127.0.0.1:1/p")
        var dumped = ""
        dump(request.fields, to: &dumped)
        dump(HTTPCredential(user: "me", password: "s3cret"), to: &dumped)
        dumped += "\(request.fields) \(HTTPCredential(user: "me", password: "s3cret"))"
        #expect(!dumped.contains("s3cret"))
        await expect {
            _ = try await HTTPClient().send(request, limitInBytes: 0)
        } throws: {
            !"\($0)".contains("s3cret")
        }
    }
}
