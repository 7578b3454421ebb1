internal import Glibc
public import UpgradeMachine

/// Resolves a reference to a secret as late as possible; called anew for each step.
public typealias SecretResolver =
    @Sendable (SecretReference) async throws(Failure) -> Secret

/// Resolves references to secrets, at the moment when one is needed.
///
/// No message holds what was read. Nothing is kept: a password that was changed is the new one at
/// the next question.
public struct Secrets: Sendable {
    /// More than any password or key has.
    private static let limitInBytes = 65_536

    /// How long a command may take that prints a secret.
    public var commandLimit = Duration.seconds(30)
    /// Where systemd puts credentials; by default from `$CREDENTIALS_DIRECTORY`.
    public var credentialsDirectory: String?

    public init() { credentialsDirectory = Self.variable("CREDENTIALS_DIRECTORY") }

    /// - Throws: `secret-missing`, `secret-exposed` (a file that everybody may read) or
    ///   `secret-invalid`, all permanent; `secret-command` for a command that failed.
    public func resolve(_ reference: SecretReference) async throws(Failure) -> Secret {
        switch reference {
        case .environment(let name):
            guard let value = Self.variable(name) else {
                throw missing("the environment has no variable \(name)", "set it for Pawl")
            }
            return try secret(Array(value.utf8), from: "the variable \(name)")
        case .file(let path): return try read(path)
        case .credential(let name):
            guard let directory = credentialsDirectory else {
                throw missing(
                    "credential \(name): $CREDENTIALS_DIRECTORY is not set",
                    "run Pawl as a systemd service with LoadCredential=\(name):…")
            }
            guard !name.contains("/"), name != "..", !name.isEmpty else {
                throw missing("credential `\(name)` is not a file's name", "correct its name")
            }
            return try read("\(directory)/\(name)")
        case .command(let arguments): return try await run(arguments)
        }
    }

    private func read(_ path: String) throws(Failure) -> Secret {
        guard let status = try Files.followed(path) else {
            throw missing("\(path) is not there", "write the secret into it, with mode 600")
        }
        guard status.st_mode & 0o007 == 0 else {
            throw Failure(
                code: "secret-exposed",
                message: "\(path) has mode \(String(status.st_mode & 0o777, radix: 8)): "
                    + "everybody on this host may use it",
                advice: "chmod 600 \(path), and change the secret if others may have read it",
                isPermanent: true)
        }
        guard let bytes = try Files.read(path, limitInBytes: Self.limitInBytes) else {
            throw missing("\(path) has gone", "write the secret into it, with mode 600")
        }
        return try secret(bytes, from: path)
    }

    private func run(_ arguments: [String]) async throws(Failure) -> Secret {
        let printed = Printed(limitInBytes: Self.limitInBytes)
        var command = Command(arguments, limit: commandLimit)
        command.grace = .milliseconds(500)
        let result: CommandResult
        do throws(Failure) {
            result = try await command.run(sink: { try printed.append($0) })
        } catch {
            // Without its last words: they may hold the secret.
            throw Failure(
                code: error.code, message: error.message, advice: error.advice,
                isPermanent: error.isPermanent)
        }
        guard result.isSuccess else {
            // What it said is left out here too.
            throw Failure(
                code: "secret-command",
                message: "`\(arguments.first ?? "")`, which is to print a secret, \(result.ending)",
                advice: "run it by hand, as the user who runs Pawl")
        }
        return try secret(printed.bytes, from: "`\(arguments.first ?? "")`")
    }

    /// Without a final line break, which editors and `echo` add.
    private func secret(_ bytes: [UInt8], from source: String) throws(Failure) -> Secret {
        var bytes = bytes
        if bytes.last == 0x0A { bytes.removeLast() }
        if bytes.last == 0x0D { bytes.removeLast() }
        guard !bytes.isEmpty else { throw missing("\(source) is empty", "put the secret there") }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(
                code: "secret-invalid", message: "\(source) is not text in UTF-8",
                advice: "save the secret as plain text", isPermanent: true)
        }
        return Secret(text)
    }

    private func missing(_ message: String, _ advice: String) -> Failure {
        Failure(code: "secret-missing", message: message, advice: advice, isPermanent: true)
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}

/// What a command has printed, up to a limit; used on the command's thread, and after its end.
private final class Printed: @unchecked Sendable {
    private let limit: Int
    private(set) var bytes: [UInt8] = []

    init(limitInBytes: Int) { limit = limitInBytes }

    func append(_ part: UnsafeRawBufferPointer) throws(Failure) {
        guard bytes.count + part.count <= limit else {
            throw Failure(
                code: "secret-invalid", message: "it prints more than \(limit) bytes",
                advice: "let the command print the secret alone", isPermanent: true)
        }
        bytes += part
    }
}
