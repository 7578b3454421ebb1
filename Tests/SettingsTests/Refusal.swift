import Settings
import Testing

/// A text that is refused, and everything that is said about it.
struct RefusalCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let text: String
    let expected: [String]

    /// - Parameter text: The whole file.
    init(_ description: String, file text: String, _ expected: String...) {
        (testDescription, self.text, self.expected) = (description, text, expected)
    }

    /// - Parameter text: From line 7 on, in column 9: keys of `runtime.docker`.
    init(_ description: String, docker text: String, _ expected: String...) {
        self.init(description, Self.start, indent: 8, text, expected)
    }

    /// - Parameter text: From line 7 on, in column 5: keys of an instance.
    init(_ description: String, instance text: String, _ expected: String...) {
        self.init(description, Self.start, indent: 4, text, expected)
    }

    /// - Parameter text: From line 5 on, in column 9: keys of `runtime.host`.
    init(_ description: String, host text: String, _ expected: String...) {
        self.init(
            description, "instances:\n  board:\n    runtime:\n      host:\n", indent: 8, text,
            expected)
    }

    private init(
        _ description: String, _ start: String, indent: Int, _ text: String, _ expected: [String]
    ) {
        let margin = String(repeating: " ", count: indent)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        (testDescription, self.expected) = (description, expected)
        self.text = start + lines.map { margin + $0 }.joined(separator: "\n") + "\n"
    }

    static let start = """
        instances:
          studio:
            runtime:
              docker:
                image: registry.example/acme/studio
                containers: [studio_web]

        """

    /// What is said, without warnings: `LINE:COLUMN: MESSAGE; ADVICE`.
    func errors() -> [String] {
        do {
            _ = try read(text)
            return []
        } catch {
            return error.findings.filter { $0.severity == .error }.map {
                let place = $0.place.map { "\($0.line):\($0.column): " } ?? ""
                return place + $0.message + ($0.advice.map { "; \($0)" } ?? "")
            }
        }
    }

    /// That one of the findings says this, where the others do not matter.
    func checkTells(_ part: String, _ location: SourceLocation = #_sourceLocation) {
        #expect(errors().contains { $0.contains(part) }, sourceLocation: location)
    }

    func check(_ location: SourceLocation = #_sourceLocation) {
        #expect(errors() == expected, sourceLocation: location)
    }
}

func read(_ text: String) throws(SettingsError) -> SettingsFile {
    try SettingsFile.parse(Array(text.utf8), file: "pawl.yaml", directory: "/etc/pawl")
}
