internal import UpgradeMachine

/// Waits for an engine or a database server that is being started.
///
/// After a boot, or while the engine itself is restarted, it is not there for a while. That is no
/// failed try: three of those would be over before a daemon is up again, or before a server has
/// recovered its data. What is not there after the limit is one.
struct Patience: Sendable {
    /// Codes of failures that pass when what was asked for is up; also of a question in whose
    /// middle it went down.
    private static let absences: Set<String> = [
        "engine-unreachable", "engine-timed-out", "database-container-stopped",
        "database-unreachable", "database-connection-lost",
    ]
    static let usual = Patience(limit: .seconds(120), rest: .milliseconds(250))
    /// For whoever wants to know at once, such as a pre-flight.
    static let none = Patience(limit: .zero, rest: .zero)

    let limit: Duration
    let rest: Duration

    /// The same, but not for longer than a step may take.
    func within(_ limit: Duration) -> Patience {
        Patience(limit: min(self.limit, limit), rest: rest)
    }

    /// Asks until there is an answer, or another failure than an absence.
    ///
    /// - Parameter ask: A question, which may be repeated.
    func wait<Value>(
        in context: Context, _ ask: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let deadline = ContinuousClock.now + limit
        var isFirst = true
        while true {
            do throws(Failure) {
                return try await ask()
            } catch  where Self.absences.contains(error.code) && ContinuousClock.now < deadline {
                if isFirst { context.report(.note("waiting: \(error.message)")) }
                isFirst = false
            }
            try await pause()
        }
    }

    private func pause() async throws(Failure) {
        do {
            try await Task.sleep(for: rest)
        } catch {
            throw .interrupted(what: "waiting for the engine or the database")
        }
    }
}
