/// A password or key in memory: it can be used, but neither encoded nor printed.
public struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    private let value: String

    public init(_ value: String) { self.value = value }

    /// Hands the secret to the one call that needs it.
    public func reveal<Result, Failure: Error>(
        _ body: (String) throws(Failure) -> Result
    ) throws(Failure) -> Result { try body(value) }

    public var description: String { "(secret)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Where a secret is kept; what configuration, plan and log hold in its place.
public enum SecretReference: Hashable, Sendable, Codable {
    /// An environment variable of Pawl's.
    case environment(name: String)
    /// A file's content, without a final line break.
    case file(path: String)
    /// A file of `$CREDENTIALS_DIRECTORY`, as systemd passes it (`LoadCredential=`).
    case credential(name: String)
    /// The standard output of a command, without a final line break.
    case command(arguments: [String])
}

extension SecretReference {
    /// The environment variable that holds it; none where it is kept elsewhere.
    public var variable: String? {
        if case .environment(let name) = self { name } else { nil }
    }
}

/// Takes secrets out of text that is to be kept or shown.
public struct Redaction: Sendable {
    private let secrets: [String]
    /// What stands where a secret stood.
    public static let mark = "[redacted]"

    /// - Parameter secrets: The longest is taken out first, so that none leaves its tail behind.
    public init(_ secrets: [Secret]) {
        self.secrets = secrets.map { $0.reveal { $0 } }.filter { !$0.isEmpty }
            .sorted { $0.utf8.count > $1.utf8.count }
    }

    public func callAsFunction(_ text: String) -> String {
        secrets.reduce(text) { $0.replacing($1, with: Self.mark) }
    }

    public func callAsFunction(_ failure: Failure) -> Failure {
        Failure(
            code: failure.code, message: self(failure.message), advice: self(failure.advice),
            excerpt: failure.excerpt.map { self($0) }, isPermanent: failure.isPermanent)
    }
}
