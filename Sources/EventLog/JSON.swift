/// JSON as the log's bodies hold it.
///
/// RFC 8259 in one canonical form, which is all that any Pawl has written: UTF-8, no space between
/// the tokens, the names of an object in ascending order of their bytes and without escapes, whole
/// numbers of 64 bits. Whatever else is JSON is refused, so that a body has one meaning.
enum JSON: Hashable, Sendable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case string(String)
    case array([JSON])
    case object([Member])

    struct Member: Hashable, Sendable {
        let name: String
        var value: JSON
    }

    /// Why bytes are not such a value, or not of the shape that was expected, and where in it.
    struct Unreadable: Error, Hashable, CustomStringConvertible {
        let reason: String
        /// Names from the outside in.
        let path: [String]

        init(_ reason: String, at path: [String] = []) {
            self.reason = reason
            self.path = path
        }

        var description: String {
            path.isEmpty ? reason : "\(path.joined(separator: ".")): \(reason)"
        }
    }

    init(parsing bytes: some Collection<UInt8>) throws(Unreadable) {
        self = try Self.reading(bytes) { reader throws(Unreadable) in
            let value = try reader.value(depth: 0)
            try reader.end()
            return value
        }
    }

    /// Where in a document's bytes the value under `path` stands; none where there is none.
    static func range(
        of path: [String], in bytes: some Collection<UInt8>
    ) throws(Unreadable) -> Range<Int>? {
        try reading(bytes) { reader throws(Unreadable) in
            for name in path {
                guard try reader.enter(name) else { return nil }
            }
            let start = reader.position
            _ = try reader.value(depth: 0)
            return start..<reader.position
        }
    }

    private static func reading<Result>(
        _ bytes: some Collection<UInt8>,
        _ body: (inout JSONReader) throws(Unreadable) -> Result
    ) throws(Unreadable) -> Result {
        let direct: Swift.Result<Result, Unreadable>? = bytes.withContiguousStorageIfAvailable {
            buffer in
            Swift.Result { () throws(Unreadable) in
                var reader = JSONReader(buffer)
                return try body(&reader)
            }
        }
        guard let direct else { return try reading(Array(bytes), body) }
        return try direct.get()
    }

    /// The value under a name of an object; writing adds, changes and, with none, removes it.
    subscript(name: String) -> JSON? {
        get {
            guard case .object(let members) = self else { return nil }
            return members.value(of: name)
        }
        set {
            guard case .object(var members) = self else { return }
            members.removeAll { $0.name == name }
            if let newValue { members.append(Member(name: name, value: newValue)) }
            self = .object(members)
        }
    }
}

extension [JSON.Member] {
    /// Few, so that looking at each is quicker than any index.
    func value(of name: String) -> JSON? {
        let size = name.utf8.count
        for member in self where member.name.utf8.count == size && member.name == name {
            return member.value
        }
        return nil
    }
}
