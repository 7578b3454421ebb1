import Foundation
import Settings
import Testing
import UpgradeMachine

@Suite("A settings file on disk")
struct LoadTests {
    /// A directory of its own for the time of one test.
    private func within<Result>(_ body: (String) throws -> Result) throws -> Result {
        let path = NSTemporaryDirectory() + "settings-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        // What a test leaves in the temporary directory does no harm.
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try body(path)
    }

    private func refusal(of path: String) -> String {
        do {
            _ = try SettingsFile.load(path: path)
            return "(taken)"
        } catch {
            return error.description.replacing(path, with: "FILE")
        }
    }

    @Test func `Its relative paths count from where it is`() throws {
        try within { directory in
            let path = "\(directory)/pawl.yaml"
            try ExampleTests.board.write(toFile: path, atomically: false, encoding: .utf8)
            let file = try SettingsFile.load(path: path)
            guard case .host(let host) = file["board"]?.runtime else {
                Issue.record("no board: \(file)")
                return
            }
            #expect(host.runtime.directory == "\(directory)/board")
        }
    }

    @Test func `All findings are told, a line each, as compilers do`() throws {
        try within { directory in
            let path = "\(directory)/pawl.yaml"
            let text = RefusalCase.start + "    chekcs: []\n    backups: []\n"
            try text.write(toFile: path, atomically: false, encoding: .utf8)
            #expect(
                refusal(of: path) == """
                    FILE:7:5: error: unknown key 'chekcs' in instance 'studio'; did you mean \
                    'checks'?
                    FILE:8:14: error: backups has to be a directory, not a list; for example \
                    backups: /var/backups/studio
                    """)
        }
    }

    @Test func `What only follows from a misspelt key is not told beside it`() {
        let error = #expect(throws: SettingsError.self) {
            try read(RefusalCase.start + "    chekcs: [{ healthy: studio_web }]\n")
        }
        #expect(error?.findings.map(\.place) == [Place(line: 7, column: 5)])
    }

    @Test func `No file, a directory and a pipe are refused`() throws {
        try within { directory in
            #expect(
                refusal(of: "\(directory)/pawl.yaml")
                    == """
                    FILE: error: the file cannot be read: No such file or directory; \
                    the README has a complete example
                    """)
            #expect(
                refusal(of: directory)
                    == """
                    FILE: error: this is a directory; name the file in it, as in FILE/pawl.yaml
                    """)
            let pipe = "\(directory)/pipe"
            #expect(mkfifo(pipe, 0o600) == 0)
            #expect(
                refusal(of: pipe)
                    == "FILE: error: this is not a regular file; name a file of settings")
        }
    }

    @Test(.enabled(if: geteuid() != 0, "root may read every file"))
    func `A file that others alone may read is refused`() throws {
        try within { directory in
            let path = "\(directory)/pawl.yaml"
            try "".write(toFile: path, atomically: false, encoding: .utf8)
            #expect(chmod(path, 0) == 0)
            #expect(
                refusal(of: path)
                    == """
                    FILE: error: the file cannot be read: Permission denied; run as a user who \
                    may read it, such as root
                    """)
        }
    }

    @Test(
        "A file of the largest size is read, one of a byte more is not",
        arguments: [
            (0, "FILE: error: the file is empty; the README has a complete example"), (1, tooLarge),
        ])
    func size(more: Int, expected: String) throws {
        try within { directory in
            let path = "\(directory)/pawl.yaml"
            let count = SettingsFile.maximumSizeInBytes + more
            try Data(repeating: UInt8(ascii: "\n"), count: count).write(to: URL(filePath: path))
            #expect(refusal(of: path) == expected)
        }
    }

    static let tooLarge = """
        FILE: error: the file is larger than 1048576 bytes; settings are short: is it another file?
        """

    @Test(
        "Bytes that are no text are refused",
        arguments: [
            ([UInt8]("a: 1\nb: \u{e4}".utf8.dropLast()), "2:4: the file is not text in UTF-8"),
            ([0x1f, 0x8b, 0x08, 0x00], "1:2: the file is not text in UTF-8"),
            ([UInt8]("a: \0".utf8), "1:4: this is not YAML: control characters are not allowed"),
        ])
    func bytes(_ bytes: [UInt8], expected: String) {
        let error = #expect(throws: SettingsError.self) {
            try SettingsFile.parse(bytes, file: "pawl.yaml", directory: "/")
        }
        let told = error?.findings.map {
            "\($0.place?.line ?? 0):\($0.place?.column ?? 0): \($0.message)"
        }
        #expect(told == [expected])
    }

    @Test(
        "Nesting and repetition without measure are refused",
        arguments: [
            String(repeating: "[", count: 100_000), String(repeating: "- ", count: 100_000),
            String(repeating: "a: {", count: 100_000),
        ])
    func nesting(_ text: String) {
        RefusalCase("nested", file: text).checkTells("settings are less deep")
    }

    @Test func `A byte order mark and CRLF do no harm`() throws {
        let text = "\u{FEFF}" + ExampleTests.board.replacing("\n", with: "\r\n")
        #expect(try read(text).instances == read(ExampleTests.board).instances)
    }

    @Test func `Not more than a hundred findings are kept`() {
        let items = (0..<150).map { "/\($0)" }.joined(separator: ", ")
        let error = #expect(throws: SettingsError.self) {
            try read(RefusalCase.start + "        paused: [\(items)]\n")
        }
        #expect(error?.findings.count == 100)
        #expect(error?.omitted == 50)
        #expect(error?.description.hasSuffix("\npawl.yaml: 50 more findings are not shown") == true)
    }
}
