internal import CCurl
internal import Glibc

/// One request on its way; lives and dies on one thread.
final class Transfer {
    struct Output: Sendable {
        var limitInBytes: Int
        var sink: HTTPClient.Sink?
        var sinkLimitInBytes: Int?
    }

    /// The head of an answer may have this much; libcurl 7.88 itself sets no limit on their number.
    static let headLimitInBytes = 256 << 10

    let request: HTTPRequest
    let target: String
    let handles: CurlHandles
    private let configuration: HTTPClient.Configuration
    private let output: Output

    private var status = 0
    private var fields = HTTPFields()
    private var headSizeInBytes = 0
    private var body: [UInt8] = []
    private var sinkSizeInBytes = 0
    private var failure: HTTPError?
    private var lastProgress = ContinuousClock.now

    init(
        _ request: HTTPRequest, _ configuration: HTTPClient.Configuration, _ cookies: CookieJar,
        _ output: Output
    ) throws(HTTPError) {
        self.request = request
        self.configuration = configuration
        self.output = output
        target = request.target
        guard let handles = CurlHandles() else {
            throw .invalid(target: target, reason: "libcurl gives no handle: out of memory?")
        }
        self.handles = handles
        try request.validate()
        handles.apply(request)
        handles.apply(configuration, cookies)
    }

    func run(until stop: StopFlag) throws(HTTPError) -> HTTPResponse {
        setCallbacks()
        try drive(until: stop)
        return HTTPResponse(
            status: status, fields: fields, body: body,
            redirectURL: handles.text(CURLINFO_REDIRECT_URL))
    }

    /// Moves bytes until libcurl is done, a deadline has passed or somebody wants the end.
    func drive(until stop: StopFlag) throws(HTTPError) {
        if let refusal = handles.refusal { throw .invalid(target: target, reason: refusal) }
        let started = ContinuousClock.now
        lastProgress = started
        nonisolated(unsafe) let multi = handles.multi
        guard curl_multi_add_handle(multi, handles.easy) == CURLM_OK else {
            throw .invalid(target: target, reason: "libcurl does not take the transfer")
        }
        let wake = { @Sendable in _ = curl_multi_wakeup(multi) }
        let ended: HTTPError? = stop.waking(by: wake) {
            var running: Int32 = 0
            while true {
                let code = curl_multi_perform(multi, &running)
                if code != CURLM_OK {
                    return .invalid(
                        target: target, reason: String(cString: curl_multi_strerror(code)))
                }
                if running == 0 { return nil }
                if stop.isRaised { return .stopped(target: target) }
                if let passed = passedDeadline(since: started) { return passed }
                curl_multi_poll(multi, nil, 0, 250, nil)
            }
        }
        if let ended { throw ended }
        try checkResult()
    }

    private func passedDeadline(since started: ContinuousClock.Instant) -> HTTPError? {
        let now = ContinuousClock.now
        if let whole = request.deadlines.whole, now - started > whole {
            return .timedOut(target: target, phase: .whole, after: whole)
        }
        if let idle = request.deadlines.idle, now - lastProgress > idle {
            return .timedOut(target: target, phase: .idle, after: idle)
        }
        return nil
    }

    private func checkResult() throws(HTTPError) {
        var left: Int32 = 0
        guard let message = curl_multi_info_read(handles.multi, &left) else {
            throw .malformed(target: target, reason: "libcurl tells no result")
        }
        let code = message.pointee.data.result
        if let failure { throw failure }
        if code != CURLE_OK { throw error(for: code) }
    }
}

// MARK: - What libcurl calls

extension Transfer {
    private func setCallbacks() {
        let context = Unmanaged.passUnretained(self).toOpaque()
        for option in [CURLOPT_WRITEDATA, CURLOPT_HEADERDATA, CURLOPT_READDATA] {
            handles.set(option, pointer: context)
        }
        handles.set(
            CURLOPT_WRITEFUNCTION,
            callback: { bytes, size, count, context in
                Transfer.from(context)?.take(
                    UnsafeRawBufferPointer(start: bytes, count: size * count))
                    ?? 0
            })
        handles.set(
            CURLOPT_HEADERFUNCTION,
            callback: { bytes, size, count, context in
                Transfer.from(context)?.takeHeadLine(
                    UnsafeRawBufferPointer(start: bytes, count: size * count)) ?? 0
            })
        handles.set(
            CURLOPT_READFUNCTION,
            callback: { bytes, size, count, context in
                Transfer.from(context)?.give(
                    UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
                    ?? Int(CURL_READFUNC_ABORT)
            })
    }

    private static func from(_ context: UnsafeMutableRawPointer?) -> Transfer? {
        context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Answers how many bytes were taken; fewer than given end the transfer.
    private func take(_ bytes: UnsafeRawBufferPointer) -> Int {
        defer { lastProgress = .now }
        guard !bytes.isEmpty else { return 0 }
        guard let sink = output.sink, (200..<300).contains(status) else {
            guard body.count + bytes.count <= output.limitInBytes else {
                failure = .tooLarge(target: target, limitInBytes: output.limitInBytes)
                return 0
            }
            body.append(contentsOf: bytes)
            return bytes.count
        }
        sinkSizeInBytes += bytes.count
        if let limit = output.sinkLimitInBytes, sinkSizeInBytes > limit {
            failure = .tooLarge(target: target, limitInBytes: limit)
            return 0
        }
        do {
            try sink(bytes)
            return bytes.count
        } catch {
            failure = .bodyFailed(target: target, underlying: error)
            return 0
        }
    }

    private func takeHeadLine(_ bytes: UnsafeRawBufferPointer) -> Int {
        lastProgress = .now
        headSizeInBytes += bytes.count
        guard headSizeInBytes <= Self.headLimitInBytes else {
            failure = .tooLarge(target: target, limitInBytes: Self.headLimitInBytes)
            return 0
        }
        let line = String(decoding: bytes, as: UTF8.self)
        if let status = AnswerHead.status(of: line) {
            // A head after a redirect, a proxy's CONNECT or a 1xx replaces the one before.
            self.status = status
            fields = HTTPFields()
        } else if let field = AnswerHead.field(of: line) {
            fields.append(field.name, field.value)
        }
        return bytes.count
    }

    private func give(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        defer { lastProgress = .now }
        guard case .pulled(_, let pull) = request.body else { return 0 }
        do {
            return try pull(buffer)
        } catch {
            failure = .bodyFailed(target: target, underlying: error)
            return Int(CURL_READFUNC_ABORT)
        }
    }
}

// MARK: - What a failure means

extension Transfer {
    private func error(for code: CURLcode) -> HTTPError {
        let reason = handles.text(of: code)
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT,
            CURLE_PROXY:
            return unreachable(reason)
        case CURLE_OPERATION_TIMEDOUT:
            return .timedOut(target: target, phase: .connect, after: request.deadlines.connect)
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR:
            return .untrusted(target: target, reason: reason)
        case CURLE_RECV_ERROR where reason.contains("alert"):
            // TLS 1.3 tells of a refused client certificate only after the handshake.
            return .untrusted(target: target, reason: reason)
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL:
            return .invalid(target: target, reason: reason)
        case CURLE_TOO_MANY_REDIRECTS:
            return .tooManyRedirects(target: target, limit: configuration.redirectLimit)
        case CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING:
            return .malformed(target: target, reason: reason)
        default:
            return .endedEarly(target: target, reason: reason)
        }
    }

    private func unreachable(_ reason: String) -> HTTPError {
        let code = Int32(truncatingIfNeeded: handles.number(CURLINFO_OS_ERRNO))
        guard code != 0 else {
            return .unreachable(target: target, reason: reason, systemError: nil)
        }
        let text = "\(reason): \(String(cString: strerror(code)))"
        return .unreachable(target: target, reason: text, systemError: code)
    }
}
