import Testing
import UpgradeMachine

@testable import Drivers

struct MySQLContentTests {
    private static let inventory: [[String]] = [
        ["schema", "utf8mb4", "utf8mb4_general_ci"],
        ["table", "t", "BASE TABLE", "InnoDB"], ["table", "v", "VIEW", ""],
        ["table", "s", "SEQUENCE", "InnoDB"], ["table", "h", "SYSTEM VERSIONED", "InnoDB"],
        ["column", "t", "id", "int", "auto_increment"], ["column", "t", "b", "blob", ""],
        ["column", "t", "g", "int", "VIRTUAL GENERATED"],
        ["column", "t", "d", "int", "DEFAULT_GENERATED"], ["column", "t", "f", "bit", ""],
        ["column", "t", "p", "point", ""], ["column", "s", "minimum_value", "bigint", ""],
        ["column", "s", "cycle_count", "bigint", ""],
        ["TRIGGER", "tr", "t 1"], ["FUNCTION", "fu", ""], ["EVENT", "ev", ""],
    ]

    private static let answer: [[String]] = [
        ["h", "CREATE TABLE `h`"], ["1", "11"], ["s", "CREATE TABLE `s`"], ["1", "22"],
        ["t", "CREATE TABLE `t` (\n) ENGINE=InnoDB AUTO_INCREMENT=5 CHARSET=utf8mb4"], ["2", "33"],
        ["ev", "mode", "zone", "CREATE EVENT"], ["fu", "mode", "CREATE FUNCTION"],
        ["tr", "mode", "CREATE TRIGGER", "cs", "co", "db", "2026-01-01 00:00:00.00"],
        ["v", "CREATE VIEW", "cs", "co"],
    ]

    private static func content(_ answer: [[String]]) throws -> MySQLContent {
        try MySQLInventory(answer: inventory).content(answer, product: .mariadb)
    }

    @Test("Each column is asked for in a way that survives a restore")
    func question() {
        let question = MySQLInventory(answer: Self.inventory).contentQuestion(keepsHistory: true)
        #expect(question.contains("FROM `h` FOR SYSTEM_TIME ALL;"))
        #expect(
            question.contains("IFNULL(`id`,'~'),IFNULL(CONCAT(LENGTH(`b`),':',CRC32(`b`)),'~')"))
        #expect(!question.contains("`g`") && question.contains("`d`"))
        #expect(question.contains("IFNULL(`f`+0,'~')") && question.contains("CRC32(HEX(`p`))"))
        #expect(question.contains("`minimum_value`") && !question.contains("cycle_count"))
        #expect(question.contains("SHOW CREATE TRIGGER `tr`;"))
    }

    @Test("What differs after every restore does not count")
    func stable() throws {
        let first = try Self.content(Self.answer).fingerprint(isExact: true)
        #expect(first.tables == 3 && first.rows == 4)
        var answer = Self.answer
        answer[4][1] = answer[4][1].replacing("AUTO_INCREMENT=5", with: "AUTO_INCREMENT=77")
        answer[8][6] = "2027-02-02 00:00:00.00"
        #expect(try Self.content(answer).fingerprint(isExact: true) == first)
    }

    @Test(
        "Everything else counts",
        arguments: [
            (0, 1), (1, 0), (1, 1), (4, 1), (5, 1), (6, 3), (7, 2), (8, 2), (8, 1), (9, 1), (9, 3),
        ])
    func counted(row: Int, field: Int) throws {
        let first = try Self.content(Self.answer).fingerprint(isExact: true)
        var answer = Self.answer
        answer[row][field] += "0"
        #expect(try Self.content(answer).fingerprint(isExact: true).digest != first.digest)
    }

    @Test("Events that were loaded last make the same content")
    func eventsLast() throws {
        let inventory = MySQLInventory(answer: Self.inventory)
        let whole = try Self.content(Self.answer)
        let events = try inventory.events.content([Self.answer[6]], product: .mariadb)
        #expect(inventory.events.contentQuestion(keepsHistory: true) == "SHOW CREATE EVENT `ev`;\n")
        let first = try MySQLInventory(answer: Self.inventory.filter { $0[0] != "EVENT" })
            .content(Array(Self.answer[..<6] + Self.answer[7...]), product: .mariadb)
        #expect(first.fingerprint(isExact: true) != whole.fingerprint(isExact: true))
        #expect(
            first.adding(events).fingerprint(isExact: true) == whole.fingerprint(isExact: true))
    }

    @Test("A comment on a column's old format does not count")
    func comments() throws {
        var answer = Self.answer
        answer[0][1] = "CREATE TABLE `h` (\n  `d` datetime DEFAULT NULL\n)"
        let first = try Self.content(answer).fingerprint(isExact: true)
        answer[0][1] = "CREATE TABLE `h` (\n  `d` datetime /* mariadb-5.3 */ DEFAULT NULL\n)"
        #expect(try Self.content(answer).fingerprint(isExact: true) == first)
    }

    @Test(
        "Rows are equal whatever the definitions are",
        arguments: [("1-x", 1, true), ("1-y", 1, true), ("2-x", 1, false), ("1-x", 2, false)])
    func equalRows(checksum: String, rows: Int, expected: Bool) {
        let old = [BackupManifest.Table(name: "a", rows: 1, checksum: "1-x")]
        let new = [BackupManifest.Table(name: "a", rows: rows, checksum: checksum)]
        #expect(MySQLContent.haveEqualRows(old, new) == expected)
        #expect(!MySQLContent.haveEqualRows([], []))
    }

    @Test("An answer that does not fit the inventory is refused")
    func odd() {
        #expect(throws: Failure.self) { try Self.content(Self.answer.dropLast()) }
    }

    @Test(
        "A counter goes from the table's options alone",
        arguments: [
            ("(\n) ENGINE=InnoDB AUTO_INCREMENT=5 X", "(\n) ENGINE=InnoDB X"),
            ("(\n) ENGINE=InnoDB AUTO_INCREMENT=5", "(\n) ENGINE=InnoDB"),
            (
                "(\n) ENGINE=InnoDB COMMENT='a AUTO_INCREMENT=5 b'",
                "(\n) ENGINE=InnoDB COMMENT='a AUTO_INCREMENT=5 b'"
            ),
            (
                "(\n `c` int COMMENT ' AUTO_INCREMENT=5'\n) X",
                "(\n `c` int COMMENT ' AUTO_INCREMENT=5'\n) X"
            ),
        ])
    func counter(definition: String, expected: String) {
        #expect(MySQLInventory.withoutCounter(definition) == expected)
    }

    @Test("Tables that differ are named, and how")
    func differences() {
        func table(_ name: String, _ rows: Int, _ checksum: String) -> BackupManifest.Table {
            BackupManifest.Table(name: name, rows: rows, checksum: checksum)
        }
        let old = [table("a", 1, "1-x"), table("b", 1, "1-x"), table("c", 1, "1-x")]
        let new = [table("a", 1, "2-x"), table("b", 2, "3-x"), table("d", 1, "1-x")]
        #expect(
            MySQLContent.differences(old, new, inRows: true)
                == ["a (content)", "b (1 rows, now 2)", "c (missing)", "d (new)"])
        #expect(
            MySQLContent.differences(old, new, inRows: false) == ["c (missing)", "d (new)"])
        #expect(
            MySQLContent.differences(old, [table("a", 1, "1-y")] + old.dropFirst(), inRows: false)
                == ["a (definition)"])
    }
}
