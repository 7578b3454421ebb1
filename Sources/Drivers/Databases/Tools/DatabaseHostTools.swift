internal import Foundation
internal import Glibc
internal import UpgradeMachine

/// The client programs of this host.
///
/// The password is in a file that only this user may read and that has no name in any
/// directory any more, so that it is gone with this process however that ends.
struct DatabaseHostTools: DatabaseTools {
    let redaction: Redaction

    var place: String { "this host" }

    func locate(_ names: [String]) async throws(Failure) -> String {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        for name in names {
            for directory in path.split(separator: ":") {
                let candidate = "\(directory)/\(name)"
                if access(candidate, X_OK) == 0 { return candidate }
            }
        }
        throw .noClientTools(names, place: place)
    }

    func run(
        _ call: ToolCall, pull: Command.PullClosure?, sink: @escaping Command.Sink
    ) async throws(Failure) -> ToolEnding {
        let options = try PasswordFile(call)
        defer { options.close() }
        let result = try await command(call, options).run(pull: pull, sink: sink)
        return ToolEnding(
            text: result.ending, isSuccess: result.isSuccess, standardError: result.errors)
    }

    func converse(_ call: ToolCall) async throws(Failure) -> any ToolConversation {
        let options = try PasswordFile(call)
        return try await HostConversation.start(command(call, options), keeping: options)
    }

    func endPrograms(of tag: StepTag) async throws(Failure) {
        // A client has nothing to save: what it has not sent yet must not be sent.
        try await tag.endAll(grace: .zero)
    }

    private func command(_ call: ToolCall, _ options: PasswordFile) -> Command {
        var command = Command(
            call.family.arguments(of: call, passwordFile: options.path), limit: call.limit)
        command.withheld = call.family.misleading(
            among: ProcessInfo.processInfo.environment.keys)
        command.environment = call.family.environment(passwordFile: options.path)
        command.grace = .seconds(1)
        command.outputLimitInBytes = ToolEnding.standardErrorLimitInBytes
        command.redaction = redaction
        command.tag = call.tag
        return command
    }
}

/// A client program's password as a file without a name.
///
/// Source: "Command-Line Options that Affect Option-File Handling", and the escapes of "Using Option
/// Files", MySQL 8.0 and MariaDB manuals; "The Password File", PostgreSQL 15 manual, 34.16.
final class PasswordFile: Sendable {
    private let descriptor: CInt
    /// To be opened by a child that runs as the same user.
    let path: String

    init(_ call: ToolCall) throws(Failure) {
        descriptor = try Self.nameless()
        path = "/proc/\(getpid())/fd/\(descriptor)"
        do throws(Failure) {
            let text = call.family.passwordFile(call.password)
            try Files.writeAll(Array(text.utf8), to: descriptor, path: "the client's password")
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    /// A file of mode 0600 whose name is taken away before anything is written (`mkstemp(3)`).
    private static func nameless() throws(Failure) -> CInt {
        for directory in ["/dev/shm", "/tmp"] {
            var name = "\(directory)/pawl-password-XXXXXX".utf8CString.map { $0 }
            let descriptor = mkstemp(&name)
            guard descriptor >= 0 else { continue }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            guard unlink(name) == 0 else {
                let failure = Failure.system("unlink", on: "the client's password")
                Glibc.close(descriptor)
                throw failure
            }
            return descriptor
        }
        throw .system("mkstemp", on: "the client's password in /dev/shm or /tmp")
    }

    static func escapedOption(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            .replacing("\n", with: "\\n").replacing("\r", with: "\\r")
            .replacing("\t", with: "\\t")
    }

    /// Colons end a field of PostgreSQL's, and a backslash takes the meaning from either.
    static func escapedEntry(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing(":", with: "\\:")
    }

    /// To be called once, when no program will read it any more.
    func close() { Glibc.close(descriptor) }
}

extension Failure {
    static func noClientTools(_ names: [String], place: String) -> Failure {
        Failure(
            code: "no-client-tools",
            message: "none of \(names.joined(separator: ", ")) is in the PATH of \(place)",
            advice: "install the database's client programs there, or name in the configuration "
                + "the container that has them",
            isPermanent: true)
    }
}
