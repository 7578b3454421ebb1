import Digests
import EventLog
import Foundation
import Glibc
import UpgradeMachine

/// Who and what writes to the log, and on which boot of which host.
enum Origin {
    /// Reads the executable once, to put its digest on record.
    static func author() -> Writer.Author {
        Writer.Author(
            actor: actor, host: host,
            tool: Tool(version: Pawl.toolVersion, digest: digestOfExecutable()))
    }

    /// The login name, with the one behind `sudo`.
    static var actor: String {
        let name = getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "\(geteuid())"
        guard let behind = ProcessInfo.processInfo.environment["SUDO_USER"], behind != name else {
            return name
        }
        return "\(behind) as \(name)"
    }

    static var host: String {
        var buffer = [CChar](repeating: 0, count: 256)
        gethostname(&buffer, buffer.count - 1)
        return String(
            decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Source: random(4), `/proc/sys/kernel/random/boot_id`.
    static func bootID() throws -> String {
        guard
            let text = try? String(
                contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
        else {
            throw Refusal(
                status: .failed, message: "/proc/sys/kernel/random/boot_id cannot be read",
                advice: "mount /proc: without it a restart of the host goes unnoticed")
        }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    static func holder() -> InstanceLock.Holder {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return InstanceLock.Holder(
            pid: getpid(), actor: actor, host: host,
            since: Output.date(Int64(time.tv_sec) * 1000),
            command: CommandLine.arguments.prefix(4).joined(separator: " "))
    }

    private static func digestOfExecutable() -> String {
        let file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "unknown" }
        defer { close(file) }
        let hash = SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = read(file, buffer.baseAddress, buffer.count)
            guard count > 0 else { return count == 0 ? hash.finalize().hex : "unknown" }
            hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
