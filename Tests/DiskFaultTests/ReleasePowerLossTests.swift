import DiskWork
import Foundation
import RecordedDisk
import Testing
import UpgradeMachine

@Suite("A release after a power cut", .needsStrace)
struct ReleasePowerLossTests {
    @Test("`current` leads to a whole release, and no half of one passes for unpacked")
    func leadsToAWholeOne() async throws {
        let outside = try Scratch()
        let archive = "\(outside.path)/2.0.0.tar"
        let scratch = try Scratch()
        let releases = "\(scratch.path)/app/releases"
        try Self.lay(out: "1.0.0", in: "\(releases)/1.0.0")
        try Self.lay(out: "2.0.0", in: "\(outside.path)/2.0.0")
        try FileManager.default.createSymbolicLink(
            atPath: "\(scratch.path)/app/current", withDestinationPath: "releases/1.0.0")
        let packed = try Execution.run(["tar", "-cf", archive, "-C", "\(outside.path)/2.0.0", "."])
        #expect(packed.status == 0, "\(packed.errors)")
        let wholes = try ["\(releases)/1.0.0", "\(outside.path)/2.0.0"].map(Self.content)

        let recording = try Recording(
            of: .init([Subject.path, "release", scratch.path, archive]), below: scratch.path)
        #expect(recording.executions.map(\.status) == [0], "\(recording.executions)")
        let losses = try await Examination(recording, "release").losses { directory, crash in
            let current = try Self.content(of: "\(directory)/app/current/.")
            guard wholes.contains(current) else {
                throw Execution.Failed("current leads to \(current.keys.sorted())")
            }
            guard current == wholes[1] || !crash.acknowledged.contains("start") else {
                throw Execution.Failed("the switch is lost")
            }
            let work = try ReleaseWork(in: directory, archive: archive)
            if case .present = try await work.observePull() {
                try Self.requireWhole(in: directory, wholes[1])
            } else if crash.acknowledged.contains("pull") {
                throw Execution.Failed("the release is lost")
            }
            _ = try await work.bringAgain()
            try Self.requireWhole(in: directory, wholes[1])
        }
        #expect(losses.isEmpty, "\(losses.brief)")
    }

    private static func requireWhole(in directory: String, _ whole: [String: Data]) throws {
        guard try content(of: "\(directory)/app/releases/2.0.0") == whole else {
            throw Execution.Failed("a half release passes for whole")
        }
    }

    private static func lay(out version: String, in directory: String) throws {
        try FileManager.default.createDirectory(
            atPath: "\(directory)/bin", withIntermediateDirectories: true)
        try Data("#!/bin/sh\necho \(version)\n".utf8)
            .write(to: URL(filePath: "\(directory)/bin/start"))
        try Data(repeating: UInt8(version.utf8.first ?? 0), count: 30_000)
            .write(to: URL(filePath: "\(directory)/library.so"))
        try FileManager.default.createSymbolicLink(
            atPath: "\(directory)/start", withDestinationPath: "bin/start")
    }

    /// Files and links by their paths, without Pawl's marker.
    private static func content(of directory: String) throws -> [String: Data] {
        var content: [String: Data] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: directory)
        where path != ".pawl-release.json" {
            let place = "\(directory)/\(path)"
            if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: place) {
                content[path] = Data("link to \(target)".utf8)
            } else {
                // A directory has no bytes.
                content[path] = (try? Data(contentsOf: URL(filePath: place))) ?? Data()
            }
        }
        return content
    }
}
