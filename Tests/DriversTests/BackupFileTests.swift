import Digests
import Drivers
import Foundation
import Testing
import UpgradeMachine

@Suite("Backups as files")
struct BackupFileTests {
    static let name = "board-up-1-before-1"
    static let text = Array("INSERT INTO notice VALUES ('héllo');\n".utf8)
    static let content = BackupContent(
        fingerprint: Fingerprint(digest: "d", tables: 1, rows: 2, isExact: true),
        tables: [.init(name: "notice", rows: 2, checksum: "c")], position: Position("content:d"),
        server: "SQLite 3", tool: "test")

    let directory: TemporaryDirectory
    let store: BackupStore

    init() throws {
        directory = try TemporaryDirectory()
        store = BackupStore(directory: directory.path("b"), instance: "board", upgrade: "up-1")
    }

    func write(_ bytes: [UInt8] = text, times: Int = 1) throws -> Backup {
        let writer = try store.writer(name: Self.name, fileExtension: "sql")
        for _ in 0..<times { try bytes.withUnsafeBytes { try writer.write($0) } }
        #expect(writer.rawSizeInBytes == bytes.count * times)
        return try writer.finish(Self.content)
    }

    func read(_ backup: Backup, chunk: Int) throws -> [UInt8] {
        let reader = try BackupReader.verified(backup)
        var all: [UInt8] = []
        var part = [UInt8](repeating: 0, count: chunk)
        while case let count = try part.withUnsafeMutableBytes({ try reader.read(into: $0) }),
            count > 0
        { all += part[..<count] }
        return all
    }

    var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: store.directory).sorted() }
    }

    @Test(
        "What was written is read back, and other programs can read it", arguments: [1, 7, 300_000])
    func roundTrip(chunk: Int) async throws {
        #expect(try await store.find(Self.name) == .absent)
        let backup = try write(times: 20_000)
        #expect(try await store.find(Self.name) == .present(backup))
        let bytes = try read(backup, chunk: chunk)
        #expect(bytes.count == 20_000 * Self.text.count)
        #expect(bytes.suffix(Self.text.count).elementsEqual(Self.text))
        #expect(try Shell.run(["sha256sum", backup.path]).hasPrefix(backup.sha256))
        try Shell.run(["zstd", "-tq", backup.path])
        #expect(try Shell.run(["stat", "-c", "%a", backup.path, store.directory]) == "600\n700")
        #expect(try names == ["\(Self.name).manifest.json", "\(Self.name).sql.zst"])
    }

    @Test("Nothing at all is a backup too")
    func empty() async throws { #expect(try read(write([]), chunk: 10).isEmpty) }

    @Test("Bytes that do not compress fill the frame's buffers and come back")
    func incompressible() throws {
        let bytes = (0..<1_000_000).map { _ in UInt8.random(in: 0...255) }
        #expect(try read(write(bytes), chunk: 65_536) == bytes)
    }

    @Test("A backup is never written over")
    func once() async throws {
        let backup = try write()
        let failure = #expect(throws: Failure.self) { try write([1]) }
        #expect(failure?.code == "backup-exists")
        #expect(try await store.find(Self.name) == .present(backup))
        try await store.clear(Self.name)
        #expect(try await store.find(Self.name) == .present(backup))
        #expect(try names.count == 2)
    }

    @Test("Cut at any byte, it is torn and not read")
    func cut() async throws {
        let backup = try write()
        let whole = try Data(contentsOf: URL(filePath: backup.path))
        for size in 0..<whole.count {
            try whole.prefix(size).write(to: URL(filePath: backup.path))
            guard case .torn = try await store.find(Self.name) else {
                Issue.record("cut at \(size) was taken for whole")
                continue
            }
            #expect(throws: Failure.self) { try read(backup, chunk: 100) }
        }
    }

    @Test("Altered in any byte, it is torn and not read")
    func altered() async throws {
        let backup = try write()
        let whole = try Data(contentsOf: URL(filePath: backup.path))
        for index in whole.indices {
            var other = whole
            other[index] ^= 1
            try other.write(to: URL(filePath: backup.path))
            guard case .torn = try await store.find(Self.name) else {
                Issue.record("altered at \(index) was taken for whole")
                continue
            }
            let failure = #expect(throws: Failure.self) { try read(backup, chunk: 100) }
            #expect(failure?.code == "backup-damaged")
        }
    }

    @Test("A manifest that is cut anywhere makes no backup")
    func cutManifest() async throws {
        _ = try write()
        let path = URL(filePath: "\(store.directory)/\(Self.name).manifest.json")
        let whole = try Data(contentsOf: path)
        // Without its last line break it says the same.
        for size in 0..<whole.count - 2 {
            try whole.prefix(size).write(to: path)
            guard case .torn = try await store.find(Self.name) else {
                Issue.record("cut at \(size) was taken for whole")
                continue
            }
        }
    }

    enum Killed: CaseIterable {
        case writing, beforeUnlink, beforeManifest, inManifest
    }

    @Test(
        "Killed at any point, it is torn, can be cleared and taken anew", arguments: Killed.allCases
    )
    func killed(at point: Killed) async throws {
        let file = "\(store.directory)/\(Self.name).sql.zst"
        let manifest = "\(store.directory)/\(Self.name).manifest.json"
        _ = try write()
        let manager = FileManager.default
        switch point {
        case .writing:
            try manager.moveItem(atPath: file, toPath: file + ".partial")
            try manager.removeItem(atPath: manifest)
        case .beforeUnlink:
            try manager.linkItem(atPath: file, toPath: file + ".partial")
            try manager.removeItem(atPath: manifest)
        case .beforeManifest: try manager.removeItem(atPath: manifest)
        case .inManifest: try manager.moveItem(atPath: manifest, toPath: manifest + ".partial")
        }
        guard case .torn = try await store.find(Self.name) else {
            Issue.record("half a backup was taken for one")
            return
        }
        try await store.clear(Self.name)
        #expect(try names == [])
        #expect(try await store.find(Self.name) == .absent)
        let backup = try write()
        #expect(try await store.find(Self.name) == .present(backup))
    }

    @Test("Another upgrade's backup is neither found nor cleared")
    func another() async throws {
        _ = try write()
        let other = BackupStore(directory: store.directory, instance: "board", upgrade: "up-2")
        let failure = await #expect(throws: Failure.self) { try await other.find(Self.name) }
        #expect(failure?.code == "backup-of-another")
        await #expect(throws: Failure.self) { try await other.clear(Self.name) }
        #expect(try names.count == 2)
    }

    @Test("A backup that is not there is told")
    func missing() throws {
        let backup = try write()
        try FileManager.default.removeItem(atPath: backup.path)
        let failure = #expect(throws: Failure.self) { try read(backup, chunk: 100) }
        #expect(failure?.code == "backup-missing")
    }

    @Test(
        "A full disk is told with numbers, and the half is removed",
        .enabled(if: geteuid() == 0, "mounting a small file system takes root"))
    func full() async throws {
        let mount = directory.path("b")
        try FileManager.default.createDirectory(atPath: mount, withIntermediateDirectories: true)
        do {
            try Shell.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", mount])
        } catch {
            try Test.cancel("mount: \(error)")  // a container's root may not
        }
        defer { _ = try? Shell.run(["umount", mount]) }
        let bytes = (0..<400_000).map { _ in UInt8.random(in: 0...255) }
        let failure = #expect(throws: Failure.self) { try write(bytes) }
        #expect(failure?.code == "disk-full")
        #expect(failure?.isPermanent == true)
        #expect(failure?.message.contains("262144 bytes are free") == true)
        #expect(try names == [])
        #expect(throws: Failure.self) { try store.requireSpace(ofBytes: 300_000, for: "a test") }
        #expect(try store.freeSpaceInBytes() == 262_144)
    }
}
