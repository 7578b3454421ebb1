import Foundation
import Glibc
import Synchronization

/// A server that answers each connection in turn by a script of raw bytes.
final class ScriptedServer: Sendable {
    enum Step: Sendable {
        /// Reads until the empty line that ends a request's head.
        case readHead
        case read(count: Int)
        /// Reads until the client writes no more, or is gone.
        case readToEnd
        case write(String)
        case zeros(count: Int)
    }

    /// What each connection has sent so far.
    private final class Seen: Sendable {
        let bytes = Mutex<[Int: [UInt8]]>([:])
    }

    private let listener: Int32
    private let seen = Seen()
    let url: String

    init(unixPath: String? = nil, _ scripts: [Step]...) throws {
        let port: UInt16
        (listener, port) = try unixPath.map { (try Self.listen(onPath: $0), 0) } ?? Self.listen()
        url = "http://127.0.0.1:\(port)"
        let (listener, seen) = (listener, seen)
        Thread.detachNewThread {
            for (index, script) in scripts.enumerated() {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                Thread.detachNewThread {
                    for step in script { Self.play(step, connection, index, seen) }
                    close(connection)
                }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    func request(_ index: Int = 0) -> String {
        seen.bytes.withLock { String(decoding: $0[index] ?? [], as: UTF8.self) }
    }

    private static func play(_ step: Step, _ connection: Int32, _ index: Int, _ seen: Seen) {
        switch step {
        case .write(let text): send(Array(text.utf8), connection)
        case .zeros(let count):
            let piece = [UInt8](repeating: 0, count: 1 << 16)
            for _ in 0..<(count >> 16) where !send(piece, connection) { return }
        case .readHead:
            read(connection, index, seen) { $0.suffix(4) == [13, 10, 13, 10] }
        case .read(let count):
            let before = seen.bytes.withLock { $0[index]?.count ?? 0 }
            read(connection, index, seen) { $0.count >= before + count }
        case .readToEnd:
            read(connection, index, seen) { _ in false }
        }
    }

    private static func read(
        _ connection: Int32, _ index: Int, _ seen: Seen, until isEnough: ([UInt8]) -> Bool
    ) {
        var byte: UInt8 = 0
        while Glibc.read(connection, &byte, 1) == 1 {
            let all = seen.bytes.withLock {
                $0[index, default: []].append(byte)
                return $0[index, default: []]
            }
            if isEnough(all) { return }
        }
    }

    @discardableResult
    private static func send(_ bytes: [UInt8], _ connection: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}

extension ScriptedServer {
    struct NoSocket: Error { let code: Int32 }

    private static func listen() throws -> (Int32, UInt16) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && Glibc.listen(listener, 8) == 0
                    ? getsockname(listener, $0, &size) : -1
            }
        }
        guard code == 0 else { throw NoSocket(code: errno) }
        return (listener, UInt16(bigEndian: address.sin_port))
    }

    private static func listen(onPath path: String) throws -> Int32 {
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard code == 0, Glibc.listen(listener, 8) == 0 else { throw NoSocket(code: errno) }
        return listener
    }
}
