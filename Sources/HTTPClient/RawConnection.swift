internal import CCurl
internal import Glibc
internal import Synchronization

/// A connection that carries raw bytes both ways, taken over from HTTP.
///
/// One thread may read while another writes. The calls block, so they belong on threads made by
/// ``onOwnThread(_:)``; a raised flag ends them within a quarter of a second.
///
/// Source: `curl_easy_send(3)`, `curl_easy_recv(3)`.
public final class RawConnection: @unchecked Sendable {
    // Sendable by hand: libcurl's handles and `early` are used under `lock` alone. Nothing waits
    // while it holds the lock, since libcurl neither sends nor receives more than can be had at
    // once.
    /// No wait in poll(2) is longer, so that a raised flag and TLS's own traffic are seen.
    private static let pollLimit = Duration.milliseconds(250)

    private let lock = Mutex(())
    private let handles: CurlHandles
    /// Read together with the head of the answer, not yet asked for.
    private var early: ArraySlice<UInt8> = []
    private let socket: Int32
    private let target: String

    init(_ handles: CurlHandles, socket: Int32, target: String) {
        self.handles = handles
        self.socket = socket
        self.target = target
    }

    func putBack(_ bytes: ArraySlice<UInt8>) {
        lock.withLock { _ in early = bytes }
    }

    /// Waits for bytes and answers how many came; 0 is the end of what the other side writes.
    ///
    /// - Parameter limit: How long to wait for the first byte; `nil` waits until `stop` is raised.
    /// - Throws: ``HTTPError/timedOut(target:phase:after:)`` (idle),
    ///   ``HTTPError/stopped(target:)``, ``HTTPError/endedEarly(target:reason:)`` where the
    ///   connection broke.
    public func read(
        into buffer: UnsafeMutableRawBufferPointer, within limit: Duration?, until stop: StopFlag
    ) throws(HTTPError) -> Int {
        guard !buffer.isEmpty else { return 0 }
        let started = ContinuousClock.now
        while true {
            if stop.isRaised { throw .stopped(target: target) }
            let (code, count) = lock.withLock { _ in
                if !early.isEmpty {
                    let part = early.prefix(buffer.count)
                    buffer.copyBytes(from: part)
                    early = early.dropFirst(part.count)
                    return (CURLE_OK, part.count)
                }
                var count = 0
                let code = curl_easy_recv(
                    handles.easy, buffer.baseAddress, buffer.count, &count)
                return (code, count)
            }
            switch code {
            case CURLE_OK: return count
            case CURLE_AGAIN: try wait(for: POLLIN, since: started, limit, stop)
            default: throw .endedEarly(target: target, reason: Curl.text(code))
            }
        }
    }

    /// Writes all of the bytes.
    ///
    /// - Parameter limit: How long the other side may refuse to take any more.
    /// - Throws: as ``read(into:within:until:)``.
    public func write(
        _ bytes: UnsafeRawBufferPointer, within limit: Duration?, until stop: StopFlag
    ) throws(HTTPError) {
        var rest = bytes[...]
        var progress = ContinuousClock.now
        while !rest.isEmpty {
            if stop.isRaised { throw .stopped(target: target) }
            let (code, count) = lock.withLock { _ in
                var count = 0
                let part = UnsafeRawBufferPointer(rebasing: rest)
                let code = curl_easy_send(handles.easy, part.baseAddress, part.count, &count)
                return (code, count)
            }
            switch code {
            case CURLE_OK:
                rest = rest.dropFirst(count)
                progress = .now
            case CURLE_AGAIN: try wait(for: POLLOUT, since: progress, limit, stop)
            default: throw .endedEarly(target: target, reason: Curl.text(code))
            }
        }
    }

    /// Writes all of the bytes of an array.
    public func write(
        _ bytes: [UInt8], within limit: Duration?, until stop: StopFlag
    ) throws(HTTPError) {
        try bytes.withUnsafeBufferPointer { (bytes) throws(HTTPError) in
            try write(UnsafeRawBufferPointer(bytes), within: limit, until: stop)
        }
    }

    private func wait(
        for events: Int32, since started: ContinuousClock.Instant, _ limit: Duration?,
        _ stop: StopFlag
    ) throws(HTTPError) {
        var patience = Self.pollLimit
        if let limit {
            let left = limit - (.now - started)
            if left <= .zero { throw .timedOut(target: target, phase: .idle, after: limit) }
            patience = min(patience, left)
        }
        var waiting = pollfd(fd: socket, events: Int16(events), revents: 0)
        // Its answer does not matter: the next send or receive tells what there is, also an error.
        _ = poll(&waiting, 1, Int32(patience.milliseconds))
    }

    /// Tells the other side that no more is written; reading goes on.
    ///
    /// Without TLS it is `shutdown(2)` with `SHUT_WR`. With TLS it is the alert `close_notify` (RFC
    /// 8446 section 6.1, `SSL_shutdown(3ssl)`): a bare end of the connection would count as an
    /// attack.
    ///
    /// - Throws: as writing does.
    public func endWriting(
        within limit: Duration?, until stop: StopFlag
    ) throws(HTTPError) {
        let started = ContinuousClock.now
        while !stop.isRaised {
            let isDone = lock.withLock { _ in
                let answer = ccurl_end_tls_writing(handles.easy)
                if answer < 0 { shutdown(socket, Int32(SHUT_WR)) }
                return answer != 0
            }
            if isDone { return }
            try wait(for: POLLOUT, since: started, limit, stop)
        }
        throw .stopped(target: target)
    }

    /// Ends both directions at once; a read or write that waits on another thread returns.
    public func end() {
        shutdown(socket, Int32(SHUT_RDWR))
    }
}
