import Testing

@testable import HTTPClient

@Suite(.timeLimit(.minutes(1))) struct TakeOverTests {
    private let request = { (url: String) in
        HTTPRequest(.post, url + "/exec/1/start?x=1", fields: ["A": "b"], body: .bytes([123, 125]))
    }
    private static let upgraded = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n\r\n"

    @Test("bytes right behind the head are kept, and both directions end apart")
    func duplex() async throws {
        let server = try ScriptedServer([
            .readHead, .read(count: 2), .write(Self.upgraded + "early "), .readToEnd,
            .write("late"),
        ])
        guard
            case .connection(let connection) = try await HTTPClient().takeOver(request(server.url))
        else {
            Issue.record("refused")
            return
        }
        let text = try await onOwnThread { stop in
            Result { () throws(HTTPError) in
                try connection.write(Array("question".utf8), within: .seconds(5), until: stop)
                try connection.endWriting(within: .seconds(5), until: stop)
                var text: [UInt8] = []
                while true {
                    var piece = [UInt8](repeating: 0, count: 3)
                    let count = try piece.withUnsafeMutableBufferPointer {
                        (buffer) throws(HTTPError) in
                        try connection.read(
                            into: UnsafeMutableRawBufferPointer(buffer), within: .seconds(5),
                            until: stop)
                    }
                    if count == 0 { return String(decoding: text, as: UTF8.self) }
                    text += piece.prefix(count)
                }
            }
        }.get()
        #expect(text == "early late")
        let seen = server.request()
        #expect(seen.hasPrefix("POST /exec/1/start?x=1 HTTP/1.1\r\nHost: 127.0.0.1:"))
        #expect(seen.contains("Upgrade: tcp\r\n"))
        #expect(seen.hasSuffix("\r\n\r\n{}question"))
    }

    @Test("another answer is a refusal with its body")
    func refused() async throws {
        let server = try ScriptedServer([
            .readHead, .write("HTTP/1.1 409 Conflict\r\nContent-Length: 6\r\n\r\npau"),
            .write("sed"), .readToEnd,
        ])
        guard case .refused(let answer) = try await HTTPClient().takeOver(request(server.url))
        else {
            Issue.record("taken over")
            return
        }
        #expect(answer.status == 409 && answer.text == "paused")
    }

    @Test("an answer that is no HTTP, or none", arguments: ["SSH-2.0\r\n\r\n", ""])
    func noHTTP(text: String) async throws {
        let server = try ScriptedServer([.readHead, .read(count: 2), .write(text)])
        await #expect(throws: HTTPError.self) {
            try await HTTPClient().takeOver(request(server.url))
        }
    }

    @Test("the end from another thread, and a flag, end a read that waits")
    func ended() async throws {
        let server = try ScriptedServer([.readHead, .write(Self.upgraded), .readToEnd])
        guard
            case .connection(let connection) = try await HTTPClient().takeOver(request(server.url))
        else {
            Issue.record("refused")
            return
        }
        let read = { @Sendable (stop: StopFlag) -> Result<Int, HTTPError> in
            Result { () throws(HTTPError) in
                let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 9, alignment: 1)
                defer { buffer.deallocate() }
                return try connection.read(into: buffer, within: nil, until: stop)
            }
        }
        let stopped = Task { try await onOwnThread(read) }
        stopped.cancel()
        guard case .failure(.stopped) = try await stopped.value else {
            Issue.record("not stopped")
            return
        }
        let waiting = Task { try await onOwnThread(read) }
        connection.end()
        #expect(try await waiting.value.get() == 0)
    }
}
