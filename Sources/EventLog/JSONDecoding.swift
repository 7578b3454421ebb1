/// Reads the core's types out of ``JSON``, at a fraction of what Foundation's decoder takes.
///
/// It knows what those types are made of: strings, whole numbers, truth values, arrays, and objects
/// of these. Whatever else a type may ask for is refused.
struct JSONValueDecoder: Decoder {
    let value: JSON

    /// Not kept on the way in: an error gathers it on the way out.
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(ObjectContainer(members: try value.members))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        ArrayContainer(values: try value.values)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        ValueContainer(value: value)
    }
}

// What a value is; the error says what it is not.
extension JSON {
    fileprivate var members: [Member] {
        get throws(Unreadable) {
            guard case .object(let members) = self else { throw Unreadable("it is no object") }
            return members
        }
    }

    fileprivate var values: [JSON] {
        get throws(Unreadable) {
            guard case .array(let values) = self else { throw Unreadable("it is no array") }
            return values
        }
    }

    fileprivate var string: String {
        get throws(Unreadable) {
            guard case .string(let string) = self else { throw Unreadable("it is no string") }
            return string
        }
    }

    fileprivate var boolean: Bool {
        get throws(Unreadable) {
            guard case .boolean(let boolean) = self else {
                throw Unreadable("it is neither true nor false")
            }
            return boolean
        }
    }

    fileprivate var integer: Int64 {
        get throws(Unreadable) {
            guard case .integer(let integer) = self else {
                throw Unreadable("it is no whole number")
            }
            return integer
        }
    }
}

extension JSON.Unreadable {
    /// The same of a part that is found under `name`.
    fileprivate init(_ error: any Error, under name: String) {
        switch error {
        case let error as JSON.Unreadable:
            self.init(error.reason, at: [name] + error.path)
        case DecodingError.dataCorrupted(let context), DecodingError.typeMismatch(_, let context),
            DecodingError.valueNotFound(_, let context), DecodingError.keyNotFound(_, let context):
            self.init(context.debugDescription, at: [name])
        default:
            self.init("\(error)", at: [name])
        }
    }
}

private struct ObjectContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let members: [JSON.Member]

    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { members.compactMap { Key(stringValue: $0.name) } }

    func contains(_ key: Key) -> Bool { members.value(of: key.stringValue) != nil }

    func decodeNil(forKey key: Key) throws -> Bool { try value(of: key) == .null }

    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool {
        try read(key) { value throws(JSON.Unreadable) in try value.boolean }
    }

    func decode(_ type: String.Type, forKey key: Key) throws -> String {
        try read(key) { value throws(JSON.Unreadable) in try value.string }
    }

    func decode(_ type: Int.Type, forKey key: Key) throws -> Int {
        try read(key) { value throws(JSON.Unreadable) in Int(try value.integer) }
    }

    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 {
        try read(key) { value throws(JSON.Unreadable) in try value.integer }
    }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        let value = try value(of: key)
        // Without a closure between: most of a replay goes through here.
        do {
            return try Value(from: JSONValueDecoder(value: value))
        } catch {
            throw JSON.Unreadable(error, under: key.stringValue)
        }
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> {
        try read(key) { try JSONValueDecoder(value: $0).container(keyedBy: type) }
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try read(key) { try JSONValueDecoder(value: $0).unkeyedContainer() }
    }

    func superDecoder() throws -> any Decoder { throw JSON.Unreadable.inheritance }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw JSON.Unreadable.inheritance }

    private func value(of key: Key) throws(JSON.Unreadable) -> JSON {
        guard let value = members.value(of: key.stringValue) else {
            throw JSON.Unreadable("it is missing", at: [key.stringValue])
        }
        return value
    }

    private func read<Value>(_ key: Key, _ body: (JSON) throws -> Value) throws -> Value {
        let value = try value(of: key)
        do {
            return try body(value)
        } catch {
            throw JSON.Unreadable(error, under: key.stringValue)
        }
    }
}

private struct ArrayContainer: UnkeyedDecodingContainer {
    let values: [JSON]
    private(set) var currentIndex = 0

    init(values: [JSON]) { self.values = values }

    var codingPath: [any CodingKey] { [] }
    var count: Int? { values.count }
    var isAtEnd: Bool { currentIndex == values.count }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, values[currentIndex] == .null else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try read { try Value(from: JSONValueDecoder(value: $0)) }
    }

    mutating func nestedContainer<Key: CodingKey>(
        keyedBy type: Key.Type
    ) throws -> KeyedDecodingContainer<Key> {
        try read { try JSONValueDecoder(value: $0).container(keyedBy: type) }
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try read { try JSONValueDecoder(value: $0).unkeyedContainer() }
    }

    func superDecoder() throws -> any Decoder { throw JSON.Unreadable.inheritance }

    private mutating func read<Value>(_ body: (JSON) throws -> Value) throws -> Value {
        guard !isAtEnd else { throw JSON.Unreadable("the array has ended") }
        do {
            let value = try body(values[currentIndex])
            currentIndex += 1
            return value
        } catch {
            throw JSON.Unreadable(error, under: "\(currentIndex)")
        }
    }
}

private struct ValueContainer: SingleValueDecodingContainer {
    let value: JSON

    var codingPath: [any CodingKey] { [] }

    func decodeNil() -> Bool { value == .null }
    func decode(_ type: Bool.Type) throws -> Bool { try value.boolean }
    func decode(_ type: String.Type) throws -> String { try value.string }
    func decode(_ type: Int.Type) throws -> Int { Int(try value.integer) }
    func decode(_ type: Int64.Type) throws -> Int64 { try value.integer }

    /// Where a type that is none of these asks for itself, as `Double` does, it ends here.
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        throw JSON.Unreadable("no shape holds a \(type)")
    }
}

extension JSON.Unreadable {
    fileprivate static let inheritance = JSON.Unreadable("no shape has a super class")
}
