import Dispatch
import Glibc
import Runner

/// Turns Ctrl-C and SIGTERM into requests to stop; a lost terminal stops nothing.
final class Interrupts {
    let request = StopRequest()
    private let sources: [any DispatchSourceSignal]

    init() {
        signal(SIGHUP, SIG_IGN)
        signal(SIGPIPE, SIG_IGN)
        let request = request
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                request.ask(by: number == SIGINT ? .person : .system)
                // Behind the live line and the terminal's ^C.
                let begin = Output.isTerminal ? "\n" : ""
                Output.progress(
                    request.level == 1
                        ? "\(begin)Stopping: what must not be interrupted is finished first. "
                            + "Once more to stop at once and leave the step in doubt."
                        : "\(begin)Stopping at once; the step stays in doubt, and pawl resume "
                            + "will look.")
            }
            source.activate()
            return source
        }
    }
}
