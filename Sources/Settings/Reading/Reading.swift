import Yams

/// Something was wrong and the findings say what; the value that was asked for does not exist.
struct Refused: Error {}

/// One reading of one file: gathers findings, so that all of them are told at once.
final class Reading {
    /// What relative paths in the file are relative to.
    let directory: String
    private(set) var findings: [Finding] = []
    private var places: [String: Place] = [:]
    private var claims: [Claim: Place] = [:]
    /// Entries that merges (`<<`) may still bring in; nested ones grow without measure.
    private var mergedEntriesLeft = 10_000

    /// More findings than this are not gathered.
    static let maximumFindings = 1_000

    init(directory: String) { self.directory = directory }

    /// Notes an error, and gives what is to be thrown where nothing can be read because of it.
    @discardableResult
    func refuse(_ message: String, _ advice: String?, at place: Place?) -> Refused {
        add(Finding(severity: .error, place: place, message: message, advice: advice))
        return Refused()
    }

    func warn(_ message: String, _ advice: String?, at place: Place?) {
        add(Finding(severity: .warning, place: place, message: message, advice: advice))
    }

    private func add(_ finding: Finding) {
        guard findings.count < Self.maximumFindings else { return }
        findings.append(finding)
    }

    func note(_ cursor: Cursor) { places["\(cursor.label) \(cursor.path)"] = cursor.place }

    /// Where a key of the same instance stands, if it was read.
    ///
    /// - Parameter path: As in `runtime.docker.stop_grace`.
    func place(of path: String, beside cursor: Cursor) -> Place? {
        places["\(cursor.label) \(path)"]
    }

    /// Takes something that only one place of the file may have, such as a container.
    ///
    /// - Parameters:
    ///   - kind: What it is, as in "container".
    ///   - name: As it is shown.
    ///   - scope: Equal names in different scopes are different things.
    func claim(
        _ kind: String, _ name: String, scope: String = "", advice: String, at place: Place
    ) {
        let claim = Claim(kind: kind, name: name, scope: scope)
        guard let first = claims[claim] else {
            claims[claim] = place
            return
        }
        refuse("\(kind) '\(name)' is taken already, on line \(first.line)", advice, at: place)
    }

    private struct Claim: Hashable {
        let kind: String
        let name: String
        let scope: String
    }

    /// Whether a merge may bring in so many more entries.
    func mayMerge(_ count: Int) -> Bool {
        mergedEntriesLeft -= count
        return mergedEntriesLeft >= 0
    }
}

/// A node with the way to it.
struct Cursor {
    let node: Node
    /// Keys from the instance to the node, as in `runtime.docker.image`.
    let path: String
    /// What is said where the path is empty, as in "the file".
    let label: String
    /// The key that the node hangs on, or the node itself in a list.
    let owner: Place
    /// Whether it is one of a list's, and the path that of the list.
    var isItem = false

    /// Where the value is; an empty one has no place of its own that a person would see.
    var place: Place { isNull ? owner : Place(node) ?? owner }
    /// As messages name it.
    var name: String {
        if path.isEmpty { return label }
        return isItem ? "an item of \(path)" : path
    }
    /// The last key of the path; none for an item of a list.
    var key: String {
        isItem ? "" : path.split(separator: ".").last.map(String.init) ?? path
    }

    var isMapping: Bool { node.mapping != nil }
    var isNull: Bool { node.scalar?.isNull ?? false }

    func child(_ key: String, _ node: Node, at place: Place) -> Cursor {
        let path = path.isEmpty ? key : "\(path).\(key)"
        return Cursor(node: node, path: path, label: label, owner: place)
    }

    /// What a message says that it found, without saying what is written there.
    var found: String {
        switch node {
        case .mapping: "a mapping"
        case .sequence: "a list"
        case .alias: "an alias"
        case .scalar(let scalar):
            switch Tag.Name(rawValue: Node.scalar(scalar).tag.rawValue) {
            case .null: "nothing"
            case .int, .float: "a number"
            case .bool: "true or false"
            default: "text"
            }
        }
    }

    /// The refusal of a value of the wrong type, or of a wrong form.
    ///
    /// - Parameter text: What is written there, where that may be repeated.
    func mismatch(_ schema: Schema, text: String? = nil, _ reading: Reading) -> Refused {
        let found = text.map { "'\($0.shortened(to: 60))'" } ?? found
        let example = "for example \(schema.line(key))"
        // The usual slip: {version} in a list, which YAML takes for a mapping.
        let isBraced = isMapping && schema.kind == .text
        return reading.refuse(
            "\(name) has to be \(schema.expectation), not \(found)",
            isBraced ? "text with braces needs quotes: '{version}'" : example, at: place)
    }
}

/// A value and where it stands.
struct Located<Value: Sendable>: Sendable {
    let value: Value
    let place: Place
}

extension Place {
    init?(_ node: Node) {
        guard let mark = node.mark else { return nil }
        self.init(line: mark.line, column: mark.column)
    }
}

extension Node.Scalar {
    /// `~`, `null` or nothing at all; quoted text never is.
    var isNull: Bool { Node.scalar(self).tag.rawValue == Tag.Name.null.rawValue }
    /// A tag of somebody's own, such as `!vault`, which means nothing here.
    var foreignTag: String? {
        let tag = Node.scalar(self).tag.rawValue
        return tag.hasPrefix("tag:yaml.org,2002:") ? nil : tag
    }
}

extension String {
    func shortened(to count: Int) -> String {
        self.count <= count ? self : prefix(count) + "…"
    }
}
