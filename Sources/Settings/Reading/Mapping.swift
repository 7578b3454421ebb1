import Yams

/// One key of a mapping, or several that exclude each other, and how they are read.
struct Field<Value: Sendable>: Sendable {
    let keys: [Schema.Key]
    let group: Schema.Group?
    let read: @Sendable (Entries, Reading) throws(Refused) -> Value

    static func required(_ name: String, _ shape: Shape<Value>, _ summary: String) -> Field {
        Field(
            keys: [.init(name: name, summary: summary, schema: shape.schema, isRequired: true)],
            group: nil
        ) { (entries, reading) throws(Refused) in
            guard let cursor = entries.cursor(of: name, reading) else {
                throw entries.missing(
                    [name], "for example \(shape.schema.line(name))", reading)
            }
            return try shape.read(cursor, reading)
        }
    }

    /// - Parameter value: Taken where the key is not there; the summary says so.
    static func optional(
        _ name: String, _ shape: Shape<Value>, default value: Value, _ summary: String
    ) -> Field {
        Field(
            keys: [.init(name: name, summary: summary, schema: shape.schema, isRequired: false)],
            group: nil
        ) { (entries, reading) throws(Refused) in
            guard let cursor = entries.cursor(of: name, reading) else { return value }
            return try shape.read(cursor, reading)
        }
    }

    static func optional<Inner>(
        _ name: String, _ shape: Shape<Inner>, _ summary: String
    ) -> Field<Inner?> where Value == Inner? {
        .optional(name, shape.map { $0 }, default: nil, summary)
    }

    /// Exactly one of several keys.
    static func one(of choices: Choice<Value>...) -> Field {
        let names = choices.map(\.name)
        let keys = choices.map {
            Schema.Key(
                name: $0.name, summary: $0.summary, schema: $0.shape.schema, isRequired: false)
        }
        return Field(keys: keys, group: .init(names: names)) {
            (entries, reading) throws(Refused) in
            let given = entries.inOrder.filter { names.contains($0.key) }
            guard let first = given.first,
                let choice = choices.first(where: { $0.name == first.key }),
                let cursor = entries.cursor(of: first.key, reading)
            else {
                let example = keys[0].schema.line(keys[0].name)
                throw entries.missing(names, "for example \(example)", reading)
            }
            for other in given.dropFirst() {
                reading.refuse(
                    "'\(other.key)' cannot stand beside '\(first.key)' in \(entries.cursor.name)",
                    "keep one of them", at: other.place)
            }
            return try choice.shape.read(cursor, reading)
        }
    }

    fileprivate func attempt(_ entries: Entries, _ reading: Reading) -> Result<Value, Refused> {
        do throws(Refused) {
            return .success(try read(entries, reading))
        } catch {
            return .failure(error)
        }
    }
}

/// One of the keys that exclude each other.
struct Choice<Value: Sendable>: Sendable {
    let name: String
    let shape: Shape<Value>
    let summary: String

    init(_ name: String, _ shape: Shape<Value>, _ summary: String) {
        self.name = name
        self.shape = shape
        self.summary = summary
    }
}

extension Shape {
    /// A mapping with these keys, `x-` keys and merges, and no other.
    ///
    /// - Parameters:
    ///   - isSecret: Whether what stands in it must not be repeated, not even a wrong key.
    ///   - make: Makes the value of all fields, when all could be read.
    static func mapping<each Part: Sendable>(
        _ expectation: String, example: String, isSecret: Bool = false,
        _ fields: repeat Field<each Part>,
        make: @escaping @Sendable (Cursor, Reading, repeat each Part) throws(Refused) -> Value
    ) -> Shape {
        var keys: [Schema.Key] = []
        var groups: [Schema.Group] = []
        for field in repeat each fields {
            keys += field.keys
            groups += field.group.map { [$0] } ?? []
        }
        let schema = Schema(
            kind: .mapping(keys: keys, groups: groups), expectation: expectation, example: example)
        return Shape(schema: schema) { (cursor, reading) throws(Refused) in
            var entries = try Entries(cursor, schema, reading)
            let areKnown = entries.refuseUnknown(schema, isSecret: isSecret, reading)
            let read = entries
            // All fields are read before the first refusal counts: every finding is told.
            let results = (repeat (each fields).attempt(read, reading))
            // What would only follow from a misspelt key is not told beside it.
            guard areKnown else { throw Refused() }
            return try make(cursor, reading, repeat (each results).get())
        }
    }
}
