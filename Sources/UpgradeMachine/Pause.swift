extension Failure {
    /// Code of a pause that nobody wished for: Pawl was told to end, as when the host is shut down.
    public static let shutDownCode = "shut-down"
}

extension Event {
    /// Whether an upgrade that ends with this waits because a person wished it to.
    ///
    /// Nothing but a person has it go on; what a kill, a reboot or a shutdown interrupted goes on
    /// by itself.
    public var isPauseByPerson: Bool {
        if case .paused(let cause) = self { cause.code != Failure.shutDownCode } else { false }
    }
}
