internal import HTTPClient

/// Moves a command's bytes over its connection; one thread writes while another reads.
struct ExecPump: Sendable {
    struct Written: Sendable {
        var sizeInBytes: Int64 = 0
        var wasRefused = false
    }

    struct Read: Sendable {
        var outputSizeInBytes: Int64 = 0
        var standardError: [UInt8] = []
        var isStandardErrorTruncated = false
    }

    private static let bufferSizeInBytes = 128 << 10

    let connection: RawConnection
    let what: String
    let limits: ExecLimits
    private let deadline: ContinuousClock.Instant

    init(connection: RawConnection, what: String, limits: ExecLimits) {
        self.connection = connection
        self.what = what
        self.limits = limits
        deadline = .now + limits.whole
    }

    func write(
        from pull: (UnsafeMutableRawBufferPointer) throws -> Int, until stop: StopFlag
    ) throws(DockerError) -> Written {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Self.bufferSizeInBytes, alignment: 16)
        defer { buffer.deallocate() }
        var written = Written()
        while true {
            let count: Int
            do {
                count = min(try pull(buffer), buffer.count)
            } catch {
                connection.end()
                throw .bodyFailed(what, underlying: error)
            }
            do {
                if count <= 0 {
                    try connection.endWriting(within: left, until: stop)
                    return written
                }
                let part = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                try connection.write(part, within: left, until: stop)
                written.sizeInBytes += Int64(count)
            } catch .endedEarly {
                // The command ended, or closed its input; its exit code tells which.
                written.wasRefused = true
                return written
            } catch {
                throw meaning(of: error)
            }
        }
    }

    func read(
        into sink: (UnsafeRawBufferPointer) throws -> Void, besideInput hasInput: Bool,
        until stop: StopFlag
    ) throws(DockerError) -> Read {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Self.bufferSizeInBytes, alignment: 16)
        defer { buffer.deallocate() }
        var frames = StreamFrames()
        var read = Read()
        while true {
            let count: Int
            do {
                count = try connection.read(into: buffer, within: left, until: stop)
            } catch .endedEarly where hasInput && frames.isBetweenFrames {
                // An engine that closes with input still unread resets the connection (Podman does,
                // where a command ends before its input). Whether all is well tells the exit code.
                return read
            } catch {
                throw meaning(of: error)
            }
            if count == 0 {
                try frames.checkEnd(what)
                return read
            }
            do {
                try frames.take(UnsafeRawBufferPointer(rebasing: buffer[..<count])) {
                    stream, bytes in
                    switch stream {
                    case .output:
                        read.outputSizeInBytes += Int64(bytes.count)
                        try sink(bytes)
                    case .error: read.keep(bytes, limits.standardErrorInBytes)
                    }
                }
            } catch {
                throw error as? DockerError ?? .bodyFailed(what, underlying: error)
            }
        }
    }

    private var left: Duration { deadline - .now }

    private func meaning(of error: HTTPError) -> DockerError {
        switch error {
        case .timedOut: .timedOut(what, after: limits.whole)
        case .stopped: .stopped(what)
        default: .endedEarly(what, reason: "\(error)")
        }
    }
}

extension ExecPump.Read {
    mutating func keep(_ bytes: UnsafeRawBufferPointer, _ limitInBytes: Int) {
        let part = bytes.prefix(max(0, limitInBytes - standardError.count))
        standardError += part
        if part.count < bytes.count { isStandardErrorTruncated = true }
    }
}
