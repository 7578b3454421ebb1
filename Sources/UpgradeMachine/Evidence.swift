// What steps leave behind. Each is proof of one outcome and is held by the state that it earned.

/// A database backup that is on disk and was checked.
public struct Backup: Hashable, Sendable, Codable {
    /// The instance whose data it is.
    public let instance: String
    public let path: String
    /// SHA-256 of the file, in hexadecimal.
    public let sha256: String
    public let sizeInBytes: Int
    public let fingerprint: Fingerprint
    /// Where the database stood when it was taken.
    public let position: Position?

    public init(
        instance: String, path: String, sha256: String, sizeInBytes: Int,
        fingerprint: Fingerprint, position: Position?
    ) {
        self.instance = instance
        self.path = path
        self.sha256 = sha256
        self.sizeInBytes = sizeInBytes
        self.fingerprint = fingerprint
        self.position = position
    }
}

/// What a database holds, so short that two can be compared.
public struct Fingerprint: Hashable, Sendable, Codable {
    /// SHA-256 over names, definitions, row counts and checksums of all that the schema holds.
    public let digest: String
    public let tables: Int
    public let rows: Int
    /// Whether nothing could write while it was taken, so that equal data has an equal digest.
    public let isExact: Bool

    public init(digest: String, tables: Int, rows: Int, isExact: Bool) {
        self.digest = digest
        self.tables = tables
        self.rows = rows
        self.isExact = isExact
    }
}

/// How far a database's writing has got; equal positions mean that nothing was written between.
public struct Position: Hashable, Sendable, Codable {
    /// Scheme and value, as in `gtid:0-1-42`, `binlog:mysql-bin.000003:1234` or `content:…`.
    public let text: String
    public init(_ text: String) { self.text = text }

    public init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(String.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

/// The stopped service as it can be started again.
public struct Kept: Hashable, Sendable, Codable {
    public let parts: [Part]
    public init(parts: [Part]) { self.parts = parts }

    /// A container under the name that it waits under, or the host's former release.
    public struct Part: Hashable, Sendable, Codable {
        public let name: String
        public let id: String
        public let keptAs: String

        public init(name: String, id: String, keptAs: String) {
            self.name = name
            self.id = id
            self.keptAs = keptAs
        }
    }
}

/// The service as it was started: containers by id, or the host's release by its directory.
public struct Served: Hashable, Sendable, Codable {
    public let parts: [Part]
    public init(parts: [Part]) { self.parts = parts }

    public struct Part: Hashable, Sendable, Codable {
        public let name: String
        public let id: String

        public init(name: String, id: String) {
            self.name = name
            self.id = id
        }
    }
}

/// What one check of the verification saw.
public struct CheckResult: Hashable, Sendable, Codable {
    public let check: String
    public let saw: String

    public init(check: String, saw: String) {
        self.check = check
        self.saw = saw
    }
}

/// Why something was not done: a stable code for programs, words for people.
public struct Failure: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    /// Stable across releases; reports and scripts are keyed by it.
    public let code: String
    /// What was tried, on what, and what came back.
    public let message: String
    /// What a person can do about it.
    public let advice: String
    /// The last lines of a log or an output, redacted and limited in size.
    public let excerpt: String?
    /// Whether trying again cannot help.
    public let isPermanent: Bool

    public init(
        code: String, message: String, advice: String, excerpt: String? = nil,
        isPermanent: Bool = false
    ) {
        self.code = code
        self.message = message
        self.advice = advice
        self.excerpt = excerpt
        self.isPermanent = isPermanent
    }

    public var description: String { message }
}
