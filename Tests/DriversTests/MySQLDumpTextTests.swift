import Testing
import UpgradeMachine

@testable import Drivers

struct MySQLDumpTextTests {
    private static let dump = """
        -- Table structure
        DROP TABLE IF EXISTS `t`;
        CREATE TABLE `t` (
          `a` int
        ) COMMENT='CREATE TABLE `no`';
        INSERT INTO `t` VALUES ('\\nCREATE TABLE `no` (');
        /*!50001 CREATE TABLE `no` (*/;
         CREATE TABLE `no` (
        CREATE TABLE `odd ``name
        ü` (
        CREATE SEQUENCE `s` start with 1;
        CREATE TABLESPACE `no`;
        CREATE TABLE `last`
        """

    @Test("The tables of a dump are known in whatever pieces it comes", arguments: [1, 2, 7, 999])
    func tables(pieceSizeInBytes: Int) {
        var tables = MySQLDumpedTables()
        let bytes = Array((Self.dump + "\n").utf8)
        for start in stride(from: 0, to: bytes.count, by: pieceSizeInBytes) {
            bytes[start..<min(start + pieceSizeInBytes, bytes.count)].withUnsafeBytes {
                tables.take($0)
            }
        }
        #expect(tables.names == ["t", "odd `name\nü", "s", "last"])
    }

    @Test(
        "A backup is divided where its events begin, in whatever pieces it is read",
        arguments: [1, 13, 64, 4096])
    func parts(bufferSizeInBytes: Int) throws {
        let files = try BackupFileTests()
        let divider = MySQLBackupParts.divider
        // Its beginning, again and again, is not it.
        let still = String(repeating: String(divider.dropLast(2)), count: 20) + "\n\n"
        let backup = try files.write(Array((still + divider + "events" + divider + "\n").utf8))
        let parts = MySQLBackupParts(try BackupReader.verified(backup))
        #expect(try read(parts, bufferSizeInBytes) == still)
        #expect(parts.isDivided)
        #expect(try read(parts, bufferSizeInBytes) == "events\(divider)\n")
        #expect(try read(parts, bufferSizeInBytes) == "")
    }

    @Test("A backup without a divider has one part", arguments: ["", "a", "a\n-- Pawl: the"])
    func onePart(text: String) throws {
        let files = try BackupFileTests()
        let backup = try files.write(Array(text.utf8))
        let parts = MySQLBackupParts(try BackupReader.verified(backup))
        #expect(try read(parts, 5) == text)
        #expect(!parts.isDivided && files.directory.path != "")
    }

    private func read(_ parts: MySQLBackupParts, _ size: Int) throws -> String {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: size)
        while case let count = try buffer.withUnsafeMutableBytes({ try parts.read(into: $0) }),
            count > 0
        { all += buffer[..<count] }
        return String(decoding: all, as: UTF8.self)
    }
}
