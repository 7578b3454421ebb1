import Foundation
import RecordedDisk
import Testing

/// The program that a disk fails beneath, built beside these tests.
enum Subject {
    static let path = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appending(path: "DiskSubject").path

    /// The sequences at which its appends end; 0 is none.
    static let ends = [0, 2, 3, 4, 44, 46, 47]

    /// Whether a log may hold so many events: all that were acknowledged, and the transaction in
    /// flight whole or not at all.
    static func mayStand(_ events: Int, after acknowledged: Int) -> Bool {
        guard let index = ends.firstIndex(of: acknowledged) else { return false }
        return events == acknowledged
            || (index + 1 < ends.count && events == ends[index + 1])
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
