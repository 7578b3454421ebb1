import Foundation
import Glibc
import Testing

/// A place in an upgrade to kill Pawl at, told by what it has just done to the world.
struct Ambush: Sendable, CustomTestStringConvertible {
    enum Sign: Sendable {
        /// The engine has just done this to the container (or image) that the test names.
        case engine(action: String, of: @Sendable (EngineEvents.Event, Stack) -> Bool)
        /// So much of a backup with such a name is written.
        case bytes(Int, of: String)
        /// The database server answers `1` to this question, which is asked within the step.
        case answer(to: String)
        /// The engine unpacks an image archive that it is being sent.
        case loading
        /// The intent itself, for a step that is long after it.
        case intent
    }

    let step: String
    let sign: Sign
    let testDescription: String

    init(_ step: String, _ sign: Sign, _ place: String) {
        (self.step, self.sign) = (step, sign)
        testDescription = "\(step): \(place)"
    }

    /// Whether its sign is there in time on this engine.
    var canBeSeen: Bool {
        switch sign {
        case .engine: EngineEvents.arePrompt
        // The folder is Docker's own.
        case .loading: Testbed.engine == "docker"
        default: true
        }
    }

    /// It had passed the step when it was stopped, or ended before it.
    struct Missed: Error, CustomStringConvertible {
        let description: String
    }

    private static let limit = Duration.seconds(120)

    /// Waits until the step is begun, then lets the process go on bit by bit until the sign is
    /// there, and leaves it stopped; the log says that it is still within the step.
    ///
    /// Bit by bit, because some effects are followed by their outcome within a millisecond.
    ///
    /// - Throws: ``Missed``
    func catching(_ pawl: Program, of instance: Pawl) async throws {
        var session: DatabaseSession?
        if case .answer = sign { session = try DatabaseSession(instance.stack) }
        try await onOwnThread { [session] in
            defer { session?.end() }
            try lieInWait(for: pawl, of: instance, session)
        }
    }

    private func lieInWait(
        for pawl: Program, of instance: Pawl, _ session: DatabaseSession?
    ) throws {
        let deadline = ContinuousClock.now + Self.limit
        while try intent(instance) == nil {
            try requireAlive(pawl, until: deadline)
            usleep(500)
        }
        while true {
            try pawl.freeze()
            guard let intent = try intent(instance) else { throw missed(instance) }
            if try hasFired(instance, session, since: intent) { return }
            pawl.signal(SIGCONT)
            usleep(500)
            try requireAlive(pawl, until: deadline)
        }
    }

    private func requireAlive(_ pawl: Program, until deadline: ContinuousClock.Instant) throws {
        guard !pawl.hasEnded else {
            throw Missed(description: "it ended before \(self): \(pawl.errors)")
        }
        guard ContinuousClock.now < deadline else {
            throw Missed(description: "no sign of \(self) within \(Self.limit)")
        }
    }

    private func missed(_ instance: Pawl) -> Missed {
        let story = (try? instance.log.entries())?.story ?? "its outcome is being recorded"
        return Missed(description: "\(step) was over when it was stopped: \(story)")
    }

    /// The step's intent, while it has no outcome; none also while the log is being written to.
    private func intent(_ instance: Pawl) throws -> PawlLog.Entry? {
        do {
            let entries = try instance.log.entries()
            guard entries.openStep == step else { return nil }
            return entries.last { $0.type == "began" }
        } catch is PawlLog.Busy {
            return nil
        }
    }

    private func hasFired(
        _ instance: Pawl, _ session: DatabaseSession?, since intent: PawlLog.Entry
    ) throws -> Bool {
        switch sign {
        case .engine(let action, let isMeant):
            // The engine tells of it a little later than it does it.
            usleep(1000)
            return instance.stack.events.all.contains {
                $0.action.hasPrefix(action) && isMeant($0, instance.stack)
                    && $0.nanoseconds / 1_000_000 >= intent.milliseconds
            }
        case .bytes(let size, let name):
            return try instance.files(in: instance.backups).contains { file in
                var status = stat()
                return file.contains(name) && file.hasSuffix(".partial")
                    && stat("\(instance.backups)/\(file)", &status) == 0
                    && status.st_size >= size
            }
        case .answer(let question):
            return try session?.ask(question) == "1"
        case .loading:
            let folder = "\(Testbed.directory)/docker/tmp"
            return try instance.files(in: folder).contains { $0.hasPrefix("docker-import-") }
        case .intent:
            return true
        }
    }
}

/// A session of the test's own with the database, kept open to be asked often.
final class DatabaseSession: @unchecked Sendable {
    // Asked by one thread.
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var rest = Data()

    init(_ stack: Stack) throws {
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "docker", "--host", try Testbed.required("DOCKER_HOST"), "exec", "-i", "--env",
            "MYSQL_PWD", stack.database, "mariadb", "--user=root", "--skip-column-names",
            "--batch", "--unbuffered",
        ]
        process.environment = ProcessInfo.processInfo.environment.merging([
            "MYSQL_PWD": stack.rootPassword
        ]) { $1 }
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        _ = try ask("SELECT 1")
    }

    /// The only row of the answer.
    func ask(_ question: String) throws -> String {
        try input.fileHandleForWriting.write(contentsOf: Data("\(question);\n".utf8))
        while true {
            if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                defer { rest = Data(rest[(end + 1)...]) }
                return String(decoding: rest[..<end], as: UTF8.self)
            }
            let part = output.fileHandleForReading.availableData
            try #require(!part.isEmpty, "the database has ended the test's session")
            rest += part
        }
    }

    func end() {
        // One that has ended by itself needs no end.
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }
}
