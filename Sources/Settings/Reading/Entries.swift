import Yams

/// The keys and values of one mapping, with what its merges (`<<`) bring in.
///
/// A key of the mapping's own goes before a merged one, and an earlier merge before a later one.
/// Source: YAML 1.1, the type `tag:yaml.org,2002:merge`.
struct Entries {
    struct Entry {
        let key: String
        let place: Place
        let node: Node
    }

    let cursor: Cursor
    private(set) var inOrder: [Entry] = []
    private var byKey: [String: Entry] = [:]
    /// Keys that a finding has named already as the one that was meant.
    private var suggested: Set<String> = []

    init(_ cursor: Cursor, _ schema: Schema, _ reading: Reading) throws(Refused) {
        self.cursor = cursor
        guard case .mapping(let mapping) = cursor.node else {
            throw cursor.mismatch(schema, reading)
        }
        try add(mapping, reading)
    }

    private mutating func add(
        _ mapping: Node.Mapping, _ reading: Reading
    ) throws(Refused) {
        var merges: [Node] = []
        for (key, node) in mapping {
            guard case .scalar(let scalar) = key, !scalar.isNull else {
                throw reading.refuse(
                    "a key in \(cursor.name) has to be text",
                    "put it in quotes, or take the braces away", at: Place(key) ?? cursor.place)
            }
            if key.tag.rawValue == Tag.Name.merge.rawValue {
                merges.append(node)
            } else if byKey[scalar.string] == nil {
                let place = Place(key) ?? cursor.owner
                let entry = Entry(key: scalar.string, place: place, node: node)
                byKey[entry.key] = entry
                inOrder.append(entry)
            }
        }
        for node in merges {
            for merged in try Self.mappings(of: node, cursor, reading) {
                guard reading.mayMerge(merged.count) else {
                    throw reading.refuse(
                        "merges bring more than 10000 entries in", "merge fewer mappings",
                        at: Place(node))
                }
                try add(merged, reading)
            }
        }
    }

    private static func mappings(
        of node: Node, _ cursor: Cursor, _ reading: Reading
    ) throws(Refused) -> [Node.Mapping] {
        let nodes = node.sequence.map(Array.init) ?? [node]
        let mappings = nodes.compactMap(\.mapping)
        guard mappings.count == nodes.count else {
            throw reading.refuse(
                "'<<' in \(cursor.name) has to be a mapping or a list of mappings",
                "for example <<: *defaults", at: Place(node) ?? cursor.place)
        }
        return mappings
    }

    /// The way to a key's value, whose place is noted for findings about several keys.
    func cursor(of key: String, _ reading: Reading) -> Cursor? {
        guard let entry = byKey[key] else { return nil }
        let child = cursor.child(key, entry.node, at: entry.place)
        reading.note(child)
        return child
    }

    /// The refusal of a mapping without a key that it needs, told once.
    func missing(_ names: [String], _ advice: String, _ reading: Reading) -> Refused {
        // A mistyped key was named already, with the one that was meant.
        guard suggested.isDisjoint(with: names) else { return Refused() }
        let quoted = names.map { "'\($0)'" }.joined(separator: ", ")
        let what = names.count == 1 ? "key \(quoted) is missing" : "one of \(quoted) is missing"
        return reading.refuse("\(what) in \(cursor.name)", advice, at: cursor.owner)
    }

    /// Refuses keys that the schema does not have, and says which was meant.
    ///
    /// - Returns: Whether there were none.
    mutating func refuseUnknown(_ schema: Schema, isSecret: Bool, _ reading: Reading) -> Bool {
        let known = schema.keys.map(\.name)
        let unknown = inOrder.filter { !known.contains($0.key) && !$0.key.hasPrefix("x-") }
        for entry in unknown {
            let meant = nearest(to: entry.key, among: known)
            if let meant { suggested.insert(meant) }
            // Where a secret is asked for, a key that is near nothing may be the secret itself.
            let shown = isSecret && meant == nil ? "" : " '\(entry.key.shortened(to: 60))'"
            reading.refuse(
                "unknown key\(shown) in \(cursor.name)",
                meant.map(suggestion) ?? advice(for: entry.key, known),
                at: entry.place)
        }
        return unknown.isEmpty
    }

    private func suggestion(_ meant: String) -> String {
        byKey[meant].map {
            "did you mean '\(meant)', which is there already, on line \($0.place.line)?"
        }
            ?? "did you mean '\(meant)'?"
    }

    /// For a key that is near none of this mapping's: where else it belongs, or what there is.
    private func advice(for key: String, _ known: [String]) -> String {
        let elsewhere = Shape<UnnamedInstance>.instance.schema.paths(to: key)
        if let path = elsewhere.first, elsewhere.count == 1 { return "it belongs in \(path)" }
        return "known are " + known.joined(separator: ", ")
    }
}
