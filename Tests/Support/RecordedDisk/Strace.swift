import Foundation

/// strace(1): runs a program and has calls of it fail, or writes all of them down.
public enum Strace {
    public static var isThere: Bool { access("/usr/bin/strace", X_OK) == 0 }

    /// A call that fails; the kernel never sees it.
    public struct Fault: Sendable, CustomStringConvertible {
        public let call: String
        public let error: String
        /// Counts the calls on the files in question from 1.
        public let number: Int
        /// All later ones fail as well.
        public let isForEver: Bool

        public init(_ call: String, _ error: String, number: Int, isForEver: Bool) {
            self.call = call
            self.error = error
            self.number = number
            self.isForEver = isForEver
        }

        public var description: String {
            "\(call):error=\(error):when=\(number)\(isForEver ? "+" : "")"
        }
    }

    /// Runs a program under a fault that strikes calls on `paths` alone.
    ///
    /// - Returns: How it ended, and the calls that were struck, as strace writes them.
    public static func run(
        _ words: [String], under fault: Fault, on paths: [String]
    ) throws -> (execution: Execution, struck: [String]) {
        let scratch = try Scratch()
        let trace = "\(scratch.path)/trace"
        let execution = try Execution.run(
            ["strace", "-f", "-qq", "-y", "-s", "0", "-o", trace, "-e", "trace=\(fault.call)"]
                + ["-e", "signal=none", "-e", "inject=\(fault)"] + paths.flatMap { ["-P", $0] }
                + words)
        let struck = try scratch.text(of: "trace").split(separator: "\n").map(String.init)
            .filter { $0.hasSuffix("(INJECTED)") }
        return (execution, struck)
    }
}
