/// A question on the terminal, which nobody but a person there answers with yes.
enum Confirmation {
    static func ask(_ question: String, unless isGiven: Bool, otherwise refusal: String) throws {
        guard !isGiven else { return }
        guard Output.canAsk else {
            throw Refusal(
                status: .refused, message: "nobody is here to be asked; nothing was changed",
                advice: "add --yes")
        }
        Output.live("\(question) [y/N] ")
        guard let answer = readLine()?.lowercased(), ["y", "yes"].contains(answer) else {
            throw Refusal(status: .refused, message: "\(refusal); nothing was changed")
        }
    }
}
