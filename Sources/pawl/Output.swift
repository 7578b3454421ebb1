import Foundation
import Glibc

/// What a command says: results on stdout, everything else on stderr.
///
/// Nobody reading any more (a closed pipe, a lost terminal, one that is held by Ctrl-S) never stops
/// an upgrade: its progress may be lost, its events are in the log.
enum Output {
    static func result(_ text: String) { write(harmless(text) + "\n", to: STDOUT_FILENO) }

    /// The stored bytes of an event, to the byte.
    static func stored(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

    static func error(_ text: String) { write(harmless(text) + "\n", to: STDERR_FILENO) }

    /// Given up where nobody takes it.
    static func progress(_ text: String) { live(harmless(text) + "\n") }

    /// As it stands, with what steers the terminal; given up where nobody takes it.
    static func live(_ text: String) {
        var stderr = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        guard poll(&stderr, 1, 100) == 1 else { return }
        // What a pipe or a terminal is ready for it takes without blocking (pipe(7), PIPE_BUF).
        write(String(text.prefix(1000)), to: STDERR_FILENO)
    }

    static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        stored(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// Text from outside cannot steer the terminal: controls but line ends and tabs are replaced.
    static func harmless(_ text: String) -> String {
        var harmless = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            harmless.append(isControl && scalar != "\n" && scalar != "\t" ? "\u{FFFD}" : scalar)
        }
        return String(harmless)
    }

    /// Local time of day, as in `02:14:07`.
    @Sendable static func clock(_ wallMilliseconds: Int64) -> String {
        var seconds = time_t(wallMilliseconds / 1000)
        var parts = tm()
        localtime_r(&seconds, &parts)
        return [parts.tm_hour, parts.tm_min, parts.tm_sec].map { part in
            part < 10 ? "0\(part)" : "\(part)"
        }.joined(separator: ":")
    }

    /// Local date and time, as in `2026-11-23 02:14:07`.
    @Sendable static func date(_ wallMilliseconds: Int64) -> String {
        var seconds = time_t(wallMilliseconds / 1000)
        var parts = tm()
        localtime_r(&seconds, &parts)
        let date = [parts.tm_mon + 1, parts.tm_mday].map { $0 < 10 ? "0\($0)" : "\($0)" }
        return "\(parts.tm_year + 1900)-\(date.joined(separator: "-")) \(clock(wallMilliseconds))"
    }

    static var isTerminal: Bool {
        isatty(STDERR_FILENO) == 1 && getenv("TERM").map { String(cString: $0) } != "dumb"
    }

    /// Whether a person is there to be asked.
    static var canAsk: Bool { isatty(STDIN_FILENO) == 1 }

    /// Columns of the terminal behind stderr; 80 where it does not say.
    static var width: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20 else {
            return 80
        }
        return Int(size.ws_col)
    }

    /// Gives descriptors 0 to 2 that are closed something harmless to be.
    ///
    /// Otherwise the next file opened would be one of them, such as a backup, and what is said
    /// would be written into it. SQLite guards its own files so; this guards the others.
    static func secureStandardDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO
        where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
            // The lowest that is free, which is this one: those below are open.
            _ = open("/dev/null", O_RDWR)
        }
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN {
                var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                guard poll(&ready, 1, 10_000) == 1 else { return }
                continue
            }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
