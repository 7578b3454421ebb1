internal import Foundation
import UpgradeMachine

/// A page of the application, as it answers now.
public struct FoundPage: Hashable, Sendable {
    public let url: String
    public let status: Int
    /// The file of the authority that vouches for it, where the system's do not.
    public let authorityFile: String?
    /// Where it says the version that runs.
    let version: VersionLocation?

    /// - Parameters:
    ///   - body: Where its version is looked for.
    ///   - running: The version that is known to run; none where that is not known.
    public init(
        url: String, status: Int, authorityFile: String? = nil, body: String = "",
        running: String? = nil
    ) {
        (self.url, self.status, self.authorityFile) = (url, status, authorityFile)
        version = running.flatMap { status == 200 ? Self.location(of: $0, in: body) : nil }
    }

    public var saysVersion: Bool { version != nil }

    /// The page of an address to ask in an upgrade: one that says the version, or else the first
    /// that is there.
    public static func best(of pages: [FoundPage]) -> FoundPage? {
        pages.first(where: \.saysVersion) ?? pages.first { $0.status == 200 }
            ?? pages.first { $0.status < 400 }
    }

    // MARK: - Where a page says its version

    private static func location(of version: String, in body: String) -> VersionLocation? {
        if let pointer = pointer(to: version, in: body) { return .jsonPointer(pointer: pointer) }
        guard let expression = expression(for: version, in: body) else { return nil }
        return .pattern(expression: expression)
    }

    /// Of the first levels alone: what is deeper is somebody else's version.
    private static func pointer(to version: String, in body: String) -> String? {
        // What is no JSON has no pointers.
        let document = try? JSONSerialization.jsonObject(with: Data(body.utf8))
        guard let members = document as? [String: Any] else { return nil }
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            if value as? String == version { return "/" + escaped(name) }
            let inner = (value as? [String: Any] ?? [:]).sorted { $0.key < $1.key }
            for (innerName, value) in inner where value as? String == version {
                return "/\(escaped(name))/\(escaped(innerName))"
            }
        }
        return nil
    }

    /// RFC 6901, section 3.
    private static func escaped(_ name: String) -> String {
        name.replacing("~", with: "~0").replacing("/", with: "~1")
    }

    /// What stands before it on its line, and a group; nothing where that would match too much.
    private static func expression(for version: String, in body: String) -> String? {
        for line in body.split(whereSeparator: \.isNewline) {
            guard let range = line.range(of: version) else { continue }
            // Not in the middle of a longer number, such as that of a library.
            let before = line[..<range.lowerBound]
            let after = line[range.upperBound...].first
            guard before.last.map({ !$0.isNumber && $0 != "." }) ?? true,
                after.map({ !$0.isNumber && !$0.isLetter }) ?? true
            else { continue }
            // A number there is another one in the next release.
            let words = before.suffix(24).split(
                omittingEmptySubsequences: false, whereSeparator: \.isNumber)
            let start = String((words.last ?? "").drop { !$0.isLetter && $0 != "<" })
            guard start.contains(where: \.isLetter) else { continue }
            let special = #"\^$.|?*+()[]{}/"#
            let escaped = start.map { special.contains($0) ? "\\\($0)" : "\($0)" }.joined()
            let expression = escaped + "([0-9][0-9A-Za-z.+_-]*)"
            // The first match counts, and may be another's.
            guard let regex = try? Regex(expression), let first = body.firstMatch(of: regex),
                first.output[1].substring.map({ $0 == version }) ?? false
            else { continue }
            return expression
        }
        return nil
    }
}
