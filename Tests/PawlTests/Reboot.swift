import Foundation
import Glibc
import Testing

/// The host's next boot, as far as Pawl can tell: another boot id, in a mount namespace of its own.
///
/// Source: random(4), `/proc/sys/kernel/random/boot_id`; unshare(1), mount(8).
struct Reboot {
    static let isPossible = geteuid() == 0
    static let reason: Comment = "another boot id needs root and a mount namespace"

    private let file: String

    init(_ world: Installation) throws {
        try world.directory.write("\(UUID().uuidString.lowercased())\n", to: "boot_id")
        file = world.path("boot_id")
    }

    /// Begins a command of Pawl's after the reboot.
    func begin(_ arguments: [String], in world: Installation) throws -> Child {
        let line = #"mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@""#
        return try Child(
            "/usr/bin/unshare",
            ["--mount", "--", "/bin/sh", "-c", line, file, Pawl.path] + arguments,
            in: world.directory.path)
    }

    func pawl(_ arguments: String..., in world: Installation) throws -> Child.End {
        try begin(arguments, in: world).end()
    }
}

extension Installation {
    /// Ends the application as the host's end does.
    func killApplication() throws {
        try shell(#"kill -KILL "$(cat data/noticeboard.pid)""#)
    }

    /// As an init does that knows nothing of upgrades: whatever `current` leads to is started.
    func startCurrent() throws {
        try shell("cd current && NOTICEBOARD_HOME=\(path("data")) PORT=\(port) bin/start")
    }
}
