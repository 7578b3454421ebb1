import HTTPClient
import Testing

@testable import DockerEngine

@Suite struct CallTests {
    @Test("an engine below 1.40 is not spoken with")
    func versions() throws {
        #expect(try APIVersion.agree(on: "1.41") == APIVersion(major: 1, minor: 41))
        #expect(try APIVersion.agree(on: "1.52") == APIVersion(major: 1, minor: 52))
        #expect(try APIVersion.agree(on: "1.40") == .oldest)
        #expect(throws: DockerError.self) { try APIVersion.agree(on: "1.39") }
        #expect(throws: DockerError.self) { try APIVersion.agree(on: "1.9") }
        #expect(throws: DockerError.self) { try APIVersion.agree(on: "new") }
    }

    @Test("names cannot leave their place in the URL")
    func encoding() {
        var call = DockerEngine.Call(
            .get, "images", "127.0.0.1:5/a/b:1?x#y", "json", what: "image")
        call.query = [("a&b", "c d+é"), ("e", "")]
        #expect(
            call.url(base: "http://docker", version: APIVersion(major: 1, minor: 41))
                == "http://docker/v1.41/images/127.0.0.1%3A5%2Fa%2Fb%3A1%3Fx%23y/json"
                + "?a%26b=c%20d%2B%C3%A9&e=")
    }

    @Test(
        "DOCKER_HOST as the docker command reads it",
        arguments: [
            (nil, "unix:///var/run/docker.sock"), ("", "unix:///var/run/docker.sock"),
            ("unix:///a/b c.sock", "unix:///a/b c.sock"), ("tcp://h:2", "tcp://h:2"),
            ("tcp://h", "tcp://h:2375"), ("tcp://[::1]:99/", "tcp://[::1]:99"),
        ] as [(String?, String)])
    func dockerHost(text: String?, endpoint: String) throws {
        #expect("\(try DockerEngine.Endpoint(dockerHost: text))" == endpoint)
    }

    @Test("the port of TLS") func tlsPort() throws {
        let endpoint = try DockerEngine.Endpoint(dockerHost: "tcp://h", tls: HTTPClient.TLS())
        #expect("\(endpoint)" == "tcp://h:2376")
        #expect(endpoint.base == "https://h:2376")
    }

    @Test(
        "other kinds of DOCKER_HOST are refused",
        arguments: [
            "ssh://a@b", "npipe:////./p", "tcp://", "tcp://h:0", "tcp://h:x", "unix://a", "h",
        ])
    func refusedHost(text: String) {
        #expect(throws: DockerError.self) { try DockerEngine.Endpoint(dockerHost: text) }
    }

    @Test("a credential is sent as URL-safe base64 and printed without its secret")
    func credential() throws {
        let credential = RegistryCredential(server: "r:1", user: "me", password: "??>>~~ÿ")
        let value = try credential.fieldValue()
        #expect(!value.contains("+") && !value.contains("/"))
        #expect(value.contains("_") || value.contains("-"))
        var dumped = ""
        dump(credential, to: &dumped)
        for text in ["\(credential)", String(reflecting: credential), dumped] {
            #expect(!text.contains("??>>"))
            #expect(text.contains("r:1"))
        }
        let token = RegistryCredential(server: "r:1", identityToken: "t0ken")
        #expect(!"\(token)\(String(reflecting: token))".contains("t0ken"))
    }

    @Test("the environment of a command is not printed")
    func commandEnvironment() {
        let command = ExecCommand(["mysql"], environment: ["MYSQL_PWD": "s3cret"])
        var dumped = ""
        dump(command, to: &dumped)
        #expect(!(dumped + "\(command)" + String(reflecting: command)).contains("s3cret"))
        #expect(command.body(attachesInput: true)["Env"] == ["MYSQL_PWD=s3cret"])
    }

    @Test(
        "times as the engine writes them",
        arguments: [
            ("1970-01-01T00:00:00Z", 0, 0), ("2024-02-29T23:59:59.5Z", 1_709_251_199, 500_000_000),
            ("2023-03-10T12:38:22.774234605Z", 1_678_451_902, 774_234_605),
            ("2023-03-10T13:38:22+01:00", 1_678_451_902, 0),
        ])
    func timestamps(text: String, seconds: Int64, nanoseconds: Int64) {
        #expect(
            Timestamp(rfc3339: text) == Timestamp(seconds: seconds, nanoseconds: nanoseconds))
    }

    @Test(
        "no time", arguments: ["0001-01-01T00:00:00Z", "", "now", "2023-03-10", "2023-03-10T1:2"])
    func noTimestamp(text: String) { #expect(Timestamp(rfc3339: text) == nil) }

    @Test("a socket that is not there says so, and what to do")
    func noSocket() async throws {
        let engine = DockerEngine(endpoint: .unix(path: "/nowhere/docker.sock"))
        await #expect {
            try await engine.info()
        } throws: { error in
            guard case DockerError.unreachable(_, _, let advice) = error else { return false }
            return advice.contains("no such socket")
        }
    }

    @Test("a time in a query")
    func queryValue() {
        #expect(Timestamp(seconds: 7, nanoseconds: 42).queryValue == "7.000000042")
    }

    @Test("a container is made in the version that it needs")
    func versionForCreation() {
        let network = { (priority: Int64) -> JSONValue in
            [
                "NetworkingConfig": [
                    "EndpointsConfig": ["a": ["GwPriority": .integer(priority)]]
                ]
            ]
        }
        #expect(APIVersion.needed(toCreate: network(100)) == .newestForCreation)
        #expect(APIVersion.needed(toCreate: network(0)) == .newest)
        #expect(APIVersion.needed(toCreate: [:]) == .newest)
        let image: JSONValue = ["HostConfig": ["Mounts": [["Type": "image"]]]]
        #expect(APIVersion.needed(toCreate: image) == .newestForCreation)
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let status: Int
        let message: String
        var asksRegistry = false
        let kind: String
        var testDescription: String { "\(status) \(message)" }
    }

    @Test(
        "whose refusal it is: the engine's own, or a registry's",
        arguments: [
            Refusal(
                status: 400, message: #"exec: "/start.sh": permission denied: unknown"#,
                kind: "rejected"),
            Refusal(
                status: 403, message: "endpoint with name web already exists in network front",
                kind: "rejected"),
            Refusal(status: 403, message: "Address already in use", kind: "rejected"),
            Refusal(status: 404, message: "network front not found", kind: "rejected"),
            Refusal(status: 404, message: "No such container: other", kind: "rejected"),
            Refusal(status: 404, message: "No such container: web", kind: "notFound"),
            Refusal(status: 409, message: "in use", kind: "conflict"),
            Refusal(
                status: 404, message: "pull access denied for a, repository does not exist",
                asksRegistry: true, kind: "unauthorized"),
            Refusal(
                status: 500, message: "denied: no", asksRegistry: true, kind: "unauthorized"),
            Refusal(status: 403, message: "no", asksRegistry: true, kind: "unauthorized"),
            Refusal(
                status: 404, message: "manifest unknown", asksRegistry: true, kind: "notFound"),
        ])
    func refusals(_ expected: Refusal) throws {
        var call =
            expected.asksRegistry
            ? DockerEngine.Call(.post, "images", "create", what: "image a")
            : DockerEngine.Call(.post, "containers", "web", "start", what: "container web")
        call.asksRegistry = expected.asksRegistry
        call.needsOthers = !expected.asksRegistry
        let document: JSONValue = ["message": .string(expected.message)]
        let body = try document.serialized()
        let answer = HTTPResponse(status: expected.status, fields: [:], body: body)
        let error = DockerEngine.refusal(answer, call)
        #expect("\(error)".contains(expected.message))
        #expect(Self.kind(error) == expected.kind)
    }

    private static func kind(_ error: DockerError) -> String {
        switch error {
        case .rejected: "rejected"
        case .notFound: "notFound"
        case .conflict: "conflict"
        case .unauthorized: "unauthorized"
        default: "other"
        }
    }
}
