internal import Foundation

/// Any JSON document, kept whole: what this client does not know is neither lost nor changed.
///
/// A whole number stays one (within 64 bits, signed); the order of an object's members is not kept.
///
/// Source: RFC 8259.
public enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])
}

// MARK: - Reading and writing

extension JSONValue {
    /// The value at the end of a path of members; `nil` where there is none.
    ///
    /// Setting makes the objects in between, in place of anything that is no object; setting `nil`
    /// takes the last member away, and makes nothing.
    public subscript(path: String...) -> JSONValue? {
        get { value(at: path[...]) }
        set { set(newValue, at: path[...]) }
    }

    private func value(at path: ArraySlice<String>) -> JSONValue? {
        guard let name = path.first else { return self }
        return member(name)?.value(at: path.dropFirst())
    }

    private mutating func set(_ value: JSONValue?, at path: ArraySlice<String>) {
        guard let name = path.first else {
            self = value ?? .null
            return
        }
        if value == nil, member(name) == nil { return }
        var members = objectValue ?? [:]
        if path.count == 1 {
            members[name] = value
        } else {
            var child = members[name] ?? [:]
            child.set(value, at: path.dropFirst())
            members[name] = child
        }
        self = .object(members)
    }

    private func member(_ name: String) -> JSONValue? { objectValue?[name] }

    /// The element of an array; `nil` outside its bounds, and where there is no array.
    public subscript(index: Int) -> JSONValue? {
        guard let elements = arrayValue, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    public var isNull: Bool { self == .null }

    public var boolValue: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    public var integerValue: Int64? {
        if case .integer(let value) = self { value } else { nil }
    }

    public var doubleValue: Double? {
        switch self {
        case .double(let value): value
        case .integer(let value): Double(value)
        default: nil
        }
    }

    public var stringValue: String? {
        if case .string(let value) = self { value } else { nil }
    }

    public var arrayValue: [JSONValue]? {
        if case .array(let value) = self { value } else { nil }
    }

    public var objectValue: [String: JSONValue]? {
        if case .object(let value) = self { value } else { nil }
    }

    /// The strings of an array; anything else in it is left out.
    public var stringsValue: [String]? { arrayValue?.compactMap(\.stringValue) }

    /// The members that are strings, as labels are.
    public var stringMembers: [String: String] {
        objectValue?.compactMapValues(\.stringValue) ?? [:]
    }
}

// MARK: - Text

extension JSONValue {
    /// Reads a document; it may be nested 512 deep.
    ///
    /// - Throws: `DecodingError` with the place of the fault.
    public init(parsing bytes: some Sequence<UInt8>) throws {
        self = try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
    }

    /// The document as UTF-8, its members sorted by name, without white space.
    ///
    /// - Throws: `EncodingError` for a number that JSON cannot write, such as infinity.
    public func serialized() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }
}

extension JSONValue: Codable {
    public init(from decoder: any Decoder) throws {
        // Each attempt fails where the value is of another kind; the last one tells the true error.
        if let members = try? decoder.singleValueContainer().decode([String: JSONValue].self) {
            self = .object(members)
            return
        }
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .double(value)
        } else {
            self = .array(try container.decode([JSONValue].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .double(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByStringLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(nilLiteral: ()) { self = .null }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements) { _, last in last })
    }

    public init(_ strings: [String]) { self = .array(strings.map { .string($0) }) }
    public init(_ members: [String: String]) { self = .object(members.mapValues { .string($0) }) }
}
