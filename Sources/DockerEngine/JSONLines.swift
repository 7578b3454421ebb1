/// Cuts a stream into lines, and each line into a JSON document.
struct JSONLines {
    static let lineLimitInBytes = 4 << 20

    private var line: [UInt8] = []
    private let what: String

    init(what: String) { self.what = what }

    mutating func take(_ bytes: UnsafeRawBufferPointer, _ deliver: (JSONValue) throws -> Void)
        throws
    {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            try append(rest[..<end])
            rest = rest[(end + 1)...]
            try finish(deliver)
        }
        try append(rest)
    }

    /// The last line may lack its end.
    mutating func finish(_ deliver: (JSONValue) throws -> Void) throws {
        defer { line.removeAll(keepingCapacity: true) }
        guard line.contains(where: { $0 > 0x20 }) else { return }
        let document: JSONValue
        do {
            document = try JSONValue(parsing: line)
        } catch {
            throw DockerError.malformed(what, reason: "a line of the stream is not JSON: \(error)")
        }
        try deliver(document)
    }

    private mutating func append(_ bytes: Slice<UnsafeRawBufferPointer>) throws {
        guard line.count + bytes.count <= Self.lineLimitInBytes else {
            throw DockerError.tooLarge(what, limitInBytes: Self.lineLimitInBytes)
        }
        line += bytes
    }
}
