import Foundation
import Testing
import UpgradeMachine

@testable import DockerEngine
@testable import Drivers

@Suite("Names of images") struct ContainersReferenceTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let text: String
        let host: String
        let path: String
        var tag: String?
        var digest: String?
        var testDescription: String { text }
    }

    static let someDigest = "sha256:" + String(repeating: "0a", count: 32)

    @Test(arguments: [
        Case(text: "nginx", host: "docker.io", path: "library/nginx"),
        Case(text: "nginx:1.25", host: "docker.io", path: "library/nginx", tag: "1.25"),
        Case(text: "acme/studio", host: "docker.io", path: "acme/studio"),
        Case(text: "docker.io/nginx", host: "docker.io", path: "library/nginx"),
        Case(text: "index.docker.io/acme/studio", host: "docker.io", path: "acme/studio"),
        Case(text: "localhost/studio:7", host: "localhost", path: "studio", tag: "7"),
        Case(
            text: "registry.example:5000/a/b/c:7.1_x-2", host: "registry.example:5000",
            path: "a/b/c", tag: "7.1_x-2"),
        Case(text: "127.0.0.1:5000/studio", host: "127.0.0.1:5000", path: "studio"),
        Case(
            text: "r.example/s:7@\(someDigest)", host: "r.example", path: "s", tag: "7",
            digest: someDigest),
        Case(text: "s@\(someDigest)", host: "docker.io", path: "library/s", digest: someDigest),
    ])
    func parts(_ expected: Case) throws {
        let image = try #require(ImageReference(expected.text))
        #expect(image.host == expected.host && image.path == expected.path)
        #expect(image.tag == expected.tag && image.digest == expected.digest)
    }

    @Test(arguments: [
        "", ":7", "a/", "/a", "a//b", "Studio", "r.example/a:", "a@sha256:12", "a b", "a:-x",
    ])
    func refused(_ text: String) { #expect(ImageReference(text) == nil) }

    @Test func sameRepository() throws {
        let image = try #require(ImageReference("nginx:1"))
        #expect(image.isSameRepository(as: "docker.io/library/nginx"))
        #expect(!image.isSameRepository(as: "registry.example/library/nginx"))
    }
}

@Suite("Accounts as Docker keeps them") struct ContainersCredentialTests {
    /// The account as text, so that it can be compared; secrets themselves cannot.
    private static func text(_ login: RegistryLogin) -> String {
        switch login {
        case .anonymous: "none"
        case .withoutHelper(let name): "none without \(name)"
        case .password(let user, let password): user + " " + password.reveal { $0 }
        case .identityToken(let token): "token " + token.reveal { $0 }
        }
    }

    private static func encoded(_ text: String) -> String { Data(text.utf8).base64EncodedString() }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let auths: JSONValue
        let host: String
        let login: String
    }

    @Test(arguments: [
        Case(
            testDescription: "user and password",
            auths: ["r.example:5000": ["auth": .string(encoded("me:pa:ss"))]],
            host: "r.example:5000", login: "me pa:ss"),
        Case(
            testDescription: "another port is another registry",
            auths: ["r.example:5000": ["auth": .string(encoded("me:x"))]],
            host: "r.example", login: "none"),
        Case(
            testDescription: "an old key with scheme and path",
            auths: ["https://r.example/v1/": ["auth": .string(encoded("me:x"))]],
            host: "r.example", login: "me x"),
        Case(
            testDescription: "Docker Hub's key",
            auths: ["https://index.docker.io/v1/": ["auth": .string(encoded("me:x"))]],
            host: "docker.io", login: "me x"),
        Case(
            testDescription: "Docker Hub by its plain name",
            auths: ["docker.io": ["auth": .string(encoded("me:x"))]],
            host: "docker.io", login: "me x"),
        Case(
            testDescription: "an identity token goes before the password",
            auths: ["r.example": ["auth": .string(encoded("me:x")), "identitytoken": "t0k"]],
            host: "r.example", login: "token t0k"),
        Case(
            testDescription: "in the clear",
            auths: ["r.example": ["username": "me", "password": "x"]],
            host: "r.example", login: "me x"),
        Case(
            testDescription: "NUL bytes at the end",
            auths: ["r.example": ["auth": .string(encoded("me:x\0\0"))]],
            host: "r.example", login: "me x"),
        Case(
            testDescription: "no base64",
            auths: ["r.example": ["auth": "!!"]], host: "r.example", login: "none"),
        Case(
            testDescription: "an empty entry, as a credential store leaves it",
            auths: ["r.example": [:]], host: "r.example", login: "none"),
    ])
    func auths(_ expected: Case) {
        let login = DockerConfiguration(["auths": expected.auths]).login(for: expected.host)
        #expect(Self.text(login) == expected.login)
    }

    @Test("a registry's own helper goes before the store of all")
    func helpers() {
        let configuration = DockerConfiguration([
            "credsStore": "pass", "credHelpers": ["r.example": "ecr-login"],
        ])
        #expect(configuration.helper(for: "r.example") == "ecr-login")
        #expect(configuration.helper(for: "docker.io") == "pass")
        #expect(DockerConfiguration([:]).helper(for: "r.example") == nil)
    }

    /// A folder with a configuration and a helper that answers by its own script.
    private static func credentials(
        _ folder: TemporaryDirectory, _ configuration: String, helper: String
    ) throws -> RegistryCredentials {
        try folder.write(configuration, to: "config.json")
        try folder.write(helper, to: "docker-credential-test", mode: 0o755)
        return RegistryCredentials(environment: [
            "DOCKER_CONFIG": folder.path, "PATH": "\(folder.path):/usr/bin:/bin",
        ]) { _ in Secret("of the plan") }
    }

    private static let withHelper = #"{"credsStore": "test"}"#

    @Test("a helper is asked on its standard input, and Docker Hub by its odd key")
    func helperIsAsked() async throws {
        let folder = try TemporaryDirectory()
        let credentials = try Self.credentials(
            folder, Self.withHelper,
            helper: """
                #!/bin/sh
                read -r server
                printf '{"ServerURL":"x","Username":"%s","Secret":"s3"}' "$1 $server"
                """)
        let login = try await credentials.login(for: "docker.io", account: nil)
        #expect(Self.text(login) == "get https://index.docker.io/v1/ s3")
        let ofPlan = try await credentials.login(
            for: "r.example",
            account: RegistryAccount(user: "me", password: .environment(name: "X")))
        #expect(Self.text(ofPlan) == "me of the plan")
    }

    @Test("a helper's token is a token, and one without the account leaves it to the file")
    func helperAnswers() async throws {
        let folder = try TemporaryDirectory()
        let token = try Self.credentials(
            folder, Self.withHelper,
            helper: "#!/bin/sh\necho '{\"Username\":\"<token>\",\"Secret\":\"t0k\"}'\n")
        #expect(Self.text(try await token.login(for: "r.example", account: nil)) == "token t0k")
        let file = #"{"credsStore": "test", "auths": {"r.example": {"auth": "bWU6eA=="}}}"#
        let none = try Self.credentials(
            folder, file,
            helper: "#!/bin/sh\necho 'credentials not found in native keychain'\nexit 1\n")
        #expect(Self.text(try await none.login(for: "r.example", account: nil)) == "me x")
    }

    @Test("a helper that is not there is passed over, and told with a refusal")
    func helperIsMissing() async throws {
        let folder = try TemporaryDirectory()
        let file = #"{"credsStore": "desktop", "auths": {"r.example": {"auth": "bWU6eA=="}}}"#
        let missing = try Self.credentials(folder, file, helper: "#!/bin/sh\n")
        #expect(Self.text(try await missing.login(for: "r.example", account: nil)) == "me x")
        let nobody = try await missing.login(for: "other.example", account: nil)
        #expect(Self.text(nobody) == "none without docker-credential-desktop")
        #expect(nobody.isAnonymous && nobody.credential(for: "other.example") == nil)
        let refused = Failure.registryUnauthorized("other.example", nobody, "a", words: "401")
        #expect(refused.message.contains("docker-credential-desktop, which is not installed"))
    }

    @Test("a helper that fails, and one that is no name, are told")
    func helperFails() async throws {
        let folder = try TemporaryDirectory()
        let failing = try Self.credentials(
            folder, Self.withHelper, helper: "#!/bin/sh\necho 'key ring is locked'\nexit 1\n")
        let failure = await #expect(throws: Failure.self) {
            _ = try await failing.login(for: "r.example", account: nil)
        }
        #expect(failure?.code == "credential-helper")
        #expect(failure?.excerpt?.contains("key ring is locked") == true)
        let odd = try Self.credentials(folder, #"{"credsStore": "../x"}"#, helper: "#!/bin/sh\n")
        await #expect(throws: Failure.self) {
            _ = try await odd.login(for: "r.example", account: nil)
        }
    }

    @Test("no folder is no account, and one that is not JSON is told")
    func configurationFile() async throws {
        let folder = try TemporaryDirectory()
        let none = RegistryCredentials(environment: ["HOME": folder.path]) { _ in Secret("") }
        #expect(Self.text(try await none.login(for: "r.example", account: nil)) == "none")
        let broken = try Self.credentials(folder, "{", helper: "")
        let failure = await #expect(throws: Failure.self) {
            _ = try await broken.login(for: "r.example", account: nil)
        }
        #expect(failure?.code == "docker-config" && failure?.isPermanent == true)
    }

    @Test("what a registry asks for when it asks who is there")
    func challenge() {
        let challenge = RegistryManifests.Challenge(
            #"Bearer realm="https://a.example/token?x=1",service="r", scope="repository:a,b:pull""#)
        #expect(challenge.scheme == "bearer")
        #expect(
            challenge.parameters == [
                "realm": "https://a.example/token?x=1", "service": "r",
                "scope": "repository:a,b:pull",
            ])
        #expect(RegistryManifests.Challenge("Basic realm=here").parameters == ["realm": "here"])
        #expect(RegistryManifests.Challenge("").parameters.isEmpty)
    }
}
