import Glibc
import Yams

/// Why a file cannot be read at all.
struct Refusal: Error {
    let finding: Finding

    init(_ message: String, _ advice: String) {
        finding = Finding(severity: .error, place: nil, message: message, advice: advice)
    }
}

/// A regular file's bytes.
///
/// Source: open(2), fstat(2), read(2).
func contents(of path: String, limitInBytes: Int) throws(Refusal) -> [UInt8] {
    // A pipe under that name must not hold the program up.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw unreadable(errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw unreadable(errno) }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR:
        throw Refusal("this is a directory", "name the file in it, as in \(path)/pawl.yaml")
    default: throw Refusal("this is not a regular file", "name a file of settings")
    }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while bytes.count <= limitInBytes {
        let count = read(descriptor, &chunk, chunk.count)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { throw unreadable(errno) }
        guard count > 0 else { return bytes }
        bytes += chunk.prefix(count)
    }
    throw Refusal(
        "the file is larger than \(limitInBytes) bytes", "settings are short: is it another file?")
}

private func unreadable(_ number: Int32) -> Refusal {
    let advice =
        switch number {
        case ENOENT: "the README has a complete example"
        case EACCES, EPERM: "run as a user who may read it, such as root"
        default: "check the path and the disk"
        }
    return Refusal("the file cannot be read: \(String(cString: strerror(number)))", advice)
}

func workingDirectory() throws(Refusal) -> String {
    guard let pointer = getcwd(nil, 0) else {
        throw Refusal(
            "the working directory cannot be told: \(String(cString: strerror(errno)))",
            "name the file with its whole path")
    }
    defer { free(pointer) }
    return String(cString: pointer)
}

/// The directory of an absolute path.
func parent(of path: String) -> String {
    let end = path.lastIndex(of: "/") ?? path.startIndex
    return end == path.startIndex ? "/" : String(path[..<end])
}

/// The one document of a YAML file.
func document(_ bytes: [UInt8], _ reading: Reading) throws(Refused) -> Node {
    guard let text = String(validating: bytes, as: UTF8.self) else {
        let repaired = String(decoding: bytes, as: UTF8.self)
        let offset = repaired.firstIndex(of: "\u{FFFD}").map { repaired.distance(to: $0) } ?? 0
        throw reading.refuse(
            "the file is not text in UTF-8", "save it as UTF-8",
            at: Place(ofCharacter: offset, in: repaired))
    }
    let node: Node?
    do {
        // The encoding is told, since Yams otherwise takes it from an environment variable.
        node = try compose(yaml: text, .default, .default, .utf8)
    } catch {
        throw malformed(error, text, reading)
    }
    if let node, !(node.scalar?.isNull ?? false) { return node }
    throw reading.refuse("the file is empty", "the README has a complete example", at: nil)
}

/// The parser's problem with its place; what is written there may be a secret and is not shown.
private func malformed(_ error: any Error, _ text: String, _ reading: Reading) -> Refused {
    switch error {
    case YamlError.duplicatedKeysInMapping(let keys, let context):
        return duplicates(keys, text, context.mark, reading)
    case YamlError.scanner(let context, let problem, let mark, _),
        YamlError.parser(let context, let problem, let mark, _),
        YamlError.composer(let context, let problem, let mark, _):
        let start = context.map { $0.mark.line == mark.line ? $0.text : $0.located } ?? ""
        let said = start.isEmpty ? problem : "\(start), \(problem)"
        return reading.refuse(
            "this is not YAML: \(said)", advice(problem, on: mark.line, of: text),
            at: Place(line: mark.line, column: mark.column))
    case YamlError.reader(let problem, let offset, _, _):
        return reading.refuse(
            "this is not YAML: \(problem)", "take signs away that cannot be printed",
            at: offset.map { Place(ofCharacter: $0, in: text) })
    default:
        return reading.refuse("this is not YAML: \(error)", nil, at: nil)
    }
}

extension YamlError.Context {
    /// The parser's words, such as "while scanning a quoted scalar", with the line.
    fileprivate var located: String { "\(text) from line \(mark.line)" }
}

/// - Parameter problem: In the parser's words (libyaml's `scanner.c` and `parser.c`, and Yams).
private func advice(_ problem: String, on line: Int, of text: String) -> String? {
    if problem.hasPrefix("but found another document") { return "keep the part before '---'" }
    if problem == "found undefined alias" { return "its anchor has to stand before it: &name" }
    if problem.hasPrefix("Maximum nesting") { return "settings are less deep" }
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    guard lines.indices.contains(line - 1) else { return nil }
    let indentation = lines[line - 1].prefix { $0.isWhitespace }
    return indentation.contains("\t")
        ? "indent with spaces: YAML takes no tabs there"
        : "look at the indentation and for a missing quote or colon, here and one line above"
}

/// The parser tells the first of equal keys alone, and stops there.
private func duplicates(
    _ keys: [String], _ text: String, _ mark: Mark, _ reading: Reading
) -> Refused {
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    let first = keys.first ?? ""
    var place = Place(line: mark.line, column: mark.column)
    // In a block mapping its second place is the next line with it at the same column.
    for (index, line) in lines.enumerated().dropFirst(mark.line) {
        let indentation = line.prefix { $0 == " " }.count
        if indentation < mark.column - 1, !line.allSatisfy(\.isWhitespace) { break }
        guard indentation == mark.column - 1, line.dropFirst(indentation).hasPrefix("\(first):")
        else { continue }
        place = Place(line: index + 1, column: mark.column)
        break
    }
    let named = keys.map { "'\($0)'" }.joined(separator: ", ")
    let rest = place.line == mark.line ? "" : ", first on line \(mark.line)"
    return reading.refuse(
        "a mapping has \(named) twice\(rest)", "keep one of them",
        at: place)
}

extension Place {
    /// - Parameter offset: In characters from the start.
    fileprivate init(ofCharacter offset: Int, in text: String) {
        let before = text.prefix(offset)
        let line = before.suffix(from: before.lastIndex(where: \.isNewline) ?? before.startIndex)
        let column = line.first?.isNewline == true ? line.count : line.count + 1
        self.init(line: before.count(where: \.isNewline) + 1, column: column)
    }
}

extension String {
    fileprivate func distance(to index: Index) -> Int { distance(from: startIndex, to: index) }
}
