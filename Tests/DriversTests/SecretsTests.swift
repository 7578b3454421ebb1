import Drivers
import Foundation
import Testing
import UpgradeMachine

@Suite("Secrets")
struct SecretsTests {
    let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory() }

    func value(_ reference: SecretReference, _ secrets: Secrets = Secrets()) async throws -> String
    {
        try await secrets.resolve(reference).reveal { $0 }
    }

    @Test("Each kind of reference is resolved, without the final line break")
    func kinds() async throws {
        let path = try directory.write("päss word\n", to: "secret", mode: 0o600)
        #expect(try await value(.file(path: path)) == "päss word")
        var secrets = Secrets()
        secrets.credentialsDirectory = directory.path
        #expect(try await value(.credential(name: "secret"), secrets) == "päss word")
        #expect(try await value(.command(arguments: ["cat", path])) == "päss word")
        setenv("PAWL_TEST_SECRET", "x", 1)
        #expect(try await value(.environment(name: "PAWL_TEST_SECRET")) == "x")
    }

    @Test(
        "What is wrong is said, and never the secret",
        arguments: [
            (SecretReference.file(path: "/nowhere"), "secret-missing"),
            (.environment(name: "PAWL_NO_SUCH"), "secret-missing"),
            (.credential(name: "x"), "secret-missing"),
            (
                .command(arguments: ["sh", "-c", "printf hunt%s er2 >&2; exit 1"]),
                "secret-command"
            ),
            (
                .command(arguments: ["sh", "-c", "printf hunt%s er2 >&2; sleep 10"]),
                "command-timed-out"
            ),
            (.command(arguments: ["sh", "-c", "yes hunt"]), "secret-invalid"),
            (.command(arguments: ["true"]), "secret-missing"),
            (.command(arguments: ["printf", "\\377"]), "secret-invalid"),
        ])
    func failures(reference: SecretReference, code: String) async throws {
        var secrets = Secrets()
        secrets.credentialsDirectory = nil
        secrets.commandLimit = .milliseconds(500)
        let failure = await #expect(throws: Failure.self) {
            try await secrets.resolve(reference)
        }
        #expect(failure?.code == code)
        #expect(failure?.excerpt == nil)
        #expect(failure?.message.contains("hunter2") == false)
    }

    @Test("A file that everybody may read is refused", arguments: [0o644, 0o604, 0o602])
    func exposed(mode: Int) async throws {
        let path = try directory.write("hunter2", to: "secret", mode: mode)
        let failure = await #expect(throws: Failure.self) {
            try await Secrets().resolve(.file(path: path))
        }
        #expect(failure?.code == "secret-exposed")
    }
}
