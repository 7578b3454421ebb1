/// One form of a page, as far as somebody needs it who fills it in.
///
/// Source: the HTML standard, section 4.10.21 (form submission).
struct HTMLForm: Hashable, Sendable {
    /// Where it is posted, as it is written; none where the page itself takes it.
    let action: String?
    /// The names of all its controls.
    private(set) var names: Set<String> = []
    /// What it carries along unseen, in the page's order.
    private(set) var hidden: [Hidden] = []

    struct Hidden: Hashable, Sendable {
        let name: String
        let value: String
    }

    /// The forms of a page, in its order.
    static func all(in page: String) -> [HTMLForm] {
        var forms: [HTMLForm] = []
        var open: HTMLForm?
        for tag in HTMLTags(page) {
            switch tag.name {
            case "form", "/form":
                if let open { forms.append(open) }
                open = tag.name == "form" ? HTMLForm(action: tag.attributes["action"]) : nil
            case "input", "button", "select", "textarea": open?.take(tag)
            default: break
            }
        }
        return forms + (open.map { [$0] } ?? [])
    }

    private init(action: String?) {
        self.action = action.flatMap { $0.isEmpty ? nil : $0 }
    }

    private mutating func take(_ tag: HTMLTags.Tag) {
        guard let name = tag.attributes["name"], !name.isEmpty else { return }
        names.insert(name)
        guard tag.name == "input", tag.attributes["type"]?.lowercased() == "hidden" else { return }
        hidden.append(Hidden(name: name, value: tag.attributes["value"] ?? ""))
    }
}

/// The tags of a page, one after the other; what is no HTML brings no more than odd ones.
///
/// It reads every byte once. Source: the HTML standard, section 13.2.5, without the states that
/// matter to nobody who only looks for forms.
struct HTMLTags: Sequence, IteratorProtocol {
    struct Tag: Hashable {
        /// In lower case; that of an end tag begins with `/`.
        let name: String
        /// By names in lower case; the first of the same name counts.
        let attributes: [String: String]
    }

    private let bytes: [UInt8]
    private var position = 0

    init(_ page: String) { bytes = Array(page.utf8) }

    mutating func next() -> Tag? {
        while let open = index(of: "<", from: position) {
            position = open + 1
            if has("!--") {
                position = end(of: "-->") ?? bytes.count
                continue
            }
            let isEnd = has("/")
            guard let first = byte(isEnd ? position + 1 : position), Self.isLetter(first) else {
                continue
            }
            if isEnd { position += 1 }
            let name = word(until: "/>").lowercased()
            let attributes = attributes()
            // What stands in these is no markup; their end tags are next.
            if !isEnd, ["script", "style", "textarea", "title"].contains(name) { skip(to: name) }
            return Tag(name: isEnd ? "/\(name)" : name, attributes: attributes)
        }
        return nil
    }

    private mutating func attributes() -> [String: String] {
        var found: [String: String] = [:]
        while true {
            skipBlanks(and: "/")
            guard let next = byte(position) else { return found }
            if next == UInt8(ascii: ">") {
                position += 1
                return found
            }
            // A `=` at the beginning is the name's own.
            let start = next == UInt8(ascii: "=") ? "=" : ""
            position += start.utf8.count
            let name = (start + word(until: "/>=")).lowercased()
            skipBlanks()
            var value = ""
            if byte(position) == UInt8(ascii: "=") {
                position += 1
                value = attributeValue()
            }
            if found[name] == nil { found[name] = value }
        }
    }

    private mutating func attributeValue() -> String {
        skipBlanks()
        guard let quote = byte(position), quote == 0x22 || quote == 0x27 else {
            return HTMLText.plain(word(until: ">"))
        }
        let start = position + 1
        let end = bytes[start...].firstIndex(of: quote) ?? bytes.count
        position = Swift.min(end + 1, bytes.count)
        return HTMLText.plain(String(decoding: bytes[start..<end], as: UTF8.self))
    }

    /// Reads up to a blank or one of `ends`.
    private mutating func word(until ends: StaticString) -> String {
        let start = position
        while let next = byte(position), !Self.isBlank(next), !Self.is(next, oneOf: ends) {
            position += 1
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func skipBlanks(and other: StaticString = "") {
        while let next = byte(position), Self.isBlank(next) || Self.is(next, oneOf: other) {
            position += 1
        }
    }

    private mutating func skip(to name: String) {
        let mark = Array("</\(name)".utf8)
        while let open = index(of: "<", from: position) {
            let candidate = bytes[open..<Swift.min(open + mark.count, bytes.count)]
            if candidate.map({ $0 | ($0 > 0x40 ? 0x20 : 0) }) == mark {
                position = open
                return
            }
            position = open + 1
        }
        position = bytes.count
    }

    private func byte(_ index: Int) -> UInt8? { index < bytes.count ? bytes[index] : nil }

    private func has(_ mark: String) -> Bool {
        bytes[position...].starts(with: mark.utf8)
    }

    private func index(of mark: Unicode.Scalar, from start: Int) -> Int? {
        start < bytes.count ? bytes[start...].firstIndex(of: UInt8(ascii: mark)) : nil
    }

    private func end(of mark: String) -> Int? {
        let mark = Array(mark.utf8)
        var start = position
        while let found = index(of: "-", from: start) {
            if bytes[found...].starts(with: mark) { return found + mark.count }
            start = found + 1
        }
        return nil
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x09, 0x0A, 0x0C, 0x0D, 0x20: true
        default: false
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }

    private static func `is`(_ byte: UInt8, oneOf ends: StaticString) -> Bool {
        ends.withUTF8Buffer { $0.contains(byte) }
    }
}

/// Text of HTML with its character references undone, as far as attributes of forms have any.
enum HTMLText {
    private static let named = ["amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'"]

    /// As pages show text of others.
    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
            .replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
            .replacing("'", with: "&#39;")
    }

    static func plain(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "&")) else { return text }
        return text.replacing(/&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]{2,4}));/) { match in
            let (whole, decimal, hexadecimal, name) = match.output
            if let name { return named[String(name)] ?? String(whole) }
            let code =
                decimal.flatMap { UInt32($0) } ?? hexadecimal.flatMap { UInt32($0, radix: 16) }
            return code.flatMap { Unicode.Scalar($0) }.map { String(Character($0)) }
                ?? String(whole)
        }
    }
}
