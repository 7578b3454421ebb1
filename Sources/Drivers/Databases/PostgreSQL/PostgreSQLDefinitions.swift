internal import Digests
internal import UpgradeMachine

/// What a schema-only dump says of a database, as one digest for each object.
///
/// `pg_dump` itself decides what belongs to a database, and so nothing that a restore would bring
/// back is forgotten: owners, privileges, comments and the database's own settings too. The order of
/// its entries does not count.
struct PostgreSQLDefinitions: Hashable, Sendable {
    /// Kind, name and digest of each, in the order of their bytes.
    let lines: [String]

    private static let head = "-- Name: "
    private static let footer = "-- PostgreSQL database dump complete"

    /// - Parameter dump: What `pg_dump --schema-only --create` wrote.
    /// - Returns: `nil` where it does not end as a whole one does.
    init?(dump: String) {
        guard dump.suffix(400).contains(Self.footer) else { return nil }
        var entries: [String: [UInt8]] = [:]
        var title: String?
        for line in dump.split(separator: "\n", omittingEmptySubsequences: true) {
            if line.hasPrefix(Self.head) {
                title = Self.title(line)
                continue
            }
            // Before the first one it tells the programs' versions, and of nothing else.
            guard let title, !Self.isNoise(line) else { continue }
            // Two may have one title, such as comments on columns.
            entries[title, default: []] += Array(Self.normalised(line).utf8) + [0x0A]
        }
        lines = entries.map { "\($0.key)\u{0}\(SHA256.hash($0.value).hex)" }.sorted {
            Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8))
        }
    }

    init(lines: [String]) { self.lines = lines }

    /// As in `VIEW public.v` of `-- Name: v; Type: VIEW; Schema: public; Owner: app`.
    private static func title(_ line: Substring) -> String {
        let text = line.dropFirst(head.count)
        guard let type = text.ranges(of: "; Type: ").last,
            let schema = text.ranges(of: "; Schema: ").last,
            schema.lowerBound > type.upperBound
        else { return String(text) }
        let name = text[..<type.lowerBound]
        let kind = text[type.upperBound..<schema.lowerBound]
        let rest = text[schema.upperBound...].prefix { $0 != ";" }
        return "\(kind) \(rest == "-" ? "" : "\(rest).")\(name)"
    }

    /// Keys that are new in each dump, which guard `psql` against what a dump holds; and which tools
    /// wrote it.
    private static func isNoise(_ line: Substring) -> Bool {
        ["\\restrict ", "\\unrestrict ", "-- Dumped ", footer].contains { line.hasPrefix($0) }
            || line == "--"
    }

    /// The server prints `x IN ('a', b)` on a `varchar` otherwise once it has read what it printed
    /// before: `(ARRAY['a'::character varying, b])::text[]` becomes
    /// `ARRAY[('a'::character varying)::text, (b)::text]` (seen on 15.18).
    ///
    /// So in a line with an array neither brackets nor casts to text count.
    static func normalised(_ line: Substring) -> String {
        guard line.contains("ARRAY[") else { return String(line) }
        return line.replacing("::text[]", with: "").replacing("::text", with: "")
            .filter { $0 != "(" && $0 != ")" }
    }
}
