/// What is taken from the option files of where a client program runs: how to reach the server.
///
/// Images and packages put the server's socket there where the program looks elsewhere by itself,
/// and an operator the certificates. All other options are Pawl's to decide.
enum MySQLDefaults {
    /// Makes a program print what the option files tell it, as its first and only argument.
    static let question = "--print-defaults"

    /// - Parameter printed: A line of words, then a line of options, each after a space: those of
    ///   `mariadb --print-defaults` and `mysql --print-defaults`.
    static func connection(printed: String) -> [String] {
        let line = printed.split(whereSeparator: \.isNewline).last { $0.hasPrefix("--") } ?? ""
        // A value may hold spaces, and is printed without quotes.
        return " \(line)".split(separator: " --").map { trimmed($0) }.filter { option in
            let name = String(option.prefix { $0 != "=" }).replacing("_", with: "-")
            return names.contains(name) || prefixes.contains { name.hasPrefix($0) }
        }.map { "--\($0)" }
    }

    private static let names: Set<String> = [
        "socket", "ssl", "skip-ssl", "plugin-dir", "server-public-key-path",
        "get-server-public-key",
    ]
    private static let prefixes = ["ssl-", "skip-ssl-", "tls-"]

    private static func trimmed(_ option: Substring) -> Substring {
        option.prefix(option.count - option.reversed().prefix { $0 == " " }.count)
    }
}
