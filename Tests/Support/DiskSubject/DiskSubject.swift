import EventLog
import Foundation
import Glibc

/// Does what Pawl does with its files, and says on stdout what it takes for durable, so that a test
/// can have the disk fail beneath it.
///
/// `0` is the end of a run that did all; `1` of one that said on stderr why it did not.
@main
enum DiskSubject {
    static let usage = """
        DiskSubject log FILE [APPENDS]                makes or opens a log, and appends to it
        DiskSubject replicate FROM TO JOURNAL SYNC    copies a log's rows, a transaction an event
        """

    static func main() async {
        let words = Array(CommandLine.arguments.dropFirst())
        do {
            switch (words.first, words.count) {
            case ("log", 2...3):
                try LogWork.append(to: words[1], times: words.count == 3 ? Int(words[2]) : nil)
            case ("replicate", 5):
                try LogWork.replicate(words[1], words[2], journal: words[3], synchronous: words[4])
            default:
                say(usage, to: STDERR_FILENO)
                exit(64)
            }
        } catch {
            say("\(error)", to: STDERR_FILENO)
            exit(1)
        }
    }

    /// At once and unbuffered: its place among the calls on files is what counts.
    static func acknowledge(_ what: some Any) { say("\(what)", to: STDOUT_FILENO) }

    private static func say(_ text: String, to descriptor: Int32) {
        let bytes = Array("\(text)\n".utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count else { exit(2) }
    }
}
