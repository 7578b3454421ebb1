/// Why a transfer brought no whole answer.
///
/// `target` is the method and the URL without user information and query, since these may hold
/// secrets.
public enum HTTPError: Error {
    public enum Phase: String, Sendable {
        case connect, idle, whole
    }

    /// The request could not be sent as it is written.
    case invalid(target: String, reason: String)
    /// No connection; `systemError` is the `errno` where the system gave one.
    case unreachable(target: String, reason: String, systemError: Int32?)
    /// TLS did not come about: an unknown authority, a wrong name, a client certificate refused.
    case untrusted(target: String, reason: String)
    case timedOut(target: String, phase: Phase, after: Duration)
    case tooLarge(target: String, limitInBytes: Int)
    /// The connection ended before the answer did.
    case endedEarly(target: String, reason: String)
    case malformed(target: String, reason: String)
    case tooManyRedirects(target: String, limit: Int)
    /// The caller's sink or pull closure threw.
    case bodyFailed(target: String, underlying: any Error)
    /// The task around the transfer was asked to stop.
    case stopped(target: String)
}

extension HTTPError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .invalid(let target, let reason):
            "\(target): the request is not valid: \(reason)"
        case .unreachable(let target, let reason, _):
            "\(target): no connection: \(reason). Check the address and that the server runs."
        case .untrusted(let target, let reason):
            "\(target): no trusted connection: \(reason). Check the certificates on both sides."
        case .timedOut(let target, .connect, let duration):
            "\(target): no connection within \(duration). Check the address and the firewall."
        case .timedOut(let target, .idle, let duration):
            "\(target): not one byte for \(duration). The server is busy or hangs."
        case .timedOut(let target, .whole, let duration):
            "\(target): not finished within \(duration). Allow more time, or find what is slow."
        case .tooLarge(let target, let limitInBytes):
            "\(target): the answer is larger than the \(limitInBytes) bytes that are allowed"
        case .endedEarly(let target, let reason):
            "\(target): the connection ended before the answer was whole: \(reason)"
        case .malformed(let target, let reason):
            "\(target): the answer is not HTTP as expected: \(reason)"
        case .tooManyRedirects(let target, let limit):
            "\(target): more than \(limit) redirects, the last was not followed"
        case .bodyFailed(let target, let underlying):
            "\(target): the transfer ended because its data could not be handled: \(underlying)"
        case .stopped(let target):
            "\(target): stopped on request"
        }
    }
}
