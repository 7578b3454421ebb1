import Foundation
import Glibc
import Testing

/// The state directory on a small disk that fills up, or that the kernel stops writing to.
@Suite(
    .enabled(if: hasPython, "the sample application is in Python"),
    .enabled(if: geteuid() == 0, "mounting a small file system takes root"))
struct DiskTests {
    @Test func aFullDiskStopsAnUpgradeAndRoomLetsItGoOn() throws {
        let world = try Installation()
        let disk = try SmallDisk(at: world.path("state"))
        let end = try atTheStop(of: world) { try disk.fill() }
        #expect(end.code == 1, "\(end.errors)")
        #expect(end.errors.contains("nothing more could be recorded in"), "\(end.errors)")
        #expect(end.errors.contains("database or disk is full"), "\(end.errors)")
        #expect(end.errors.contains("go on with: pawl resume"), "\(end.errors)")

        // The log is as it was: readable on the full disk, and no run gets further.
        #expect(try world.pawl("replay").code == 0)
        #expect(try world.pawl("status").output.contains("stopping the service"))
        let again = try world.pawl("resume")
        #expect(again.code == 1, "\(again.errors)")
        #expect(again.errors.contains("is full"), "\(again.errors)")

        try disk.makeRoom()
        let resumed = try world.pawl("resume")
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect(try world.servingVersion() == "2.0.0")
    }

    @Test func aDiskThatTurnsReadOnlyStopsAnUpgradeAndOneThatIsMendedLetsItGoOn() throws {
        let world = try Installation()
        let disk = try SmallDisk(at: world.path("state"))
        let end = try atTheStop(of: world) { try disk.fail() }
        #expect(end.code == 1, "\(end.errors)")
        #expect(end.errors.contains("nothing more could be recorded in"), "\(end.errors)")
        #expect(end.errors.contains("go on with: pawl resume"), "\(end.errors)")

        // What it says is still to be read; what would write is refused with the reason.
        let status = try world.pawl("status")
        #expect(status.output.contains("stopping the service"), "\(status)")
        let again = try world.pawl("resume")
        #expect(again.code == 1, "\(again.errors)")
        #expect(again.errors.localizedCaseInsensitiveContains("read-only"), "\(again.errors)")

        try disk.mend()
        let resumed = try world.pawl("resume")
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect(try world.servingVersion() == "2.0.0")
    }

    @Test func onAFullDiskNothingBegins() throws {
        let world = try Installation()
        let disk = try SmallDisk(at: world.path("state"))
        try disk.fill()
        let refused = try world.pawl("upgrade", "2.0.0")
        #expect(refused.code == 1, "\(refused.errors)")
        #expect(refused.errors.contains("is full") || refused.errors.contains("No space left"))
        #expect(try world.servingVersion() == "1.0.0")
        try disk.makeRoom()
        #expect(try world.pawl("upgrade", "2.0.0").code == 0)
    }

    /// The application's own disk: the new data has no room, and what was there has not moved.
    @Test func aRestoreThatFindsNoRoomLeavesTheData() throws {
        let world = try Installation()
        #expect(try world.pawl("stop").code == 0)
        try world.shell("mv data data.before; mkdir data")
        let disk = try SmallDisk(at: world.path("data"))
        try world.shell("cp -a data.before/. data/")
        #expect(try world.pawl("start").code == 0)
        #expect(try world.pawl("backup").code == 0)
        try world.shell(
            "curl -sf -d author=eve -d body=late http://127.0.0.1:\(world.port)/notices")
        let late = try world.dump()
        try disk.fill()
        let end = try world.pawl("restore", "latest", "--yes")
        #expect(end.code == 10, "\(end.errors)")
        #expect(end.errors.contains("No space left"), "\(end.errors)")
        #expect(try world.dump() == late)
        #expect(try world.servingVersion() == "1.0.0")

        try disk.makeRoom()
        #expect(try world.pawl("restore", "latest", "--yes").code == 0)
        #expect(try world.dump() != late)
        #expect(try world.pawl("stop").code == 0)
    }

    /// Has the disk fail while the service is being stopped, before that can be recorded.
    private func atTheStop(
        of world: Installation, _ fail: () throws -> Void
    ) throws -> Child.End {
        #expect(try world.pawl("upgrade", "9.9.9").code == 12)
        let watch = try LogWatch(world.path("state/pawl.sqlite"))
        let child = try world.begin("upgrade", "2.0.0")
        try watch.atIntent(of: "stop", from: child, fail)
        return try child.end()
    }
}

/// A small ext4 in a file, mounted for one test.
private final class SmallDisk {
    private let mount: String
    private let file: Scratch

    init(at mount: String) throws {
        self.mount = mount
        file = try Scratch()
        try run("mkdir -p \(mount) && truncate -s 16M \(image) && mkfs.ext4 -q -m 0 \(image)")
        try attach()
    }

    deinit {
        // Nothing of the test is on it any more; the kernel detaches the loop device itself.
        _ = try? Pawl.shell("umount --lazy \(mount)")
    }

    private var image: String { "\(file.path)/disk" }

    private func attach() throws { try run("mount -o loop,errors=remount-ro \(image) \(mount)") }

    private func run(_ line: String) throws {
        let end = try Pawl.shell(line)
        guard end.code == 0 else { throw Unexpected("\(line): \(end.errors)") }
    }

    /// Writes until nothing more fits, not even the block that a file of a few bytes takes.
    func fill() throws {
        try run(
            """
            dd if=/dev/zero of=\(mount)/filling bs=64k 2>/dev/null
            i=0; while echo x > \(mount)/filling-$i; do i=$((i + 1)); done 2>/dev/null; sync; true
            """)
    }

    func makeRoom() throws { try run("rm -f \(mount)/filling*") }

    /// As when the disk beneath answers with errors: the kernel lets nobody write any more.
    ///
    /// Source: `/sys/fs/ext4/<disk>/trigger_fs_error` (Documentation/ABI/testing/sysfs-fs-ext4).
    func fail() throws {
        try run(
            "echo a test > /sys/fs/ext4/$(basename $(findmnt -no SOURCE \(mount)))/trigger_fs_error"
        )
    }

    /// Mounted anew, its file system is what had been synced.
    func mend() throws {
        try run("umount \(mount) && fsck.ext4 -p \(image) >/dev/null || [ $? -le 1 ]")
        try attach()
    }
}
