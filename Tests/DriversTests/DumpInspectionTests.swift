import Foundation
import Testing
import UpgradeMachine

@testable import Drivers

/// What a dump of somebody else's says of itself, before it replaces anything.
@Suite("Dumps of others")
struct DumpInspectionTests {
    private static func findings(_ text: String, pieces: Int = .max) -> [PlanFinding] {
        var lines = MySQLDumpLines()
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(pieces))
            part.withUnsafeBytes { lines.take($0) }
            rest = rest.dropFirst(part.count)
        }
        return lines.findings(schema: "studio")
    }

    private static let whole = """
        -- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
        CREATE TABLE `t` (a INT);
        INSERT INTO `t` VALUES (1);
        -- Dump completed on 2026-11-25  8:00:00

        """

    @Test(
        "A whole dump has nothing against it, in whatever pieces it comes", arguments: [1, 7, 4096])
    func isWhole(pieces: Int) {
        #expect(Self.findings(Self.whole, pieces: pieces).isEmpty)
    }

    @Test(
        "One that ends early is refused",
        arguments: ["-- MySQL dump", "-- MariaDB dump"])
    func isCut(head: String) {
        let text = Self.whole.replacing("-- MySQL dump", with: head)
        let cut = String(
            text[..<(text.range(of: "-- Dump completed")?.lowerBound ?? text.endIndex)])
        #expect(Self.findings(cut).map(\.severity) == [.refusal])
    }

    @Test func `One that says nothing of its end is doubtful`() {
        let found = Self.findings("CREATE TABLE `t` (a INT);\n")
        #expect(found.map(\.severity) == [.warning])
    }

    @Test(
        "One that goes to another schema is refused",
        arguments: [
            "USE `other`;", "USE other;", "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `other`;",
            "DROP DATABASE IF EXISTS `other`;", "use other;", "  USE other;",
            "SET NAMES utf8; USE other;", "/*!40000 DROP DATABASE IF EXISTS `other`*/;",
            "create schema if not exists other;", "CREATE DATABASE other;", "USE `other`;\r",
        ])
    func isOfAnotherSchema(line: String) {
        let found = Self.findings(line + "\n" + Self.whole)
        #expect(found.map(\.severity) == [.refusal], "\(found)")
        #expect(found.first?.message.contains("schema other") == true)
        #expect(Self.findings(line.replacing("other", with: "studio") + "\n" + Self.whole).isEmpty)
    }

    @Test func `What stands within a row's text is no statement`() {
        let row = #"INSERT INTO `t` VALUES ('a\nUSE `other`;\n-- MariaDB dump');"#
        #expect(Self.findings(row + "\n" + Self.whole).isEmpty)
    }

    @Test(
        "A table is one however it is made",
        arguments: [
            "CREATE TABLE IF NOT EXISTS `t` (a INT);", "create table t (a int);",
            "  CREATE TABLE `studio`.`t` (a INT);",
        ])
    func isTable(line: String) {
        #expect(Self.findings(line + "\n").map(\.severity) == [.warning])
    }

    @Test func `Two dumps in one are as whole as the last of them`() {
        #expect(Self.findings(Self.whole + Self.whole).isEmpty)
        let cut = Self.whole.replacing("-- Dump completed", with: "-- Dump")
        #expect(Self.findings(Self.whole + cut).map(\.severity) == [.refusal])
        #expect(
            Self.findings(Self.whole + "INSERT INTO `t` VALUES (2);\n").map(\.severity)
                == [.refusal])
    }

    @Test func `What is the server's own is refused`() {
        let text = "SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ 'a:1-9';\n" + Self.whole
        #expect(Self.findings(text).map(\.severity) == [.refusal])
        #expect(Self.findings("\u{FEFF}" + Self.whole).contains { $0.severity == .refusal })
    }

    @Test func `One without a table is refused`() {
        #expect(Self.findings("SELECT 1;\n").contains { $0.severity == .refusal })
    }

    @Test("A file is read as it is, or decompressed", arguments: [false, true])
    func reads(compressed: Bool) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "pawl-dump-\(UInt32.random(in: 0...UInt32.max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var path = folder.appending(path: "d.sql").path
        try Data(Self.whole.utf8).write(to: URL(filePath: path))
        if compressed {
            let zstd = try Process.run(
                URL(filePath: "/usr/bin/env"), arguments: ["zstd", "-q", path])
            zstd.waitUntilExit()
            path += ".zst"
        }
        let reader = try DumpReader(path: path)
        _ = try reader.digest { false }
        var text: [UInt8] = []
        // Shorter than what comes out of one piece of input.
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 5, alignment: 1)
        defer { chunk.deallocate() }
        while case let count = try reader.read(into: chunk), count > 0 {
            text += chunk[..<count]
        }
        #expect(String(decoding: text, as: UTF8.self) == Self.whole)

        let settings = MySQLDatabase(
            container: nil, host: nil, port: nil, schema: "studio", user: "root",
            password: .environment(name: "X"))
        let inspection = try await DumpInspection.of(path, for: .mysql(settings: settings))
        #expect(inspection.findings.isEmpty)
        try Data("changed".utf8).write(to: URL(filePath: path))
        let failure = #expect(throws: Failure.self) { try DumpReader.verified(inspection.dump) }
        #expect(failure?.code == "dump-changed")
    }

    @Test func `One that is cut within its compression is found so`() async throws {
        let path = FileManager.default.temporaryDirectory.appending(
            path: "pawl-dump-\(UInt32.random(in: 0...UInt32.max)).sql"
        ).path
        let text = (0..<20_000).map { "INSERT INTO `t` VALUES (\($0), '\($0 &* 7919)');\n" }
            .joined()
        try Data(text.utf8).write(to: URL(filePath: path))
        let zstd = try Process.run(
            URL(filePath: "/usr/bin/env"), arguments: ["zstd", "-q", "--rm", path])
        zstd.waitUntilExit()
        defer { try? FileManager.default.removeItem(atPath: path + ".zst") }
        let file = try Data(contentsOf: URL(filePath: path + ".zst"))
        try file.prefix(file.count / 2).write(to: URL(filePath: path + ".zst"))
        let database = Database.mysql(
            settings: MySQLDatabase(
                container: nil, host: nil, port: nil, schema: "studio", user: "root",
                password: .environment(name: "X")))
        let failure = await #expect(throws: Failure.self) {
            try await DumpInspection.of(path + ".zst", for: database)
        }
        #expect(failure?.code == "dump-cut")
    }
}
