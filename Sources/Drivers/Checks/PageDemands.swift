internal import DockerEngine
internal import HTTPClient
internal import UpgradeMachine

/// What an answer has to be like so that the release that shall serve can have given it.
struct PageDemands: Sendable {
    private enum Location: Sendable {
        case pattern(Pattern)
        case pointer(JSONPointer, text: String)
    }

    private let status: Int
    private let contains: Pattern?
    private let absent: [Pattern]
    private let version: String
    private let location: Location?

    /// - Returns: None where one of the probe's patterns, or its pointer, cannot be read.
    init?(_ probe: HTTPProbe, version: String) {
        status = probe.status
        self.version = version
        var patterns: [Pattern] = []
        for expression in (probe.contains.map { [$0] } ?? []) + (probe.absent ?? []) {
            guard let pattern = Pattern(expression) else { return nil }
            patterns.append(pattern)
        }
        contains = probe.contains == nil ? nil : patterns.removeFirst()
        absent = patterns
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

    /// - Parameter prefix: What a good answer's words begin with, after its status.
    func judge(
        _ response: HTTPResponse, prefix: String = "", searchLimit: Duration = Pattern.searchLimit
    ) async -> Answer {
        guard response.status == status else {
            let target = response.redirectURL.map { " to \(HTTPTarget.shown($0))" } ?? ""
            return .notYet(saw: Plain.line("\(response.status)\(target), not \(status)"))
        }
        var said = "\(response.status)\(prefix)"
        if contains != nil || !absent.isEmpty {
            if let answer = await judgeText(of: response, searchLimit) { return answer }
            if let contains { said += ", a match of \(contains.expression)" }
        }
        switch location {
        case nil:
            guard let cache = CacheTrace.words(in: response.fields) else {
                return .good(saw: Plain.line(said))
            }
            return .notYet(
                saw: Plain.line("\(said), but out of a cache (\(cache)): nothing of the release"))
        case .pattern(let pattern):
            let found = await Boundless.run(within: searchLimit) { pattern.search(response.text) }
            return judge(response, said, found, by: pattern)
        case .pointer(let pointer, let text):
            return judge(response, said, at: pointer, text)
        }
    }

    /// - Returns: None where the text is as it has to be.
    private func judgeText(of response: HTTPResponse, _ searchLimit: Duration) async -> Answer? {
        let (contains, absent) = (contains, absent)
        let found = await Boundless.run(within: searchLimit) { () -> (String, isUnwanted: Bool)? in
            let text = response.text
            if let unwanted = absent.first(where: { $0.search(text) != .nothing }) {
                return (unwanted.expression, isUnwanted: true)
            }
            guard let contains, contains.search(text) == .nothing else { return nil }
            return (contains.expression, isUnwanted: false)
        }
        guard let found else {
            let size = response.body.count
            return .hopeless(saw: "its expressions found no end on \(size) bytes")
        }
        guard let (expression, isUnwanted) = found else { return nil }
        let words = isUnwanted ? "with a match of" : "without a match of"
        return .notYet(saw: Plain.line("\(response.status), \(words) \(expression)"))
    }

    private func judge(
        _ response: HTTPResponse, _ said: String, _ found: Pattern.Found?, by pattern: Pattern
    ) -> Answer {
        switch found {
        case .match(let group?):
            return judge(response, said, version: group)
        case .match(nil), .nothing:
            return .notYet(
                saw: Plain.line("\(response.status), without a match of \(pattern.expression)"))
        case .matchWithoutGroup:
            return .hopeless(saw: "\(pattern.expression) has no group that holds the version")
        case nil:
            let size = response.body.count
            return .hopeless(saw: "\(pattern.expression) found no end on \(size) bytes")
        }
    }

    private func judge(
        _ response: HTTPResponse, _ said: String, at pointer: JSONPointer, _ text: String
    ) -> Answer {
        let document: JSONValue
        do {
            document = try JSONValue(parsing: response.body)
        } catch {
            return .notYet(saw: "\(response.status), and what should be JSON is none")
        }
        switch pointer.value(in: document) {
        case .string(let version):
            return judge(response, said, version: version)
        case .integer(let version):
            return judge(response, said, version: "\(version)")
        case nil:
            return .notYet(saw: "\(response.status), without a value at \(text)")
        case .some:
            // Of a number with a fraction the digits are lost: 7.10 and 7.1 are one.
            return .wrong(saw: "\(response.status), and the value at \(text) is no text")
        }
    }

    /// A cache's answer proves nothing against the release: time, or whoever keeps the cache, mends
    /// it. That it names the right version is proof enough, since only the release can have said so.
    private func judge(_ response: HTTPResponse, _ said: String, version found: String) -> Answer {
        let saw = "\(said), version \(Plain.line(found, limit: 80))"
        if found == version { return .good(saw: Plain.line(saw)) }
        if let cache = CacheTrace.words(in: response.fields) {
            return .notYet(
                saw: Plain.line("\(saw), not \(version): an old version from a cache (\(cache))"))
        }
        return .wrong(saw: Plain.line("\(saw), not \(version)"))
    }
}
