import UpgradeMachine

extension SettingsFile {
    /// A JSON Schema (draft 7) of the file, for editors that complete and check YAML by it.
    ///
    /// It is made of the definitions that read the file. What compares several keys, such as two
    /// instances with one container, it does not say.
    public static var jsonSchema: String {
        let schema = Shape<FileSettings>.file.schema
        let head: [(String, JSON)] = [
            ("$schema", .text("http://json-schema.org/draft-07/schema#")),
            ("title", .text("pawl.yaml")),
        ]
        return JSON.object(head + schema.json).written(indent: "") + "\n"
    }
}

extension Schema {
    fileprivate var json: [(String, JSON)] {
        switch kind {
        case .text:
            // Numbers and words such as `on` are text as they are written.
            [("type", .array(["string", "number", "boolean"].map(JSON.text)))]
        case .wholeNumber(let range):
            [
                ("type", .text("integer")), ("minimum", .number(range.lowerBound)),
                ("maximum", .number(range.upperBound)),
            ]
        case .duration(let range):
            [
                ("type", .array([.text("string"), .text("integer")])),
                ("pattern", .text("^(?=[0-9])([0-9]+h)?([0-9]+m)?([0-9]+s?)?$")),
                ("minimum", .number(range.lowerBound.count)),
                ("maximum", .number(range.upperBound.count)),
            ]
        case .word(let words): [("enum", .array(words.map(JSON.text)))]
        case .nothing: [("type", .text("null"))]
        case .list(let element, let least):
            [
                ("type", .text("array")), ("minItems", .number(least)),
                ("items", .object(element.json)),
            ]
        case .names(let element):
            [
                ("type", .text("object")), ("minProperties", .number(1)),
                ("patternProperties", .object([("^x-", .object([]))])),
                ("properties", .object([Self.merge])),
                ("additionalProperties", .object(element.json)),
            ]
        case .either(let first, let second):
            [("anyOf", .array([.object(first.json), .object(second.json)]))]
        case .mapping(let keys, let groups): Self.mapping(keys, groups)
        case .shorthand(let words, let mapping):
            [
                (
                    "anyOf",
                    .array([
                        .object([("enum", .array(words.map(JSON.text)))]), .object(mapping.json),
                    ])
                )
            ]
        }
    }

    /// What a merge brings in may hold the required keys; editors differ in expanding it.
    private static let merge = ("<<", JSON.object([]))

    private static func mapping(_ keys: [Key], _ groups: [Group]) -> [(String, JSON)] {
        let properties = keys.map { key in
            (
                key.name,
                JSON.object([("description", .text(key.summary))] + key.schema.json)
            )
        }
        let required = keys.filter(\.isRequired).map { JSON.text($0.name) }
        let choices = groups.map { group in
            let each = group.names.map { JSON.object([("required", .array([.text($0)]))]) }
            return JSON.object([("oneOf", .array(each))])
        }
        return [
            ("type", .text("object")), ("properties", .object(properties + [merge])),
            ("patternProperties", .object([("^x-", .object([]))])),
            ("additionalProperties", .no),
        ] + (required.isEmpty ? [] : [("required", .array(required))])
            + (choices.isEmpty ? [] : [("allOf", .array(choices))])
    }
}

/// JSON that keeps the order of its keys.
private indirect enum JSON {
    case text(String)
    case number(Int)
    case no
    case array([JSON])
    case object([(String, JSON)])

    func written(indent: String) -> String {
        let inner = indent + "  "
        switch self {
        case .text(let text): return Self.quoted(text)
        case .number(let number): return "\(number)"
        case .no: return "false"
        case .array(let items):
            return "[" + items.map { $0.written(indent: indent) }.joined(separator: ", ") + "]"
        case .object(let members) where members.isEmpty: return "{}"
        case .object(let members):
            let lines = members.map { name, value in
                "\(inner)\(Self.quoted(name)): \(value.written(indent: inner))"
            }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(indent)}"
        }
    }

    /// The schemas' own words, which hold no control characters.
    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
