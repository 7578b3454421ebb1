internal import DockerEngine
internal import HTTPClient
internal import UpgradeMachine

/// One GET, and whether its answer is the one that the release that shall serve gives.
///
/// Redirects are answers here, not followed: a status of 302 can be asked for. No proxy stands in
/// between, whatever the environment says: the instance itself is asked.
struct HTTPQuestion: Sendable {
    static let deadline = Duration.seconds(5)
    static let bodyLimitInBytes = 1 << 20

    private enum Location: Sendable {
        case pattern(Pattern)
        case pointer(JSONPointer, text: String)
    }

    private let probe: HTTPProbe
    private let version: String
    private let location: Location?
    private let deadline: Duration

    /// - Returns: None where the probe's pattern or pointer cannot be read.
    init?(_ probe: HTTPProbe, version: String, deadline: Duration = deadline) {
        self.probe = probe
        self.version = version
        self.deadline = deadline
        switch probe.version {
        case nil:
            location = nil
        case .pattern(let expression):
            guard let pattern = Pattern(expression) else { return nil }
            location = .pattern(pattern)
        case .jsonPointer(let text):
            guard let pointer = JSONPointer(text) else { return nil }
            location = .pointer(pointer, text: text)
        }
    }

    /// - Returns: None where the task was asked to stop before there was an answer.
    func ask(searchLimit: Duration = Pattern.searchLimit) async -> Answer? {
        // A client of its own each time: a cookie must not tie the probe to an old instance.
        let client = HTTPClient(
            HTTPClient.Configuration(
                tls: HTTPClient.TLS(authoritiesPath: probe.authorityFile), proxy: .none))
        let request = HTTPRequest(
            .get, probe.url, fields: ["Accept": "*/*", "Cache-Control": "no-cache"],
            deadlines: HTTPDeadlines(connect: deadline, idle: deadline, whole: deadline))
        do throws(HTTPError) {
            let response = try await client.send(request, limitInBytes: Self.bodyLimitInBytes)
            let answer = await judge(response, searchLimit: searchLimit)
            return Task.isCancelled ? nil : answer
        } catch {
            switch error {
            case .stopped: return nil
            // A URL that is none, or an answer that libcurl takes for another protocol's: the
            // second may be something else's that just leaves the port.
            case .invalid: return .wrong(saw: Plain.line("\(error)"))
            default: return .notYet(saw: Plain.line("\(error)"))
            }
        }
    }

    func judge(
        _ response: HTTPResponse, searchLimit: Duration = Pattern.searchLimit
    ) async -> Answer {
        guard response.status == probe.status else {
            return .notYet(saw: "\(response.status), not \(probe.status)")
        }
        switch location {
        case nil:
            return .good(saw: "\(response.status)")
        case .pattern(let pattern):
            let found = await Boundless.run(within: searchLimit) { pattern.search(response.text) }
            return judge(response, found, by: pattern)
        case .pointer(let pointer, let text):
            return judge(response, at: pointer, text)
        }
    }

    private func judge(
        _ response: HTTPResponse, _ found: Pattern.Found?, by pattern: Pattern
    ) -> Answer {
        switch found {
        case .match(let group?):
            return judge(response, said: group)
        case .match(nil), .nothing:
            return .notYet(saw: "\(response.status), without a match of \(pattern.expression)")
        case .matchWithoutGroup:
            return .hopeless(saw: "\(pattern.expression) has no group that holds the version")
        case nil:
            let size = response.body.count
            return .hopeless(saw: "\(pattern.expression) found no end on \(size) bytes")
        }
    }

    private func judge(
        _ response: HTTPResponse, at pointer: JSONPointer, _ text: String
    ) -> Answer {
        let document: JSONValue
        do {
            document = try JSONValue(parsing: response.body)
        } catch {
            return .notYet(saw: "\(response.status), and what should be JSON is none")
        }
        switch pointer.value(in: document) {
        case .string(let said):
            return judge(response, said: said)
        case .integer(let said):
            return judge(response, said: "\(said)")
        case nil:
            return .notYet(saw: "\(response.status), without a value at \(text)")
        case .some:
            // Of a number with a fraction the digits are lost: 7.10 and 7.1 are one.
            return .wrong(saw: "\(response.status), and the value at \(text) is no text")
        }
    }

    private func judge(_ response: HTTPResponse, said: String) -> Answer {
        let saw = "\(response.status), version \(Plain.line(said, limit: 80))"
        return said == version ? .good(saw: saw) : .wrong(saw: saw + ", not \(version)")
    }
}
