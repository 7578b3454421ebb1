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

    /// It had passed the step when it was stopped, or ended before it: the test has missed.
    struct Missed: Error, CustomStringConvertible {
        let description: String
    }

    private static let limit = Duration.seconds(120)

    /// Waits for the sign, stops the process there, and sees in the log that it is in the step.
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
        var seen = 0
        while ContinuousClock.now < deadline {
            guard !pawl.hasEnded else {
                throw Missed(description: "it ended before \(step): \(pawl.errors)")
            }
            guard try hasFired(instance, session, &seen) else { continue }
            try pawl.freeze()
            if try isInStep(pawl, instance) { return }
            // An earlier sign of the same kind.
            pawl.signal(SIGCONT)
        }
        throw Missed(description: "no sign of \(step) within \(Self.limit)")
    }

    private func hasFired(
        _ instance: Pawl, _ session: DatabaseSession?, _ seen: inout Int
    ) throws -> Bool {
        switch sign {
        case .engine(let action, let isMeant):
            // All that has happened by now is one sign, or the newest would be looked at late.
            let events = instance.stack.events.next(after: seen)
            seen += events.count
            return events.contains {
                $0.action.hasPrefix(action) && isMeant($0, instance.stack)
            }
        case .bytes(let size, let name):
            usleep(500)
            return try instance.files(in: instance.backups).contains { file in
                var status = stat()
                return file.contains(name) && file.hasSuffix(".partial")
                    && stat("\(instance.backups)/\(file)", &status) == 0
                    && status.st_size >= size
            }
        case .answer(let question):
            usleep(500)
            guard isOpen(instance) else { return false }
            return try session?.ask(question) == "1"
        case .intent:
            usleep(500)
            return isOpen(instance)
        }
    }

    /// What the log says while Pawl works; one that is being written to is asked again.
    private func isOpen(_ instance: Pawl) -> Bool {
        (try? instance.log.entries())?.openStep == step
    }

    private func isInStep(_ pawl: Program, _ instance: Pawl) throws -> Bool {
        let entries: [PawlLog.Entry]
        do {
            entries = try instance.log.entries()
        } catch is PawlLog.Busy {
            // It was stopped in the middle of an append: let that end.
            return false
        }
        if entries.openStep == step { return true }
        guard !entries.hasOutcome(of: step) else {
            throw Missed(description: "\(step) was over when it was stopped: \(entries.story)")
        }
        return false
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
