import Foundation
import UpgradeMachine

/// A directory for one test, removed with it.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory
            .appending(path: "drivers-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit {
        // A test that leaves a file behind has not failed for it.
        try? FileManager.default.removeItem(atPath: path)
    }

    func path(_ name: String) -> String { "\(path)/\(name)" }

    @discardableResult
    func write(_ text: String, to name: String, mode: Int = 0o644) throws -> String {
        let path = path(name)
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        return path
    }

    func read(_ name: String) throws -> String {
        try String(contentsOf: URL(filePath: path(name)), encoding: .utf8)
    }
}

extension Plan {
    /// A plan for a test: as little as the driver under test looks at.
    static func test(
        upgrade: String = "up-1", current: Release = .test("1.0.0"),
        candidate: Release = .test("2.0.0"), runtime: HostRuntime? = nil,
        database: Database = .none, fence: FencePolicy = .hold, backups: String = "/nowhere",
        mayLoseMigratedData: Bool = false, limits: Limits = Limits(stop: 10, start: 10)
    ) -> Plan {
        let nothing = HostRuntime(
            directory: "/nowhere", start: [], stop: [], status: [], logFile: nil)
        return Plan(
            upgrade: upgrade, instance: "board", current: current, candidate: candidate,
            runtime: .host(settings: runtime ?? nothing), database: database, fence: fence,
            backups: backups, checks: [], steadyFor: 0, mayLoseMigratedData: mayLoseMigratedData,
            limits: limits)
    }

    var context: Context { Context(plan: self, report: { _ in }) }
}

extension Release {
    static func test(_ version: String) -> Release {
        Release(version: version, reference: "/nowhere/\(version).tar", digest: "sha256:\(version)")
    }
}
