internal import CCurl

/// An HTTP/1.1 client over the system's libcurl: TCP, TLS and unix sockets.
///
/// A value is a session: its transfers share cookies, and each runs on a thread of its own. Asking
/// the task to stop ends a transfer at once. Only `http` and `https` are spoken.
public struct HTTPClient: Sendable {
    public typealias Sink = @Sendable (UnsafeRawBufferPointer) throws -> Void

    public let configuration: Configuration
    private let cookies = CookieJar()

    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
    }

    /// Sends a request and collects the answer.
    ///
    /// - Parameter limitInBytes: The most that the body may have; a larger one is an error.
    /// - Throws: ``HTTPError``; an answer of any status is no error.
    public func send(
        _ request: HTTPRequest, limitInBytes: Int
    ) async throws(HTTPError) -> HTTPResponse {
        try await perform(request, Transfer.Output(limitInBytes: limitInBytes, sink: nil))
    }

    /// Sends a request and gives the body of a 2xx answer to a sink, piece by piece.
    ///
    /// The sink is called on the transfer's own thread: while it works nothing more is read, so a
    /// slow one slows the server down. A body of any other status is collected into the answer.
    ///
    /// - Parameters:
    ///   - limitInBytes: The most that the sink is given; `nil` where the sink keeps its own limit.
    ///   - refusalLimitInBytes: The most that the body of another status may have.
    public func stream(
        _ request: HTTPRequest, limitInBytes: Int? = nil, refusalLimitInBytes: Int = 1 << 20,
        to sink: @escaping Sink
    ) async throws(HTTPError) -> HTTPResponse {
        try await perform(
            request,
            Transfer.Output(
                limitInBytes: refusalLimitInBytes, sink: sink, sinkLimitInBytes: limitInBytes))
    }

    private func perform(
        _ request: HTTPRequest, _ output: Transfer.Output
    ) async throws(HTTPError) -> HTTPResponse {
        let (configuration, cookies) = (configuration, cookies)
        let result = try await onOwnThread { stop in
            Result { () throws(HTTPError) in
                let transfer = try Transfer(request, configuration, cookies, output)
                return try transfer.run(until: stop)
            }
        }
        return try result.get()
    }

    /// Sends a request whose answer turns the connection into a stream of raw bytes both ways.
    ///
    /// For `101 Switching Protocols`, and for Docker's `200`, the connection is handed over; any
    /// other answer comes back as ``TakenOver/refused(_:)``. Neither redirects nor cookies are
    /// heeded here.
    ///
    /// Source: RFC 9110 section 7.8; `CURLOPT_CONNECT_ONLY(3)`.
    public func takeOver(_ request: HTTPRequest) async throws(HTTPError) -> TakenOver {
        let (configuration, cookies) = (configuration, cookies)
        let result = try await onOwnThread { stop in
            Result { () throws(HTTPError) in
                let transfer = try Transfer(
                    request, configuration, cookies, Transfer.Output(limitInBytes: 0, sink: nil))
                return try transfer.takeOver(until: stop)
            }
        }
        return try result.get()
    }
}

/// What came of asking for a connection.
public enum TakenOver: Sendable {
    case connection(RawConnection)
    case refused(HTTPResponse)
}

/// libcurl itself, made ready once for the process, as `curl_global_init(3)` asks.
enum Curl {
    /// `CURL_GLOBAL_ALL`, a macro that Swift does not see.
    private static let everything = 3

    static let isReady = curl_global_init(everything) == CURLE_OK

    static func text(_ code: CURLcode) -> String { String(cString: curl_easy_strerror(code)) }
}
