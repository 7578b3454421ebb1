import Synchronization

/// What a closure on another thread was given.
final class Collected<Element: Sendable>: Sendable {
    private let state = Mutex<[Element]>([])
    var values: [Element] { state.withLock { $0 } }
    func append(_ element: Element) { state.withLock { $0.append(element) } }
}
