internal import HTTPClient
internal import Synchronization

/// A client of the Docker Engine API, also as Podman speaks it; it knows nothing of upgrades.
///
/// A value may be used by many tasks at once. The API version is agreed on with the first call and
/// kept. Every call ends when its task is asked to stop; see ``DockerError/stopped(_:)``.
public struct DockerEngine: Sendable {
    public let endpoint: Endpoint
    let http: HTTPClient
    private let agreed = AgreedVersion()

    public init(endpoint: Endpoint = .standard) {
        self.endpoint = endpoint
        http = HTTPClient(endpoint.configuration)
    }

    /// The version of the API that is spoken: the engine's, but at most ``APIVersion/newest``.
    ///
    /// Source: `GET /_ping`, its field `Api-Version`.
    ///
    /// - Throws: ``DockerError/unsupported(engine:needed:)`` below ``APIVersion/oldest``.
    public func apiVersion() async throws(DockerError) -> APIVersion {
        min(try await engineVersion(), .newest)
    }

    /// The newest that the engine itself speaks.
    private func engineVersion() async throws(DockerError) -> APIVersion {
        if let version = agreed.version { return version }
        let version = try APIVersion.agree(on: try await ping().apiVersion)
        agreed.version = version
        return version
    }
}

/// Filled by the first call; a second one at the same time finds the same.
private final class AgreedVersion: Sendable {
    private let state = Mutex<APIVersion?>(nil)
    var version: APIVersion? {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}

/// A version of the Engine API, such as 1.41.
public struct APIVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let major: Int
    public let minor: Int

    public init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let major = Int(parts[0]), let minor = Int(parts[1]) else {
            return nil
        }
        self.init(major: major, minor: minor)
    }

    /// Docker 19.03; Podman 4 answers 1.41 (Docker 20.10).
    public static let oldest = APIVersion(major: 1, minor: 40)
    /// Docker 27. Docker 29 answers nothing older than 1.44, so that a lower limit than that would
    /// shut it out; from 1.48 on an engine refuses `net.*.eth0.*` among a container's sysctls.
    public static let newest = APIVersion(major: 1, minor: 47)
    /// Docker 28, for containers that cannot be made with less.
    static let newestForCreation = APIVersion(major: 1, minor: 48)

    /// The engine's version, where it can be spoken with.
    static func agree(on text: String) throws(DockerError) -> APIVersion {
        guard let version = APIVersion(text) else {
            throw .malformed("GET /_ping", reason: "API version \(text.debugDescription)")
        }
        guard version >= oldest else {
            throw .unsupported(engine: "\(version)", needed: "\(oldest) or newer")
        }
        return version
    }

    public static func < (left: APIVersion, right: APIVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }

    public var description: String { "\(major).\(minor)" }
}

// MARK: - One call

extension DockerEngine {
    /// One request of the API, and what errors call it.
    struct Call: Sendable {
        var method: HTTPMethod
        /// Its parts are percent-encoded one by one.
        var path: [String]
        /// What it is about, such as `container web`.
        var what: String
        var query: [(String, String)] = []
        var fields: HTTPFields = [:]
        var body: JSONValue?
        var limitInBytes = 16 << 20
        var idle: Duration? = .seconds(60)
        var whole: Duration?
        /// The newest version to make it in.
        var newest = APIVersion.newest
        /// Whether the engine asks a registry for it, whose refusals it passes on as its own.
        var asksRegistry = false
        /// Whether an answer of 404 may be about something else than `what`.
        var needsOthers = false

        init(_ method: HTTPMethod, _ path: String..., what: String) {
            self.method = method
            self.path = path
            self.what = what
        }

        var endpoint: String { "\(method.rawValue) /\(path.joined(separator: "/"))" }

        func url(base: String, version: APIVersion?) -> String {
            let path = path.map { PercentEncoding.encode($0) }.joined(separator: "/")
            let query = query.map {
                "\(PercentEncoding.encode($0.0))=\(PercentEncoding.encode($0.1))"
            }
            return base + (version.map { "/v\($0)" } ?? "") + "/\(path)"
                + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
        }
    }

    func request(for call: Call) async throws(DockerError) -> HTTPRequest {
        guard !call.path.contains("") else {
            throw .invalid("\(call.endpoint): a name in it is empty")
        }
        let version = min(try await engineVersion(), call.newest)
        let url = call.url(base: endpoint.base, version: version)
        var request = HTTPRequest(call.method, url, fields: call.fields)
        request.deadlines = HTTPDeadlines(idle: call.idle, whole: call.whole)
        if let body = call.body {
            request.fields.append("Content-Type", "application/json")
            do {
                request.body = .bytes(try body.serialized())
            } catch {
                throw .invalid("\(call.endpoint): the body cannot be written as JSON: \(error)")
            }
        }
        return request
    }

    /// Sends a call; an answer outside `expected` is thrown as what it means.
    @discardableResult
    func send(_ call: Call, expecting expected: Int...) async throws(DockerError) -> HTTPResponse {
        let request = try await request(for: call)
        let answer: HTTPResponse
        do {
            answer = try await http.send(request, limitInBytes: call.limitInBytes)
        } catch {
            throw self.error(error, call.what)
        }
        guard expected.contains(answer.status) else { throw Self.refusal(answer, call) }
        return answer
    }

    /// Sends a call whose answer of 200 is a JSON document.
    func document(_ call: Call, expecting expected: Int = 200) async throws(DockerError)
        -> JSONValue
    {
        let answer = try await send(call, expecting: expected)
        do {
            return try JSONValue(parsing: answer.body)
        } catch {
            throw .malformed(call.what, reason: "\(call.endpoint) is not JSON: \(error)")
        }
    }

    /// Sends a request whose answer of 200 goes to a sink.
    func stream(
        _ request: HTTPRequest, _ call: Call, to sink: @escaping HTTPClient.Sink
    ) async throws(DockerError) {
        let answer: HTTPResponse
        do {
            answer = try await http.stream(request, to: sink)
        } catch {
            throw self.error(error, call.what)
        }
        guard answer.isSuccess else { throw Self.refusal(answer, call) }
    }
}

extension JSONValue {
    /// A member that has to be there.
    func required<Value>(
        _ what: String, _ path: String..., as read: (JSONValue) -> Value?
    ) throws(DockerError) -> Value {
        var value: JSONValue? = self
        for name in path { value = value?[name] }
        guard let value, let result = read(value) else {
            throw .malformed(what, reason: "no \(path.joined(separator: ".")) of the right kind")
        }
        return result
    }
}

/// Filters as the API wants them: a JSON object of names with lists of values.
public typealias EngineFilters = [String: [String]]

extension DockerEngine.Call {
    mutating func setFilters(_ filters: EngineFilters) throws(DockerError) {
        guard !filters.isEmpty else { return }
        let object = JSONValue.object(filters.mapValues { JSONValue($0) })
        do {
            query.append(("filters", String(decoding: try object.serialized(), as: UTF8.self)))
        } catch {
            throw .invalid("filters cannot be written as JSON: \(error)")
        }
    }
}
