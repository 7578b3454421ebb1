import Foundation

/// A program that has ended.
public struct Execution: Sendable {
    public let status: Int32
    /// Ended by a signal, whose number the status is then.
    public let wasKilled: Bool
    public let output: String
    public let errors: String

    public struct Failed: Error, CustomStringConvertible {
        public let description: String
        public init(_ description: String) { self.description = description }
    }

    /// Runs a program to its end.
    ///
    /// - Throws: ``Failed`` where it has not ended after a minute.
    public static func run(_ words: [String]) throws -> Execution {
        let scratch = try Scratch()
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        let files = try ["output", "errors"].map { name in
            let path = "\(scratch.path)/\(name)"
            try Data().write(to: URL(filePath: path))
            return try FileHandle(forWritingTo: URL(filePath: path))
        }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = files[0]
        process.standardError = files[1]
        try process.run()
        let deadline = ContinuousClock.now + .seconds(60)
        while process.isRunning {
            guard ContinuousClock.now < deadline else {
                process.terminate()
                throw Failed("\(words) has not ended after a minute")
            }
            usleep(1000)
        }
        return Execution(
            status: process.terminationStatus,
            wasKilled: process.terminationReason == .uncaughtSignal,
            output: try scratch.text(of: "output"), errors: try scratch.text(of: "errors"))
    }

    /// What the program acknowledged, a line each.
    public var acknowledgements: [String] { output.split(separator: "\n").map(String.init) }
}

/// A directory that goes with its owner; its path leads through no link.
public final class Scratch: Sendable {
    public let path: String

    /// - Parameter isInMemory: Where a sync costs nothing, if the host has such a place.
    public init(isInMemory: Bool = false) throws {
        let memory = "/dev/shm"
        let usual = FileManager.default.temporaryDirectory.path
        let isThere = isInMemory && access(memory, W_OK) == 0
        let parent = URL(filePath: isThere ? memory : usual).resolvingSymlinksInPath().path
        path = "\(parent)/pawl-disk-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        // What cannot be removed is left to whoever empties the temporary folder.
        try? FileManager.default.removeItem(atPath: path)
    }

    public func text(of name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: "\(path)/\(name)")), as: UTF8.self)
    }
}
