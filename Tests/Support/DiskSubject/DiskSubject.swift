import DiskWork
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
        DiskSubject dump DIRECTORY                    streams a backup into files
        DiskSubject back-up DIRECTORY                 backs an SQLite database up
        DiskSubject restore DIRECTORY                 puts its data back
        DiskSubject release DIRECTORY ARCHIVE         unpacks a release and switches to it
        """

    static func main() async {
        let words = Array(CommandLine.arguments.dropFirst())
        do {
            switch (words.first, words.count) {
            case ("log", 2...3):
                try LogWork.append(to: words[1], times: words.count == 3 ? Int(words[2]) : nil)
            case ("replicate", 5):
                try LogWork.replicate(words[1], words[2], journal: words[3], synchronous: words[4])
            case ("dump", 2): try DataWork(in: words[1]).dump()
            case ("back-up", 2): try await DataWork(in: words[1]).backUp()
            case ("restore", 2):
                try await DataWork(in: words[1]).restore()
                Acknowledgement.give("restoreData")
            case ("release", 3):
                try await ReleaseWork(in: words[1], archive: words[2]).bringAndStart()
            default:
                say(usage)
                exit(64)
            }
        } catch {
            say("\(error)")
            exit(1)
        }
    }

    private static func say(_ text: String) {
        let bytes = Array("\(text)\n".utf8)
        // Nobody to tell that nobody can be told.
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
