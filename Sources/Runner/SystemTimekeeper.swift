import Glibc
public import UpgradeMachine

/// The host's clocks and its kernel's boot id.
public struct SystemTimekeeper: Timekeeper {
    private let bootID: String

    /// - Parameter bootID: As in `/proc/sys/kernel/random/boot_id` (random(4)).
    public init(bootID: String) { self.bootID = bootID }

    /// Wall time by `CLOCK_REALTIME`; the monotonic one by `CLOCK_BOOTTIME`, which also counts
    /// while the host sleeps (clock_gettime(2)).
    public func now() -> Moment {
        let wall = Self.nanoseconds(CLOCK_REALTIME)
        return Moment(
            wallMilliseconds: wall / 1_000_000,
            monotonicNanoseconds: Self.nanoseconds(CLOCK_BOOTTIME), bootID: bootID)
    }

    public func sleep(for duration: Duration) async throws {
        try await Task.sleep(for: duration)
    }

    private static func nanoseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
