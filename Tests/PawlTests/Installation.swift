import Foundation
import GRDB
import Glibc
import Testing

/// The sample application, release 1.0.0, running on this host with an SQLite database, and a
/// configuration for it.
final class Installation {
    let directory: Scratch
    let port: Int

    /// What a test may have otherwise than usual.
    struct Options {
        var outage = "60s"
        /// How long 2.1.0 migrates.
        var slowSeconds = 3
        /// Words before the sample's own start command.
        var startPrefix = ""
        /// A shell's line before the sample's own stop command.
        var beforeStop = ":"
        var name = "noticeboard"
        /// The directory of the log, where it is another's.
        var state = "state"
        /// How long the checks may take.
        var verify = "300s"
        /// Checks besides those of the sample, each a line; `PORT` stands for its port.
        var moreChecks: [String] = []
    }

    init(_ options: Options = Options()) throws {
        directory = try Scratch()
        port = try Self.freePort()
        for version in ["1.0.0", "2.0.0", "2.0.1", "2.0.2", "2.1.0"] {
            let archive = "noticeboard-\(version).tar.gz"
            try FileManager.default.createDirectory(
                atPath: path("archives"), withIntermediateDirectories: true)
            try FileManager.default.copyItem(
                atPath: "\(try Archives.shared.get())/\(archive)",
                toPath: path("archives/\(archive)"))
        }
        try shell(
            """
            mkdir -p releases/1.0.0 data && ln -s releases/1.0.0 current
            tar -xzf archives/noticeboard-1.0.0.tar.gz -C releases/1.0.0
            """)
        try directory.write(configuration(options), to: "pawl.yaml")
        try shell("cd current && NOTICEBOARD_HOME=\(path("data")) PORT=\(port) bin/start")
        try waitUntilItAnswers()
    }

    deinit {
        // The directory goes, and the application with it: a test has said by now what it found.
        _ = try? shell("NOTICEBOARD_HOME=\(path("data")) current/bin/stop")
    }

    func path(_ name: String) -> String { "\(directory.path)/\(name)" }

    private func configuration(_ options: Options) -> String {
        let home = "NOTICEBOARD_HOME=\(path("data"))"
        let slow = "NOTICEBOARD_SLOW_SECONDS=\(options.slowSeconds)"
        return """
            state: \(options.state)
            instances:
              \(options.name):
                runtime:
                  host:
                    directory: .
                    archive: archives/noticeboard-{version}.tar.gz
                    start: [env, \(home), PORT=\(port), \(slow), \(options.startPrefix) bin/start]
                    stop: [env, \(home), sh, -c, '\(options.beforeStop); exec bin/stop']
                    status: [env, \(home), bin/status]
                    log: data/noticeboard.log
                database:
                  sqlite: { path: data/noticeboard.db }
                checks:
                  - running
                  - release
                  - log: { ready: 'ready on port', errors: ['Traceback'] }
                  - http: { url: 'http://127.0.0.1:\(port)/health' }
                  - http: { url: 'http://127.0.0.1:\(port)/version', version: { json: /version } }
            \(options.moreChecks.map { "      - \($0)\n" }.joined()
                .replacing("PORT", with: "\(port)"))
                steady_for: 0s
                limits: { outage: \(options.outage), verify: \(options.verify) }
            """
    }

    @discardableResult
    func pawl(_ arguments: String...) throws -> Child.End {
        try Pawl.run(arguments, in: directory.path)
    }

    /// Begins a command and lets it run.
    func begin(_ arguments: String...) throws -> Child {
        try Child(Pawl.path, arguments, in: directory.path)
    }

    @discardableResult
    func shell(_ line: String) throws -> String {
        let end = try Pawl.shell("set -e; " + line, in: directory.path)
        guard end.code == 0 else { throw Unexpected("\(line): \(end.code), \(end.errors)") }
        return end.output
    }

    /// The schema and every row, by a program of others.
    func dump() throws -> String {
        try shell(
            """
            python3 -c 'import sqlite3
            for line in sqlite3.connect("file:data/noticeboard.db?mode=ro", uri=True).iterdump():
                print(line)'
            """)
    }

    /// What answers, as its own `/version` says.
    func servingVersion() throws -> String {
        try shell(
            """
            python3 -c 'import json, urllib.request
            url = "http://127.0.0.1:\(port)/version"
            print(json.load(urllib.request.urlopen(url, timeout=10))["version"], end="")'
            """)
    }

    func waitUntilItAnswers() throws {
        // Until it answers it does not, in whatever way.
        try wait(for: "an answer on port \(port)") { (try? servingVersion()) != nil }
    }

    /// Waits until the application's own log has these words.
    func waitForLog(_ words: String) throws {
        try wait(for: "'\(words)' in the application's log") {
            try String(contentsOfFile: path("data/noticeboard.log"), encoding: .utf8)
                .contains(words)
        }
    }

    private func wait(for what: String, until isSo: () throws -> Bool) throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while try !isSo() {
            guard ContinuousClock.now < deadline else { throw Unexpected("no \(what)") }
            usleep(20_000)
        }
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let answer = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, size) == 0 ? getsockname(descriptor, address, &size) : -1
            }
        }
        guard answer == 0 else { throw Unexpected("no free port: error \(errno)") }
        return Int(in_port_t(bigEndian: address.sin_port))
    }
}

/// The sample's releases, packed once.
private enum Archives {
    static let shared = Result { () throws -> String in
        let target = FileManager.default.temporaryDirectory
            .appending(path: "pawl-test-archives-\(getpid())").path
        let sources = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "tools/sample")
        for version in ["1.0.0", "2.0.0", "2.0.1", "2.0.2", "2.1.0"] {
            let end = try Child(
                sources.appending(path: "package").path, [version, target], in: "/"
            ).end()
            guard end.code == 0 else { throw Unexpected(end.errors) }
        }
        return target
    }
}

/// A running upgrade's log, looked at from outside.
final class LogWatch {
    /// The log went on before its look came: a step was shorter than a turn of the scheduler.
    struct Missed: Error {
        let step: String
    }

    private let queue: DatabaseQueue
    /// Events up to here were there before.
    private let beginning: Int

    /// Watches what is appended from now on.
    init(_ path: String) throws {
        var configuration = Configuration()
        configuration.readonly = true
        // SQLite's own patience would sleep for longer than some steps take.
        configuration.busyMode = .callback { _ in true }
        queue = try DatabaseQueue(path: path, configuration: configuration)
        beginning = try queue.read { try Self.end(of: $0) }
    }

    private static func end(of database: Database) throws -> Int {
        try Int.fetchOne(database, sql: "SELECT max(seq) FROM event") ?? 0
    }

    /// Waits until the log ends with the intent of a step, and runs `body` in that moment.
    ///
    /// While `body` runs, this reading transaction keeps the writer from its next commit, so that
    /// nothing more can have been recorded: the moment cannot be missed once it was seen.
    ///
    /// - Throws: ``Missed`` where the next event was there as well when it was first seen.
    func atIntent(of step: String, from child: Child, _ body: () throws -> Void) throws {
        let wanted = "\"effect\":{\"\(step)\""
        var last = beginning
        // The watch comes first where both want a processor.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(child.pid), 19)
        let deadline = ContinuousClock.now + .seconds(30)
        var isDone = false
        while !isDone {
            guard ContinuousClock.now < deadline else { throw Unexpected("no intent of \(step)") }
            try queue.read { database in
                let newest = try Self.end(of: database)
                guard newest != last else { return }
                last = newest
                let rows = try Row.fetchAll(
                    database,
                    sql: """
                        SELECT type, CAST(body AS TEXT) AS body FROM event
                        WHERE seq > ? ORDER BY seq
                        """, arguments: [beginning])
                let seen = rows.lastIndex { row in
                    row["type"] == "began" && (row["body"] as String).contains(wanted)
                }
                guard let seen else { return }
                guard seen == rows.count - 1 else { throw Missed(step: step) }
                try body()
                isDone = true
            }
        }
    }

    /// Waits until an event of this type has been appended since the watch began.
    func wait(for type: String) throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while try !queue.read({ database in
            try Bool.fetchOne(
                database, sql: "SELECT count(*) > 0 FROM event WHERE seq > ? AND type = ?",
                arguments: [beginning, type]) ?? false
        }) {
            guard ContinuousClock.now < deadline else { throw Unexpected("no event \(type)") }
            usleep(1000)
        }
    }

    func count() throws -> Int {
        try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM event") ?? 0 }
    }
}
