/// One question with a limit, which verification asks of the release that shall serve.
public struct Check: Hashable, Sendable, Codable {
    /// Unique in its plan; reports name it.
    public let name: String
    public let question: Question

    public init(name: String, question: Question) {
        self.name = name
        self.question = question
    }

    public enum Question: Hashable, Sendable, Codable {
        /// Every container (or the host's application) runs, and none has restarted.
        case running
        /// The container's own health check says healthy.
        case healthy(container: String)
        /// The running image, or the release behind `current`, is the plan's, by digest.
        case release
        /// A line of the start-up log matches `ready`, and none matches one of `errors` that does
        /// not match one of `except` as well.
        case log(ready: String?, errors: [String], except: [String]? = nil)
        case http(probe: HTTPProbe)
        /// Ends 0; `{version}` stands for the version that shall serve.
        case command(arguments: [String])
    }
}

extension Check {
    /// Where the secrets are kept that it is asked with.
    public var secrets: [SecretReference] {
        if case .http(let probe) = question { probe.secrets } else { [] }
    }
}
