internal import UpgradeMachine

/// What one process remembers of a server's client programs, and the session that it asks its
/// short questions in: starting a program for each of them costs more than all of their answers.
actor MySQLDesk {
    private var programs: [[String]: String] = [:]
    private var connections: [String: [String]] = [:]
    private var session: MySQLSession?

    /// The first of the programs that there is; looked for once.
    func locate(_ names: [String], with tools: any MySQLTools) async throws(Failure) -> String {
        if let known = programs[names] { return known }
        let found = try await tools.locate(names)
        programs[names] = found
        return found
    }

    /// What the option files tell a program about the way to the server; asked for once.
    func connection(
        of program: String, with tools: any MySQLTools, tag: StepTag?
    ) async throws(Failure) -> [String] {
        if let known = connections[program] { return known }
        let output = MySQLOutput(limitInBytes: 64 << 10)
        var call = MySQLCall(
            program: program, options: [MySQLDefaults.question], password: Secret(""), tag: tag,
            limit: MySQLClient.questionLimit)
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
    /// - Returns: None where it could not be asked there; a session of its own then says why.
    func ask(
        _ statements: String, of client: MySQLClient, within limit: Duration
    ) async -> [[String]]? {
        do throws(Failure) {
            if let session, await session.hasEnded { self.session = nil }
            let session: MySQLSession
            if let kept = self.session {
                session = kept
            } else {
                session = try await client.session(for: "ask")
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
