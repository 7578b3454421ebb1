import Yams

/// How one kind of value is read, together with the ``Schema`` that says what it is.
struct Shape<Value: Sendable>: Sendable {
    let schema: Schema
    /// Throws once the findings say why there is no value.
    let read: @Sendable (Cursor, Reading) throws(Refused) -> Value

    /// The same shape with another value, which may be refused.
    func checked<New>(
        _ check: @escaping @Sendable (Value, Cursor, Reading) throws(Refused) -> New
    ) -> Shape<New> {
        let read = read
        return Shape<New>(schema: schema) { (cursor, reading) throws(Refused) in
            try check(try read(cursor, reading), cursor, reading)
        }
    }

    func map<New>(_ convert: @escaping @Sendable (Value) -> New) -> Shape<New> {
        checked { (value, _, _) throws(Refused) in convert(value) }
    }

    /// Keeps where the value stands, for checks that compare several.
    var located: Shape<Located<Value>> {
        checked { (value, cursor, _) throws(Refused) in
            Located(value: value, place: cursor.place)
        }
    }

    /// Reads, and keeps a refusal as a value, so that the reading of its neighbours goes on.
    func attempt(_ cursor: Cursor, _ reading: Reading) -> Result<Value, Refused> {
        do throws(Refused) {
            return .success(try read(cursor, reading))
        } catch {
            return .failure(error)
        }
    }

    /// A list of what this shape reads.
    func list(
        _ expectation: String, example: String, atLeast: Int = 1
    ) -> Shape<[Value]> {
        let element = self
        let schema = Schema(
            kind: .list(of: element.schema, atLeast: atLeast), expectation: expectation,
            example: example)
        return Shape<[Value]>(schema: schema) { (cursor, reading) throws(Refused) in
            guard case .sequence(let nodes) = cursor.node else {
                throw cursor.mismatch(schema, reading)
            }
            guard nodes.count >= atLeast else {
                throw reading.refuse(
                    "\(cursor.name) is an empty list, but has to be \(expectation)",
                    "for example \(schema.line(cursor.key))", at: cursor.place)
            }
            let results = nodes.map { node in
                let item = Cursor(
                    node: node, path: cursor.path, label: cursor.label,
                    owner: Place(node) ?? cursor.owner, isItem: true)
                return element.attempt(item, reading)
            }
            return try results.map { (result) throws(Refused) in try result.get() }
        }
    }

    /// A mapping from names of the user's own to what this shape reads, in the file's order.
    ///
    /// - Parameter accepts: Whether a name may be used.
    func names(
        _ expectation: String, example: String, label: @escaping @Sendable (String) -> String,
        nameExpectation: String, accepts: @escaping @Sendable (String) -> Bool
    ) -> Shape<[(name: String, value: Value)]> {
        let element = self
        let schema = Schema(
            kind: .names(of: element.schema), expectation: expectation, example: example)
        return Shape<[(name: String, value: Value)]>(schema: schema) {
            (cursor, reading) throws(Refused) in
            let entries = try Entries(cursor, schema, reading).inOrder.filter {
                !$0.key.hasPrefix("x-")
            }
            guard !entries.isEmpty else {
                throw reading.refuse(
                    "\(cursor.name) is empty, but has to be \(expectation)",
                    "for example \(schema.line(cursor.key))", at: cursor.owner)
            }
            let results = entries.map { entry -> Result<(name: String, value: Value), Refused> in
                guard accepts(entry.key) else {
                    return .failure(
                        reading.refuse(
                            "'\(entry.key.shortened(to: 60))' has to be \(nameExpectation)", nil,
                            at: entry.place))
                }
                let item = Cursor(
                    node: entry.node, path: "", label: label(entry.key), owner: entry.place)
                return element.attempt(item, reading).map { (entry.key, $0) }
            }
            return try results.map { (result) throws(Refused) in try result.get() }
        }
    }

    /// Lets a word stand for the mapping that has it as its only key: `running`.
    func shorthand(_ words: [String], expectation: String, example: String) -> Shape {
        let mapping = self
        let schema = Schema(
            kind: .shorthand(words: words, mapping: mapping.schema), expectation: expectation,
            example: example)
        return Shape(schema: schema) { (cursor, reading) throws(Refused) in
            guard case .scalar(let word) = cursor.node, !word.isNull else {
                return try mapping.read(cursor, reading)
            }
            guard words.contains(word.string) else {
                let meant = nearest(to: word.string, among: words)
                throw meant.map {
                    reading.refuse(
                        "unknown value '\(word.string.shortened(to: 60))' in \(cursor.name)",
                        "did you mean '\($0)'?", at: cursor.place)
                } ?? cursor.mismatch(schema, text: word.string, reading)
            }
            let node = Node.mapping(
                .init([(cursor.node, Node("", Tag(.null)))], .implicit, .any, word.mark))
            let long = Cursor(
                node: node, path: cursor.path, label: cursor.label, owner: cursor.owner,
                isItem: cursor.isItem)
            return try mapping.read(long, reading)
        }
    }
}
