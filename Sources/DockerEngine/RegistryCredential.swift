internal import Foundation

/// What a registry is shown; its secret is never printed.
public struct RegistryCredential: Sendable, Equatable {
    private enum Secret: Equatable {
        case password(user: String, password: String)
        case identityToken(String)
    }

    /// The registry's host and port, such as `127.0.0.1:5101`.
    public let server: String
    private let secret: Secret

    public init(server: String, user: String, password: String) {
        self.server = server
        secret = .password(user: user, password: password)
    }

    public init(server: String, identityToken: String) {
        self.server = server
        secret = .identityToken(identityToken)
    }

    /// The field `X-Registry-Auth`: JSON in the URL-safe base64 of RFC 4648 section 5.
    func fieldValue() throws(DockerError) -> String {
        var document: JSONValue = ["serveraddress": .string(server)]
        switch secret {
        case .password(let user, let password):
            document["username"] = .string(user)
            document["password"] = .string(password)
        case .identityToken(let token):
            document["identitytoken"] = .string(token)
        }
        do {
            return Data(try document.serialized()).base64EncodedString()
                .replacing("+", with: "-").replacing("/", with: "_")
        } catch {
            throw .invalid("the credential for \(server) cannot be written as JSON")
        }
    }
}

extension RegistryCredential: CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    public var description: String {
        switch secret {
        case .password(let user, _):
            "RegistryCredential(\(server), user: \(user), password: redacted)"
        case .identityToken: "RegistryCredential(\(server), token: redacted)"
        }
    }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["server": server]) }
}
