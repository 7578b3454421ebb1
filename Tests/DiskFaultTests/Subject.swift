import DiskWork
import EventLog
import Foundation
import RecordedDisk
import Testing
import UpgradeMachine

/// The program that a disk fails beneath, built beside these tests.
enum Subject {
    static let path = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appending(path: "DiskSubject").path

    /// The sequences at which its appends end; 0 is none.
    static let ends = [0, 2, 3, 4, 44, 46, 47]
}

extension Subject {
    /// Appends one event, as the next run does.
    static func append(to log: EventLog, after before: Int, in directory: String) throws {
        let lock = try InstanceLock(
            instance: "studio", directory: directory + "/locks",
            holder: .init(pid: 1, actor: "ada", host: "server", since: "now", command: "pawl"))
        let writer = try Writer(
            log: log, lock: lock,
            author: .init(actor: "ada", host: "server", tool: Tool(version: "1", digest: "d")))
        let moment = Moment(wallMilliseconds: 1, monotonicNanoseconds: 1, bootID: "boot")
        let appended = try writer.append(
            [(.resumed, moment)], to: "u1", planDigest: LogWork.planDigest)
        #expect(appended.map(\.sequence) == [before + 1])
    }
}

extension Trait where Self == ConditionTrait {
    /// Where nothing may be skipped, a test that finds no strace runs, and fails.
    static var needsStrace: Self {
        .enabled(
            if: Strace.isThere
                || ProcessInfo.processInfo.environment["PAWL_TEST_REQUIRE_ALL"] == "1",
            "needs strace: tools/packages test")
    }
}
