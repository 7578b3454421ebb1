import DockerEngine
import Testing
import UpgradeMachine

@testable import Drivers

@Suite("A JSON pointer")
struct JSONPointerTests {
    /// The document and the table of RFC 6901 section 5.
    static let document = #"""
        {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5,
         "k\"l": 6, " ": 7, "m~n": 8, "~1": 9}
        """#

    @Test(
        "Finds what the RFC says",
        arguments: [
            ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3), ("/g|h", 4),
            ("/i\\j", 5), ("/k\"l", 6), ("/ ", 7), ("/m~0n", 8), ("/~01", 9), ("/foo/1", "baz"),
        ] as [(String, JSONValue)])
    func finds(_ text: String, _ value: JSONValue) throws {
        let document = try JSONValue(parsing: Self.document.utf8)
        #expect(try #require(JSONPointer(text)).value(in: document) == value)
    }

    @Test func `Nothing is the whole document`() throws {
        #expect(try #require(JSONPointer("")).value(in: ["a": 1]) == ["a": 1])
    }

    @Test(
        "Finds nothing where nothing is",
        arguments: [
            "/bar", "/foo/2", "/foo/-", "/foo/01", "/foo/+1", "/foo/-1", "/foo/", "/foo/٠",
            "/foo/99999999999999999999", "/foo/0/x", "//",
        ])
    func findsNothing(_ text: String) throws {
        let document = try JSONValue(parsing: Self.document.utf8)
        #expect(try #require(JSONPointer(text)).value(in: document) == nil)
    }

    @Test("Refuses what is no pointer", arguments: ["foo", "#/foo", "/~", "/a~2", "/~~0", " /a"])
    func refuses(_ text: String) { #expect(JSONPointer(text) == nil) }
}

@Suite("A judgement")
struct JudgementTests {
    private let start = ContinuousClock.now

    private func judgement(steadyFor: Duration = .zero) -> Judgement {
        Judgement(
            [Check(name: "a", question: .running), Check(name: "b", question: .release)],
            steadyFor: steadyFor)
    }

    /// The verdict on a round that lasts from `second` to half a second later.
    private func verdict(
        _ judgement: inout Judgement, _ answers: Answer..., at second: Int
    ) -> Judgement.Verdict {
        let (began, ended) = (start + .seconds(second), start + .milliseconds(second * 1000 + 500))
        for (index, answer) in answers.enumerated() {
            _ = judgement.take(answer, of: index, at: ended)
        }
        return judgement.verdict(began: began, ended: ended)
    }

    @Test func `Needs all good at the same time`() {
        var judgement = judgement()
        #expect(verdict(&judgement, .good(saw: ""), at: 0) == .askAgain)
        #expect(
            verdict(&judgement, .notYet(saw: "x"), .good(saw: ""), at: 1) == .askAgain)
        #expect(verdict(&judgement, .good(saw: ""), .good(saw: ""), at: 2) == .good)
        #expect(judgement.lastBad?.check == "a")
    }

    @Test func `Counts the steady time from the end of a round to the beginning of another`() {
        var judgement = judgement(steadyFor: .seconds(3))
        let good = Answer.good(saw: "")
        let until = Judgement.Verdict.steadyUntil(start + .milliseconds(3500))
        #expect(verdict(&judgement, good, good, at: 0) == until)
        #expect(verdict(&judgement, good, good, at: 3) == until)
        #expect(verdict(&judgement, good, good, at: 4) == .good)
    }

    @Test func `One bad answer ends the steady time`() {
        var judgement = judgement(steadyFor: .seconds(2))
        let good = Answer.good(saw: "")
        _ = verdict(&judgement, good, good, at: 0)
        #expect(verdict(&judgement, good, .notYet(saw: "x"), at: 1) == .askAgain)
        #expect(
            verdict(&judgement, good, good, at: 5) == .steadyUntil(start + .milliseconds(7500)))
    }

    @Test func `Believes a wrong answer when it was given often and long enough in a row`() {
        let wrong = Answer.wrong(saw: "7.0.0")
        var long = judgement()
        // Twice only, however long.
        #expect(verdict(&long, wrong, at: 0) == .askAgain)
        #expect(verdict(&long, wrong, at: 9) == .askAgain)
        #expect(verdict(&long, wrong, at: 10) == .hopeless)
        var mixed = judgement()
        for second in 0..<10 {
            let answer = second % 3 == 2 ? Answer.notYet(saw: "503") : wrong
            #expect(verdict(&mixed, answer, at: second) == .askAgain)
        }
        var changing = judgement()
        for second in 0..<10 {
            #expect(verdict(&changing, .wrong(saw: "\(second / 3)"), at: second) == .askAgain)
        }
    }
}

@Suite("Text from outside")
struct PlainTests {
    @Test func `One line is without what a terminal would obey`() {
        #expect(Plain.line("a\u{1B}[2J\r\nb\u{202E}c\u{9B}d\0") == "a [2J  b c d ")
        #expect(Plain.line(String(repeating: "ä", count: 300)).unicodeScalars.count == 241)
    }

    @Test(
        "The newest lines fit the limit",
        arguments: [
            (["aaa", "bb", "c"], 64, "aaa\nbb\nc"), (["aaa", "bb", "c"], 5, "bb\nc"),
            ([], 64, nil), (["a"], 0, nil), ([String(repeating: "😀", count: 99)], 20, "😀😀😀😀…"),
        ] as [([String], Int, String?)])
    func newest(_ lines: [String], _ limit: Int, _ text: String?) {
        #expect(Plain.newest(of: lines, limitInBytes: limit) == text)
    }
}

@Suite("A pattern")
struct PatternTests {
    @Test func `Matches by scalars`() throws {
        #expect(try #require(Pattern("a$")).search("ba") == .matchWithoutGroup)
        #expect(try #require(Pattern("a(.)b")).search("a\r\nb") == .nothing)
        #expect(try #require(Pattern("v([0-9.]+)")).search("v7.1\u{301}") == .match(group: "7.1"))
        #expect(try #require(Pattern("a|(b)")).search("a") == .match(group: nil))
    }

    @Test func `Work that is stopped is left behind at once`() async {
        let task = Task {
            await Boundless.run(within: .seconds(60)) {
                let end = ContinuousClock.now + .seconds(2)
                while ContinuousClock.now < end {}
                return true
            }
        }
        let began = ContinuousClock.now
        task.cancel()
        #expect(await task.value == nil)
        #expect(ContinuousClock.now - began < .seconds(1))
    }
}
