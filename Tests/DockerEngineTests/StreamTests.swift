import Testing

@testable import DockerEngine

@Suite struct StreamFramesTests {
    private static let stream: [UInt8] =
        frame(1, "hello ") + frame(2, "oh") + frame(1, "") + frame(1, "world")

    private static func frame(_ stream: UInt8, _ text: String) -> [UInt8] {
        [stream, 0, 0, 0, 0, 0, 0, UInt8(text.utf8.count)] + Array(text.utf8)
    }

    private func feed(_ pieces: [ArraySlice<UInt8>]) throws -> (String, String, StreamFrames) {
        var (output, error): ([UInt8], [UInt8]) = ([], [])
        var frames = StreamFrames()
        for piece in pieces {
            try piece.withUnsafeBytes { bytes in
                try frames.take(bytes) { stream, bytes in
                    switch stream {
                    case .output: output += bytes
                    case .error: error += bytes
                    }
                }
            }
        }
        return (
            String(decoding: output, as: UTF8.self), String(decoding: error, as: UTF8.self), frames
        )
    }

    @Test("a stream cut at any byte gives the same", arguments: 0...stream.count)
    func split(at index: Int) throws {
        let (output, error, frames) = try feed([Self.stream[..<index], Self.stream[index...]])
        #expect(output == "hello world")
        #expect(error == "oh")
        try frames.checkEnd("stream")
    }

    @Test("the size of a frame has four bytes")
    func largeFrame() throws {
        let text = String(repeating: "x", count: 70_000)
        let frame: [UInt8] = [1, 0, 0, 0, 0, 1, 0x11, 0x70] + Array(text.utf8)
        let (output, error, frames) = try feed([frame[...], Self.frame(2, "end")[...]])
        #expect(output == text && error == "end")
        try frames.checkEnd("stream")
    }

    @Test("byte by byte")
    func bytewise() throws {
        let (output, error, _) = try feed(Self.stream.indices.map { Self.stream[$0...$0] })
        #expect(output == "hello world")
        #expect(error == "oh")
    }

    @Test("an end within a frame is told", arguments: [1, 7, 8, 9, 13])
    func early(count: Int) throws {
        let (_, _, frames) = try feed([Self.stream[..<count]])
        #expect { try frames.checkEnd("stream") } throws: { error in
            if case DockerError.endedEarly = error { true } else { false }
        }
    }

    @Test("the engine's own fault ends the stream")
    func fault() throws {
        let (_, _, frames) = try feed([Self.frame(3, "broken")[...]])
        #expect { try frames.checkEnd("stream") } throws: { "\($0)".contains("broken") }
    }

    @Test("a terminal's bytes are no frames")
    func noFrames() {
        #expect(throws: DockerError.self) { try feed([Array("hello there".utf8)[...]]) }
    }
}

@Suite struct ProgressTests {
    private func read(_ text: String, cutAt index: Int) throws -> (ProgressStream, [ImageProgress])
    {
        let seen = Collected<ImageProgress>()
        var stream = ProgressStream(what: "image a:1") { seen.append($0) }
        let bytes = Array(text.utf8)
        for piece in [bytes[..<index], bytes[index...]] {
            try piece.withUnsafeBytes { try stream.take($0) }
        }
        try stream.finish()
        return (stream, seen.values)
    }

    private static let pull = """
        {"status":"Pulling from acme/app","id":"2.0"}\r
        {"status":"Downloading","progressDetail":{"current":5,"total":10},"id":"f00"}\r
        {"status":"Digest: sha256:abc"}\r
        {"status":"Status: Downloaded newer image for acme/app:2.0"}\r

        """

    @Test("lines of a pull, cut at any byte", arguments: 0...pull.utf8.count)
    func lines(index: Int) throws {
        let (stream, seen) = try read(Self.pull, cutAt: index)
        #expect(seen.count == 4)
        #expect(seen[1].currentInBytes == 5 && seen[1].totalInBytes == 10 && seen[1].layer == "f00")
        #expect(stream.digest == "sha256:abc")
        #expect(stream.failure == nil)
    }

    @Test("a failure inside the stream is one, also without the last line's end")
    func failure() throws {
        let text = #"{"errorDetail":{"message":"no basic auth credentials"},"error":"x"}"#
        let (stream, _) = try read(text, cutAt: 3)
        guard case .unauthorized(_, "no basic auth credentials") = stream.failure else {
            Issue.record("got \(String(describing: stream.failure))")
            return
        }
    }

    @Test("the names of loaded images")
    func loaded() throws {
        let text =
            #"{"stream":"Loaded image: a:1\n"}"# + "\n"
            + #"{"stream":"Loaded image ID: sha256:b\n"}"#
        #expect(try read(text, cutAt: 0).0.loaded == ["a:1", "sha256:b"])
    }

    @Test("a line that is no JSON is malformed")
    func noJSON() {
        #expect(throws: DockerError.self) { try read("<html>\n", cutAt: 0) }
    }
}
