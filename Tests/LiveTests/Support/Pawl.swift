import Foundation
import Glibc
import Testing

/// The program under test, with a configuration and a state directory of its own.
struct Pawl: Sendable {
    let stack: Stack
    /// What a test writes otherwise than usual; read anew by each run.
    var image: String
    var containers: [String]
    var paused: [String] = []
    var databaseContainer: String
    var registryUser: String
    /// In files, so that not even the program's own environment holds a secret.
    var registryPasswordFile: String
    var databasePasswordFile: String
    var backups: String
    var limits: [String: String] = ["outage": "120s"]
    var steadyFor = "0s"
    /// `versions` as it is written.
    var versions = "{ downgrade: refuse }"
    /// A file with the boot id that it is to find; none for that of this host's own boot.
    var bootIDFile: String?

    init(_ stack: Stack) throws {
        self.stack = stack
        image = try Testbed.required("RELEASE_IMAGE")
        containers = [stack.web]
        databaseContainer = stack.database
        registryUser = try Testbed.required("REGISTRY_USER")
        registryPasswordFile = try stack.secret(try Testbed.required("REGISTRY_PASSWORD"))
        databasePasswordFile = try stack.secret(stack.rootPassword)
        backups = stack.path("backups")
    }

    var state: String { stack.path("state") }
    var log: PawlLog { PawlLog(path: "\(state)/pawl.sqlite") }

    private func configuration() throws -> String {
        """
        state: state
        instances:
          board:
            runtime:
              docker:
                engine: \(try Testbed.required("DOCKER_HOST"))
                image: \(image)
                local_tag: \(stack.localTag)
                containers: [\(containers.joined(separator: ", "))]
                paused: [\(paused.joined(separator: ", "))]
                registry: { user: \(registryUser), password: { file: \(registryPasswordFile) } }
            database:
              mysql:
                container: \(databaseContainer)
                schema: noticeboard
                user: root
                password: { file: \(databasePasswordFile) }
            backups: \(backups)
            checks:
              - running
              - release
              - log: { ready: 'ready on port', errors: ['Traceback'] }
              - http: { url: '\(stack.address)/health' }
              - http: { url: '\(stack.address)/version', version: { json: /version } }
            steady_for: \(steadyFor)
            versions: \(versions)
            limits: { \(limits.map { "\($0): \($1)" }.joined(separator: ", ")) }

        """
    }

    /// Starts it beside the test.
    ///
    /// - Parameter isSlow: Whether everybody else may run before it: a test that has to catch it in
    ///   the act must not be the slower one.
    func start(_ words: [String], isSlow: Bool = false) throws -> Program {
        try Data(configuration().utf8).write(to: URL(filePath: stack.path("pawl.yaml")))
        return try Program(
            (isSlow ? ["nice", "-n", "19"] : []) + afterReboot + [try Testbed.pawl()] + words,
            environment: ["HOME": stack.directory, "LANG": "C.UTF-8"],
            directory: stack.directory)
    }

    /// Source: random(4), unshare(1), mount(8).
    private var afterReboot: [String] {
        guard let bootIDFile else { return [] }
        let line = #"mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@""#
        return ["unshare", "--mount", "--", "sh", "-c", line, bootIDFile]
    }

    func run(_ words: String...) async throws -> Program.Result {
        try await start(words).end()
    }

    /// Runs it and expects a certain end; what it said is in the failure's message.
    @discardableResult
    func run(
        _ words: String..., ends status: Int32, _ location: SourceLocation = #_sourceLocation
    ) async throws -> Program.Result {
        let result = try await start(words).end()
        try #require(
            result.status == status, "pawl \(words): \(result.text)", sourceLocation: location)
        return result
    }

    // MARK: - What it leaves on disk

    func files(in directory: String) throws -> [String] {
        guard FileManager.default.fileExists(atPath: directory) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    }

    /// Names of backups that have a manifest; without one a file is no backup.
    func finishedBackups() throws -> [String] {
        try files(in: backups).filter { $0.hasSuffix(".manifest.json") }
    }

    /// Whether the data that a rollback has saved holds a text, in whatever letters.
    func savedData(containing text: String) async throws -> Bool {
        let file = try #require(
            try files(in: backups).first { $0.contains("-migrated.sql.zst") },
            "nothing was saved")
        let result = try await Program.run(["zstd", "-dc", "\(backups)/\(file)"])
        try #require(result.status == 0, "\(result.errors)")
        return result.output.lowercased().contains(text.lowercased())
    }

    /// Whether nobody holds the instance.
    func isFree() throws -> Bool {
        let file = open("\(state)/locks/board.lock", O_RDWR | O_CLOEXEC)
        try #require(file >= 0)
        defer { close(file) }
        return flock(file, LOCK_EX | LOCK_NB) == 0
    }
}

extension Stack {
    /// Writes a secret where only its owner may read it.
    func secret(_ text: String) throws -> String {
        let file = path("secret-\(UInt32.random(in: 0...UInt32.max))")
        try Data(text.utf8).write(to: URL(filePath: file))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        return file
    }
}
