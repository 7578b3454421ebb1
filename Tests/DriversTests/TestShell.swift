import Foundation

struct Unexpected: Error {
    let value: String
    init(_ value: some Any) { self.value = "\(value)" }
}

/// Programs of this host, run without the code under test.
enum Shell {
    struct Failed: Error {
        let status: Int32
        let errors: String
    }

    @discardableResult
    static func run(
        _ arguments: [String], in directory: String? = nil, environment: [String: String] = [:]
    ) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        if let directory { process.currentDirectoryURL = URL(filePath: directory) }
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let said = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failed(
                status: process.terminationStatus, errors: String(decoding: said, as: UTF8.self))
        }
        return String(decoding: text, as: UTF8.self).trimmingCharacters(in: .newlines)
    }

    @discardableResult
    static func sqlite(_ path: String, _ sql: String) throws -> String {
        try run(["sqlite3", "-bail", path, sql])
    }
}
