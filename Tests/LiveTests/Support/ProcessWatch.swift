import Foundation
import Synchronization
import Testing

/// Looks for secrets in the arguments and the environment of every process, again and again.
///
/// Processes within the stack's own containers may hold them, and nobody else: what is seen there
/// shows that it does look. Source: proc(5), `/proc/PID/cmdline`, `environ` and `cgroup`.
final class ProcessWatch: Sendable {
    struct Seen: Sendable {
        var rounds = 0
        var inContainers = 0
        /// A process that has no business with a secret, and where it had it.
        var leaks: Set<String> = []
    }

    private let secrets: [Data]
    /// Ids of the containers whose processes may hold the secrets.
    private let isAllowed: @Sendable (String) -> Bool
    private let seen = Mutex(Seen())
    private let isStopped = Mutex(false)

    /// - Parameter allowed: Ids of containers, asked for anew as an upgrade makes more of them.
    init(for secrets: [String], allowing isAllowed: @escaping @Sendable (String) -> Bool) {
        self.secrets = secrets.map { Data($0.utf8) }
        self.isAllowed = isAllowed
        Thread.detachNewThread { [self] in
            while !isStopped.withLock({ $0 }) { look() }
        }
    }

    func end() -> Seen {
        isStopped.withLock { $0 = true }
        return seen.withLock { $0 }
    }

    private func look() {
        // A process that ends while it is looked at has nothing more to show.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        for name in names where name.allSatisfy(\.isNumber) {
            let group = Self.read("/proc/\(name)/cgroup")
            for place in ["cmdline", "environ"] {
                let bytes = Self.read("/proc/\(name)/\(place)")
                guard secrets.contains(where: { bytes.firstRange(of: $0) != nil }) else { continue }
                // It may have entered its container in between, and left it by now.
                let groups = [group, Self.read("/proc/\(name)/cgroup")]
                let isInside = groups.contains { isAllowed(String(decoding: $0, as: UTF8.self)) }
                let words = String(decoding: Self.read("/proc/\(name)/comm"), as: UTF8.self)
                seen.withLock { seen in
                    if isInside {
                        seen.inContainers += 1
                    } else {
                        seen.leaks.insert("\(place) of \(words) (\(name))")
                    }
                }
            }
        }
        seen.withLock { $0.rounds += 1 }
    }

    private static func read(_ path: String) -> Data {
        FileManager.default.contents(atPath: path) ?? Data()
    }
}
