import Foundation
import Glibc
import Synchronization
import Testing

/// What the engine does with a stack's containers, as it tells while it happens.
///
/// Source: `GET /events`, Docker Engine API 1.40; over HTTP 1.0, so that the answer has no chunks.
final class EngineEvents: Sendable {
    struct Event: Sendable {
        /// As in `die`, or `exec_create: mariadb --user=root`.
        let action: String
        /// The container's name, or the image's.
        let name: String
        let containerID: String
        let isCandidate: Bool
        let nanoseconds: Int64
    }

    /// Podman 4 reads its events from a file that it looks into now and then, and tells some twice.
    static let arePrompt = Testbed.engine == "docker"

    private struct Message: Decodable {
        struct Subject: Decodable {
            let id: String
            let attributes: [String: String]?

            enum CodingKeys: String, CodingKey {
                case id = "ID"
                case attributes = "Attributes"
            }
        }
        let kind: String
        let action: String
        let subject: Subject
        let nanoseconds: Int64

        enum CodingKeys: String, CodingKey {
            case kind = "Type"
            case action = "Action"
            case subject = "Actor"
            case nanoseconds = "timeNano"
        }
    }

    private let connection: Connection
    private let events = Mutex<[Event]>([])

    /// - Parameters:
    ///   - host: As in `unix:///var/run/docker.sock`.
    ///   - part: Of the names of what is told about.
    init(of host: String, about part: String) throws {
        connection = try Connection(path: String(host.dropFirst("unix://".count)))
        connection.send("GET /events HTTP/1.0\r\nHost: docker\r\n\r\n")
        Thread.detachNewThread { [weak self, connection] in
            connection.forEachLine { line in self?.take(line, about: part) }
        }
    }

    deinit { connection.end() }

    private func take(_ line: Data, about part: String) {
        // The answer's header has lines that are no events.
        guard let message = try? JSONDecoder().decode(Message.self, from: line) else { return }
        let attributes = message.subject.attributes ?? [:]
        let isImage = message.kind == "image"
        let name = isImage ? message.subject.id : attributes["name"] ?? ""
        guard isImage ? name.contains(part) : name.hasPrefix(part) else { return }
        let event = Event(
            action: message.action, name: name, containerID: message.subject.id,
            isCandidate: attributes["io.pawl.upgrade"] != nil, nanoseconds: message.nanoseconds)
        events.withLock { $0.append(event) }
    }

    var all: [Event] { events.withLock { $0 } }
}

/// A stream over a local socket, read by one thread and ended by any.
private final class Connection: Sendable {
    private let descriptor: Int32
    /// Its number is another file's as soon as it is closed.
    private let isOpen = Mutex(true)

    init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        try #require(descriptor >= 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(connected == 0, "\(path): \(String(cString: strerror(errno)))")
    }

    func send(_ text: String) { _ = text.withCString { write(descriptor, $0, strlen($0)) } }

    func end() { isOpen.withLock { if $0 { shutdown(descriptor, Int32(SHUT_RDWR)) } } }

    func forEachLine(_ take: (Data) -> Void) {
        var rest = Data()
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            rest += buffer.prefix(count)
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                take(rest[..<end])
                rest = Data(rest[(end + 1)...])
            }
        }
        isOpen.withLock { isOpen in
            close(descriptor)
            isOpen = false
        }
    }
}
