/// Which of a process's streams some bytes belong to.
public enum ProcessStream: Sendable {
    case output
    case error
}

/// Takes Docker's multiplexed stream apart: frames of an 8-byte head and their bytes.
///
/// The head is the stream (1 is output, 2 is error, 3 is the engine's own fault), three zeros and
/// the size, big-endian. Bytes are handed on as they come, without waiting for the end of a frame.
///
/// Source: `POST /containers/{id}/attach`, "Stream format", Docker Engine API 1.40.
struct StreamFrames {
    private static let faultLimitInBytes = 4096

    private var head: [UInt8] = []
    private var left = 0
    private var fault: [UInt8] = []

    /// Whether the stream may end here.
    var isBetweenFrames: Bool { head.isEmpty && left == 0 }

    /// Throws where the stream ended within a frame, or the engine told of a fault inside it.
    func checkEnd(_ what: String) throws(DockerError) {
        guard fault.isEmpty else {
            throw .endedEarly(what, reason: String(decoding: fault, as: UTF8.self))
        }
        guard isBetweenFrames else { throw .endedEarly(what, reason: "within a frame") }
    }

    mutating func take(
        _ bytes: UnsafeRawBufferPointer,
        _ deliver: (ProcessStream, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            if left == 0 {
                let part = rest.prefix(8 - head.count)
                head += part
                rest = rest.dropFirst(part.count)
                guard head.count == 8 else { return }
                try checkHead()
                left = head[4...].reduce(0) { $0 << 8 | Int($1) }
                if left == 0 { head = [] }
                continue
            }
            let part = rest.prefix(left)
            rest = rest.dropFirst(part.count)
            left -= part.count
            switch head[0] {
            case 1: try deliver(.output, UnsafeRawBufferPointer(rebasing: part))
            case 2: try deliver(.error, UnsafeRawBufferPointer(rebasing: part))
            default: fault += part.prefix(Self.faultLimitInBytes - fault.count)
            }
            if left == 0 { head = [] }
        }
    }

    private func checkHead() throws {
        guard head[0] <= 3, head[1...3].allSatisfy({ $0 == 0 }) else {
            throw DockerError.malformed("stream", reason: "\(head) is no head of a frame")
        }
    }
}
