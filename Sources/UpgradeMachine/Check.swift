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
        /// A line of the start-up log matches `ready`, and none matches one of `errors`.
        case log(ready: String?, errors: [String])
        case http(probe: HTTPProbe)
        /// Ends 0; `{version}` stands for the version that shall serve.
        case command(arguments: [String])
    }
}

/// A request and what its answer has to be.
public struct HTTPProbe: Hashable, Sendable, Codable {
    public let url: String
    /// The status code that is good, such as 200.
    public let status: Int
    /// Where the answer says its version, which must be the release's.
    public let version: VersionLocation?
    /// A certificate authority of the user's own, in PEM.
    public let authorityFile: String?

    public init(url: String, status: Int, version: VersionLocation?, authorityFile: String?) {
        self.url = url
        self.status = status
        self.version = version
        self.authorityFile = authorityFile
    }
}

/// Where an answer names the version that made it.
public enum VersionLocation: Hashable, Sendable, Codable {
    /// The first group of a regular expression.
    case pattern(expression: String)
    /// RFC 6901.
    case jsonPointer(pointer: String)
}
