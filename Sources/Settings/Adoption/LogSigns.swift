/// What a start-up log says, so that the same can be asked of the next release's.
public struct LogSigns: Hashable, Sendable {
    /// A regular expression that a line matches when the application is ready; none is known.
    public let ready: String?
    /// Regular expressions of which the log has no line now.
    public let errors: [String]
    /// Those of which it has, and how many: a check of them would fail at once.
    public let presentErrors: [String: Int]

    /// How programs that are often met say that they are ready, and what they call errors.
    private static let known: [(ready: String, errors: [String])] = [
        ("Server startup in", ["SEVERE"]),
        (#"Started \S+ in [0-9.]+ seconds"#, [" ERROR "]),
        (#"Started @[0-9]+ms"#, [" ERROR "]),
        ("ready on port", ["Traceback", " ERROR "]),
        ("Application startup complete", ["Traceback", "ERROR"]),
        (#"Listening (on|at) "#, ["Traceback", "ERROR"]),
        ("(listening on port|Server running)", ["UnhandledPromiseRejection"]),
    ]

    /// - Parameter lines: Since its present start.
    public init(_ lines: [String], preset: AdoptionPreset? = nil) {
        let signs = preset.map { [(ready: $0.ready, errors: $0.errors)] } ?? Self.known
        let sign = signs.first { sign in Self.count(of: sign.ready, in: lines) > 0 }
        ready = sign?.ready ?? preset?.ready
        let all = sign?.errors ?? preset?.errors ?? []
        let counts = all.map { ($0, Self.count(of: $0, in: lines)) }
        errors = counts.filter { $0.1 == 0 }.map(\.0)
        presentErrors = Dictionary(uniqueKeysWithValues: counts.filter { $0.1 > 0 })
    }

    private static func count(of expression: String, in lines: [String]) -> Int {
        // Those above are right; one that is not would find nothing.
        guard let regex = try? Regex(expression) else { return 0 }
        return lines.count { $0.contains(regex) }
    }
}
