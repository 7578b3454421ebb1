internal import Glibc
internal import HTTPClient

extension DockerEngine {
    /// What a failed transfer means for one call.
    func error(_ error: HTTPError, _ what: String) -> DockerError {
        switch error {
        case .unreachable(_, let reason, let code):
            .unreachable(endpoint: "\(endpoint)", reason: reason, advice: Self.advice(for: code))
        case .untrusted(_, let reason):
            .unreachable(
                endpoint: "\(endpoint)", reason: reason,
                advice: "Check the certificates of the daemon and of this client.")
        case .timedOut(_, .connect, let duration):
            .unreachable(
                endpoint: "\(endpoint)", reason: "no connection within \(duration)",
                advice: "Check the address and the firewall.")
        case .timedOut(_, _, let duration): .timedOut(what, after: duration)
        case .tooLarge(_, let limitInBytes): .tooLarge(what, limitInBytes: limitInBytes)
        case .endedEarly(_, let reason): .endedEarly(what, reason: reason)
        case .malformed(_, let reason): .malformed(what, reason: reason)
        case .bodyFailed(_, let underlying as DockerError): underlying
        case .bodyFailed(_, let underlying): .bodyFailed(what, underlying: underlying)
        case .stopped: .stopped(what)
        case .invalid(_, let reason): .invalid(reason)
        case .tooManyRedirects: .malformed(what, reason: "a redirect")
        }
    }

    private static func advice(for code: Int32?) -> String {
        switch code {
        case ENOENT: "There is no such socket: is the daemon installed and running?"
        case EACCES, EPERM:
            "This user may not open the socket: run as root, or as a member of its group (docker)."
        case ECONNREFUSED: "Nobody listens there: is the daemon running?"
        default: "Check the address, and that the daemon runs."
        }
    }

    /// What an answer of an unexpected status means.
    static func refusal(_ answer: HTTPResponse, _ call: Call) -> DockerError {
        // Not JSON where something other than an engine answers; then the text is the message.
        let message =
            (try? JSONValue(parsing: answer.body))?["message"]?.stringValue
            ?? String(answer.text.prefix(500))
        // A registry's words go before the status: it is 404 for a credential that has expired.
        if call.asksRegistry, let refusal = registryRefusal(call.what, message) { return refusal }
        switch answer.status {
        case 404 where isAboutItself(message, call): return .notFound(call.what, message: message)
        case 409: return .conflict(call.what, message: message)
        // A proxy before the engine asks so; 403 is the engine's own for an address in use.
        case 401: return .unauthorized(call.what, message: message)
        case 403 where call.asksRegistry: return .unauthorized(call.what, message: message)
        case 500 where isPodmanConflict(message): return .conflict(call.what, message: message)
        default:
            return .rejected(status: answer.status, message: message, endpoint: call.endpoint)
        }
    }

    /// Whether what is not there is what was named; a start also fails for want of a network.
    private static func isAboutItself(_ message: String, _ call: Call) -> Bool {
        guard call.needsOthers else { return true }
        return call.path.count == 3 && message.lowercased().contains("no such container")
            && message.contains(call.path[1])
    }

    /// Podman 4.3 answers 500 where Docker answers 409.
    private static func isPodmanConflict(_ message: String) -> Bool {
        message.contains("container state improper") || message.contains("is already in use")
    }

    /// What a registry's words mean; the engine passes them on with status 500, or inside a stream.
    static func registryRefusal(_ what: String, _ message: String) -> DockerError? {
        let text = message.lowercased()
        let holds = { (phrases: [String]) in phrases.contains { text.contains($0) } }
        if holds([
            "unauthorized", "no basic auth credentials", "authentication required", "denied:",
            "pull access denied",
        ]) {
            return .unauthorized(what, message: message)
        }
        if holds(["manifest unknown", "not found: manifest", "name unknown", "no such image"]) {
            return .notFound(what, message: message)
        }
        return nil
    }
}
