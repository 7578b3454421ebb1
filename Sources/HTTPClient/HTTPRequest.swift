/// What is asked of a server, and how long it may take.
public struct HTTPRequest: Sendable {
    /// The bytes that go with a request.
    public enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// Bytes asked for piece by piece, on the transfer's own thread.
        ///
        /// The closure fills the buffer from its start and answers how many bytes it wrote; 0 is
        /// the end. While it waits, the transfer's deadlines and its end on request wait with it.
        /// Without a size the body is sent in chunks (RFC 9112 section 7.1).
        case pulled(sizeInBytes: Int64?, from: PullClosure)
    }

    public typealias PullClosure = @Sendable (UnsafeMutableRawBufferPointer) throws -> Int

    public var method: HTTPMethod
    /// An absolute `http` or `https` URL, percent-encoded already.
    public var url: String
    public var fields: HTTPFields
    public var body: Body
    public var deadlines: HTTPDeadlines

    public init(
        _ method: HTTPMethod, _ url: String, fields: HTTPFields = [:], body: Body = .none,
        deadlines: HTTPDeadlines = HTTPDeadlines()
    ) {
        self.method = method
        self.url = url
        self.fields = fields
        self.body = body
        self.deadlines = deadlines
    }
}

/// The verb of a request (RFC 9110 section 9).
public enum HTTPMethod: String, Sendable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"
}

/// How long a transfer may take; each is watched apart from the others.
public struct HTTPDeadlines: Sendable, Equatable {
    /// Until the connection stands, with name look-up, proxy and TLS handshake.
    public var connect: Duration
    /// Without one byte in either direction; `nil` for a stream that may be silent for long.
    public var idle: Duration?
    /// From the first look-up to the last byte; `nil` leaves it to `idle`.
    public var whole: Duration?

    public init(
        connect: Duration = .seconds(10), idle: Duration? = .seconds(60), whole: Duration? = nil
    ) {
        self.connect = connect
        self.idle = idle
        self.whole = whole
    }
}

/// What a server answered.
public struct HTTPResponse: Sendable {
    public let status: Int
    public let fields: HTTPFields
    /// Empty where the body went to a sink.
    public let body: [UInt8]
    /// Where a redirect that was not followed leads, as an absolute URL.
    ///
    /// Source: `CURLINFO_REDIRECT_URL(3)`.
    public let redirectURL: String?

    public init(status: Int, fields: HTTPFields, body: [UInt8], redirectURL: String? = nil) {
        self.status = status
        self.fields = fields
        self.body = body
        self.redirectURL = redirectURL
    }

    public var isSuccess: Bool { (200..<300).contains(status) }

    /// The body read as UTF-8; what is not UTF-8 becomes U+FFFD.
    public var text: String { String(decoding: body, as: UTF8.self) }
}

/// The header fields of a message, in order; names are compared without case.
///
/// Its descriptions hold the names alone, since a value may be a credential or a cookie.
public struct HTTPFields: Sendable, ExpressibleByDictionaryLiteral {
    public private(set) var all: [(name: String, value: String)] = []

    public init() {}

    public init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { append(name, value) }
    }

    /// The first value of a field.
    public subscript(name: String) -> String? {
        let name = name.lowercased()
        return all.first { $0.name.lowercased() == name }?.value
    }

    /// All values of a field that may come more than once, such as `Set-Cookie`.
    public func values(of name: String) -> [String] {
        let name = name.lowercased()
        return all.filter { $0.name.lowercased() == name }.map(\.value)
    }

    public mutating func append(_ name: String, _ value: String) {
        all.append((name, value))
    }
}

extension HTTPFields: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "\(all.map(\.name))" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["names": all.map(\.name)]) }
}
