import Testing
import UpgradeMachine

@Suite("A secret")
struct SecretTests {
    private static let secret = Secret("hunter2")

    @Test func `It is used, and never printed`() {
        #expect(Self.secret.reveal { $0 } == "hunter2")
        var dumped = ""
        dump(Self.secret, to: &dumped)
        for text in ["\(Self.secret)", "\([Self.secret])", dumped] {
            #expect(!text.contains("hunter2"), "a secret is printed")
        }
    }

    @Test func `Of two of which one begins with the other, neither leaves its tail`() {
        for secrets in [["hunter2", "hunter2-and-more"], ["hunter2-and-more", "hunter2"]] {
            let redaction = Redaction(secrets.map { Secret($0) })
            #expect(
                redaction("a hunter2-and-more b hunter2 c") == "a [redacted] b [redacted] c")
        }
    }

    @Test func `An empty one is nowhere, and takes nothing out`() {
        #expect(Redaction([Secret("")])("a text") == "a text")
    }

    @Test func `Every text of a failure is redacted, and the rest of it stays`() {
        let failure = Failure(
            code: "refused", message: "hunter2 is wrong", advice: "change hunter2",
            excerpt: "with hunter2", isPermanent: true)
        #expect(
            Redaction([Self.secret])(failure)
                == Failure(
                    code: "refused", message: "[redacted] is wrong", advice: "change [redacted]",
                    excerpt: "with [redacted]", isPermanent: true))
    }
}
