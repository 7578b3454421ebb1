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
        let name = loginName
        guard let behind = ProcessInfo.processInfo.environment["SUDO_USER"], behind != name else {
            return name
        }
        return "\(behind) as \(name)"
    }

    static var loginName: String {
        getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "\(geteuid())"
    }

    /// An absolute path of this program: the one it was called by, where that is a link which a
    /// newer version will take over; otherwise where it lies.
    static func executable() throws -> String {
        guard let real = realpath("/proc/self/exe", nil) else {
            throw Refusal(
                status: .failed,
                message: "it is not known where this program lies: "
                    + String(cString: strerror(errno)),
                advice: "has it been replaced or removed since it was started? Start it anew")
        }
        defer { free(real) }
        let path = String(cString: real)
        return called.first { isSame($0, path) } ?? path
    }

    /// Where the shell may have found it.
    private static var called: [String] {
        let name = CommandLine.arguments.first ?? ""
        guard !name.contains("/") else { return [name.asAbsolutePath] }
        let directories = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return directories.split(separator: ":").filter { $0.hasPrefix("/") }.map {
            "\($0)/\(name)"
        }
    }

    private static func isSame(_ path: String, _ other: String) -> Bool {
        var (first, second) = (stat(), stat())
        return stat(path, &first) == 0 && stat(other, &second) == 0
            && first.st_dev == second.st_dev && first.st_ino == second.st_ino
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
