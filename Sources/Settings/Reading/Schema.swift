import UpgradeMachine

/// What may stand at one place of the file, as data.
///
/// Each ``Shape`` carries one, made of the same definition that reads the value: known keys,
/// suggestions, messages and the JSON Schema for editors cannot drift apart.
struct Schema: Hashable, Sendable {
    indirect enum Kind: Hashable, Sendable {
        /// Text as it is written; numbers and words such as `on` are text here as well.
        case text
        case wholeNumber(ClosedRange<Int>)
        /// `1h30m`, or whole seconds.
        case duration(ClosedRange<Seconds>)
        case word([String])
        /// A key that says all by being there.
        case nothing
        case list(of: Schema, atLeast: Int)
        case mapping(keys: [Key], groups: [Group])
        /// A mapping whose keys are names of the user's own.
        case names(of: Schema)
        /// One of two, told apart by their form.
        case either(Schema, Schema)
        /// A word that stands for a mapping with that one key.
        case shorthand(words: [String], mapping: Schema)
    }

    /// One key of a mapping.
    struct Key: Hashable, Sendable {
        let name: String
        /// One sentence for the person who writes the file.
        let summary: String
        let schema: Schema
        let isRequired: Bool
    }

    /// Keys of one mapping that exclude each other, and one of which has to be there.
    struct Group: Hashable, Sendable {
        let names: [String]
    }

    let kind: Kind
    /// What has to stand here, as in "a list of container names".
    let expectation: String
    /// As it would be written in a single line.
    let example: String

    /// The example as it would stand under a key, or in a list.
    func line(_ key: String) -> String {
        if key.isEmpty { return example }
        return kind == .nothing ? key : "\(key): \(example)"
    }

    var keys: [Key] {
        switch kind {
        case .mapping(let keys, _): keys
        case .names(let schema), .shorthand(_, let schema): schema.keys
        case .list(let schema, _): schema.keys
        default: []
        }
    }

    /// Where below this a key of that name is known: `database` for `fence`.
    func paths(to name: String, below path: [String] = []) -> [String] {
        keys.flatMap { key -> [String] in
            let parent = path.isEmpty ? "the instance itself" : path.joined(separator: ".")
            let here = key.name == name ? [parent] : []
            return here + key.schema.paths(to: name, below: path + [key.name])
        }
    }
}
