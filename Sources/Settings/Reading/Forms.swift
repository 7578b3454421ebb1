import Foundation
import UpgradeMachine

extension Shape where Value == String {
    /// A URL of HTTP without an account in it, since plans and logs hold it.
    static let url: Shape = text(
        "a URL of http or https", example: "http://127.0.0.1:8080/version", where: { _ in true }
    ).checked { (text, cursor, reading) throws(Refused) in
        let parts = URLComponents(string: text, encodingInvalidCharacters: false)
        guard parts?.user == nil, parts?.password == nil, !authority(of: text).contains("@") else {
            throw reading.refuse(
                "\(cursor.name) holds an account, which would be kept in every log",
                "take what stands before the '@' away", at: cursor.place)
        }
        guard let parts, ["http", "https"].contains(parts.scheme?.lowercased()),
            let host = parts.host, !host.isEmpty, (1...65_535).contains(parts.port ?? 80)
        else { throw cursor.mismatch(url.schema, text: text, reading) }
        return text
    }

    /// RFC 6901: nothing, or parts that each begin with `/`, with `~0` and `~1` for `~` and `/`.
    static let jsonPointer = text(
        "a JSON pointer (RFC 6901)", example: "/application/version",
        where: { $0.wholeMatch(of: /(?:\/(?:[^\/~]|~[01])*)*/) != nil })

    /// A regular expression as Swift's `Regex` understands it.
    static let regularExpression = text(
        "a regular expression", example: "'Server startup in'"
    ).checked { (text, cursor, reading) throws(Refused) in
        _ = try compiled(text, cursor, reading)
        return text
    }

    /// A regular expression whose first group is the version.
    static let versionExpression = expression(
        ofGroup: "version", example: "'Version ([0-9.]+)'")

    /// A regular expression whose first group is what a page hands out.
    static let tokenExpression = expression(
        ofGroup: "token", example: #"'name="_csrf" value="([^"]+)"'"#)

    private static func expression(ofGroup what: String, example: String) -> Shape {
        text("a regular expression with a group", example: example)
            .checked { (text, cursor, reading) throws(Refused) in
                _ = try compiled(text, cursor, reading)
                // The empty alternative always matches, and its result has a place for every group.
                let probe = try compiled("(?:\(text))|", cursor, reading)
                // A match can fail at run time for custom parts alone, which text cannot hold.
                guard let match = try? probe.wholeMatch(in: ""), match.output.count > 1 else {
                    throw reading.refuse(
                        "\(cursor.name) has no group, so that nothing tells the \(what)",
                        "put the \(what)'s part in parentheses: \(example)", at: cursor.place)
                }
                return text
            }
    }

    /// As the engine allows: `[a-zA-Z0-9][a-zA-Z0-9_.-]+`.
    static let container = text(
        "a container's name", example: "studio_web",
        where: { $0.wholeMatch(of: /[a-zA-Z0-9][a-zA-Z0-9_.\-]+/) != nil })

    /// Source: the grammar in `distribution/reference`, `reference.go`, without tag and digest.
    static let repository = text(
        "a repository without a tag", example: "registry.example/acme/studio",
        where: { text in
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            let pattern = /[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*/
            let paths = parts.count > 1 && isRegistry(parts[0]) ? parts.dropFirst() : parts[...]
            return paths.allSatisfy { $0.wholeMatch(of: pattern) != nil }
        })

    /// An image's name of this host; without a tag it is `latest`, as for the engine.
    static let localTag = text(
        "an image's name of this host", example: "studio:latest",
        where: {
            $0.wholeMatch(of: /[a-z0-9][a-z0-9._\/\-]*(?::[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127})?/)
                != nil
        }
    ).map { $0.contains(":") ? $0 : "\($0):latest" }

    static let host = text(
        "a host's name or address", example: "db.example",
        where: { $0.wholeMatch(of: /[A-Za-z0-9.:_\-]+/) != nil })

    /// Source: MySQL's manual, "Identifier Length Limits".
    static let schemaName = text(
        "a schema's name of at most 64 letters", example: "fusioncloud",
        where: { !$0.isEmpty && $0.count <= 64 })

    /// A host, or the directory of a local socket, as `libpq` takes it (PostgreSQL 15 manual,
    /// 34.1.2, `host`).
    static let serverOrSocket = text(
        "a host's name or address, or a socket's directory", example: "db.example",
        where: { $0.wholeMatch(of: /[A-Za-z0-9.:_\-]+|\/.*/) != nil })

    /// Source: PostgreSQL 15 manual, 4.1.1 (`NAMEDATALEN`).
    static let databaseName = text(
        "a database's name of at most 63 bytes", example: "studio",
        where: { !$0.isEmpty && $0.utf8.count <= 63 })

    static let engine = text(
        "an engine's address", example: "unix:///var/run/docker.sock",
        where: { $0.wholeMatch(of: /unix:\/\/\/.+|tcp:\/\/[^@\/]+\/?/) != nil })
}

extension Shape where Value == [String] {
    /// A command: a program and its arguments, with no shell between.
    static func command(example: String) -> Shape {
        Shape<String>.text(
            "an argument", example: "'--quick'", isOneLine: false, where: { _ in true }
        )
        .list("a list of a program and its arguments (no shell reads it)", example: example)
        .checked { (arguments, cursor, reading) throws(Refused) in
            guard arguments.first != "" else {
                throw reading.refuse(
                    "\(cursor.name) names no program", "for example \(cursor.key): \(example)",
                    at: cursor.place)
            }
            return arguments
        }
    }
}

extension Shape where Value == SecretReference {
    /// Where a secret is kept. What stands in its place instead is never repeated.
    static let secret: Shape = {
        let mapping = Shape.mapping(
            "a reference to a secret", example: "{ env: STUDIO_PASSWORD }", isSecret: true,
            .one(
                of: Choice(
                    "env",
                    secretPart("an environment variable's name", example: "STUDIO_PASSWORD") {
                        $0.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_]*/) != nil
                    }
                    .map { .environment(name: $0) },
                    "An environment variable of Pawl's."),
                Choice(
                    "file",
                    Shape<String>.path("a file", example: "/etc/pawl/studio.password")
                        .map { .file(path: $0) },
                    "A file; a line break at its end does not count."),
                Choice(
                    "credential",
                    secretPart("a credential's name", example: "studio-password") {
                        !$0.isEmpty && !$0.contains("/") && $0 != "." && $0 != ".."
                    }.map { .credential(name: $0) },
                    "A credential as systemd passes it (`LoadCredential=`)."),
                Choice(
                    "command",
                    Shape<[String]>.command(example: "[pass, show, studio]")
                        .map { .command(arguments: $0) },
                    "A command that prints it; a line break at the end does not count.")
            )
        ) { (_, _, reference) throws(Refused) in reference }
        return Shape(schema: mapping.schema) { (cursor, reading) throws(Refused) in
            guard cursor.isMapping else {
                throw reading.refuse(
                    "\(cursor.name): a secret is given by reference",
                    "for example \(cursor.key): { env: STUDIO_PASSWORD }, or file:, credential:, "
                        + "command:", at: cursor.place)
            }
            return try mapping.read(cursor, reading)
        }
    }()

    /// Text in a reference: where its form is wrong it may be the secret itself.
    private static func secretPart(
        _ expectation: String, example: String, where accepts: @escaping @Sendable (String) -> Bool
    ) -> Shape<String> {
        Shape<String>.text(expectation, example: example, where: { _ in true })
            .checked { (text, cursor, reading) throws(Refused) in
                guard accepts(text) else {
                    throw reading.refuse(
                        "\(cursor.name) has to be \(expectation)",
                        "for example \(cursor.key): \(example)", at: cursor.place)
                }
                return text
            }
    }
}

/// Scheme, host and port of a URL that was read, by which servers are told apart.
func origin(of url: String) -> String {
    let parts = URLComponents(string: url)
    let scheme = parts?.scheme?.lowercased() ?? ""
    return "\(scheme)://\(host(of: url)):\(parts?.port ?? (scheme == "https" ? 443 : 80))"
}

/// The host of a URL that was read, without brackets.
func host(of url: String) -> String {
    let host = URLComponents(string: url)?.host?.lowercased() ?? ""
    return host.trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
}

/// Source: RFC 3986, section 3.2.
private func authority(of url: String) -> Substring {
    guard let scheme = url.range(of: "//") else { return "" }
    return url[scheme.upperBound...].prefix { !"/?#".contains($0) }
}

/// Whether an image's first part names a registry and not a folder, as the engine tells them.
private func isRegistry(_ part: Substring) -> Bool {
    (part.contains(".") || part.contains(":") || part == "localhost")
        && part.wholeMatch(of: /[A-Za-z0-9.\-]+(?::[0-9]{1,5})?/) != nil
}

private func compiled(
    _ text: String, _ cursor: Cursor, _ reading: Reading
) throws(Refused) -> Regex<AnyRegexOutput> {
    do {
        return try Regex(text)
    } catch {
        throw reading.refuse(
            "\(cursor.name) is not a regular expression: \(error)",
            "a sign that is meant as itself needs a '\\' before it", at: cursor.place)
    }
}
