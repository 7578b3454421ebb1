internal import Foundation
internal import HTTPClient
internal import UpgradeMachine

/// Why a visit ends before there is a page to judge.
enum Obstacle: Error {
    /// The task was asked to stop.
    case stopped
    case told(Answer)
}

/// What one check asks in a row: with cookies of its own, and never of another server.
///
/// No proxy stands in between, whatever the environment says: the instance itself is asked.
struct HTTPVisit: Sendable {
    /// More than any log-in needs; a loop ends here.
    static let redirectLimit = 5
    static let bodyLimitInBytes = 1 << 20

    struct Page: Sendable {
        /// What was asked for at last.
        let url: String
        let response: HTTPResponse
    }

    private let client: HTTPClient
    private let fields: HTTPFields
    /// For each answer.
    private let deadline: Duration

    init(_ configuration: HTTPClient.Configuration, fields: HTTPFields, deadline: Duration) {
        client = HTTPClient(configuration)
        self.fields = fields
        self.deadline = deadline
    }

    func get(_ url: String, follows: Bool) async throws(Obstacle) -> Page {
        try await send(request(.get, url), follows: follows)
    }

    /// Posts a form, and goes where the answer leads.
    ///
    /// - Parameter page: Where the form was found; some applications want to be told.
    func post(
        _ fields: [(name: String, value: String)], to url: String, from page: String
    ) async throws(Obstacle) -> Page {
        var request = request(.post, url)
        request.fields.append("Content-Type", "application/x-www-form-urlencoded")
        request.fields.append("Referer", HTTPTarget(page)?.withoutQuery ?? page)
        request.body = .bytes(Array(FormEncoding.body(fields).utf8))
        return try await send(request, follows: true)
    }

    private func request(_ method: HTTPMethod, _ url: String) -> HTTPRequest {
        HTTPRequest(
            method, url, fields: fields,
            deadlines: HTTPDeadlines(connect: deadline, idle: deadline, whole: deadline))
    }

    private func send(
        _ first: HTTPRequest, follows: Bool
    ) async throws(Obstacle) -> Page {
        var request = first
        for _ in 0...Self.redirectLimit {
            let page = Page(url: request.url, response: try await answer(to: request))
            guard follows, let next = redirected(request, by: page.response) else { return page }
            request = next
        }
        throw .told(
            .notYet(
                saw: Plain.line(
                    "more than \(Self.redirectLimit) redirects, the last to "
                        + HTTPTarget.shown(request.url))))
    }

    /// What a redirect asks for; none where it leads to another server, which was not asked about.
    ///
    /// Source: RFC 9110 section 15.4, and the fetch standard for what becomes of a POST.
    private func redirected(_ request: HTTPRequest, by response: HTTPResponse) -> HTTPRequest? {
        guard let url = response.redirectURL, let target = HTTPTarget(url),
            target.origin == HTTPTarget(request.url)?.origin
        else { return nil }
        switch response.status {
        case 301, 302, 303: return self.request(.get, target.withoutFragment)
        case 307, 308:
            var next = request
            next.url = target.withoutFragment
            return next
        default: return nil
        }
    }

    private func answer(to request: HTTPRequest) async throws(Obstacle) -> HTTPResponse {
        do throws(HTTPError) {
            return try await client.send(request, limitInBytes: Self.bodyLimitInBytes)
        } catch {
            switch error {
            case .stopped: throw .stopped
            // A URL that is none, or an answer that libcurl takes for another protocol's: the
            // second may be something else's that just leaves the port.
            case .invalid: throw .told(.wrong(saw: Plain.line("\(error)")))
            default: throw .told(.notYet(saw: Plain.line("\(error)")))
            }
        }
    }
}

/// A URL in the parts that visits compare.
struct HTTPTarget {
    let origin: String
    /// `/` where the URL has none, and without what servlet containers append to it.
    let path: String
    private let url: URL

    init?(_ text: String, relativeTo base: String? = nil) {
        let base = base.flatMap { URL(string: $0) }
        guard let url = URL(string: text, relativeTo: base)?.absoluteURL,
            let scheme = url.scheme?.lowercased(), ["http", "https"].contains(scheme),
            let host = url.host()?.lowercased()
        else { return nil }
        self.url = url
        origin = "\(scheme)://\(host):\(url.port ?? (scheme == "https" ? 443 : 80))"
        let path = url.path(percentEncoded: true).prefix { $0 != ";" }
        self.path = path.isEmpty ? "/" : String(path)
    }

    var lastPart: Substring { path.split(separator: "/").last ?? "" }
    var withoutFragment: String { String(url.absoluteString.prefix { $0 != "#" }) }
    var withoutQuery: String { String(withoutFragment.prefix { $0 != "?" }) }

    /// A URL for people: without account, query and fragment, which may hold secrets.
    static func shown(_ url: String) -> String {
        guard let target = HTTPTarget(url), let host = target.url.host() else { return "somewhere" }
        let port = target.url.port.map { ":\($0)" } ?? ""
        return "\(target.url.scheme ?? "")://\(host)\(port)\(target.path)"
    }
}

/// Source: the URL standard, section 5.2 (`application/x-www-form-urlencoded`).
enum FormEncoding {
    static func body(_ fields: [(name: String, value: String)]) -> String {
        fields.map { "\(encoded($0.name))=\(encoded($0.value))" }.joined(separator: "&")
    }

    static func encoded(_ text: String) -> String {
        text.utf8.map { byte -> String in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2A, 0x2D, 0x2E, 0x5F:
                String(Unicode.Scalar(byte))
            case 0x20: "+"
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }
}
