internal import UpgradeMachine

/// What one process remembers of a server's client programs, and the session that it asks its
/// short questions in: starting a program for each of them costs more than all of their answers.
actor DatabaseDesk {
    private var programs: [[String]: String] = [:]
    private var connections: [String: [String]] = [:]
    private var session: DatabaseSession?

    /// The first of the programs that there is; looked for once.
    func locate(_ names: [String], with tools: any DatabaseTools) async throws(Failure) -> String {
        if let known = programs[names] { return known }
        let found = try await tools.locate(names)
        programs[names] = found
        return found
    }

    /// What the option files tell a program of MySQL's about the way to the server; asked for once.
    func connection(
        of program: String, with tools: any DatabaseTools, tag: StepTag?
    ) async throws(Failure) -> [String] {
        if let known = connections[program] { return known }
        let output = ToolOutput(limitInBytes: 64 << 10)
        var call = ToolCall(
            family: .mysql, program: program, options: [MySQLDefaults.question],
            password: Secret(""), tag: tag, limit: MySQLClient.questionLimit)
        call.readsOptionFiles = true
        let ending = try await tools.run(call, pull: nil) { output.take($0) }
        guard ending.isSuccess else {
            throw .mysql(
                "`\(call.text)` in \(tools.place)", standardError: ending.standardError,
                ending: ending.text)
        }
        let options = MySQLDefaults.connection(printed: output.text)
        connections[program] = options
        return options
    }

    /// Asks in the kept session.
    ///
    /// - Parameter open: A session, where there is none.
    /// - Returns: None where it could not be asked there; a session of its own then says why.
    func ask(
        _ statements: String, within limit: Duration,
        opening open: @Sendable () async throws(Failure) -> DatabaseSession
    ) async -> [[String]]? {
        do throws(Failure) {
            if let session, await session.hasEnded { self.session = nil }
            let session: DatabaseSession
            if let kept = self.session {
                session = kept
            } else {
                session = try await open()
                self.session = session
            }
            return try await session.ask(statements, within: limit)
        } catch {
            // The client ends with the first error; the next question gets a new one.
            session = nil
            return nil
        }
    }
}
