internal import CCurl
internal import Glibc

/// The cookies that all transfers of one client share, in memory alone.
///
/// Source: `libcurl-share(3)`, `CURLSHOPT_LOCKFUNC(3)`.
final class CookieJar: @unchecked Sendable {
    // Sendable by hand: the share is only ever used by libcurl, which takes the lock around it.
    let share: UnsafeMutableRawPointer?
    private let lock: UnsafeMutablePointer<pthread_mutex_t>

    init() {
        lock = .allocate(capacity: 1)
        pthread_mutex_init(lock, nil)
        share = Curl.isReady ? curl_share_init() : nil
        guard let share else { return }
        _ = ccurl_share_locks(
            share,
            { _, _, _, context in
                if let context {
                    pthread_mutex_lock(context.assumingMemoryBound(to: pthread_mutex_t.self))
                }
            },
            { _, _, context in
                if let context {
                    pthread_mutex_unlock(context.assumingMemoryBound(to: pthread_mutex_t.self))
                }
            }, lock)
        _ = ccurl_share_data(share, CURL_LOCK_DATA_COOKIE)
    }

    deinit {
        if let share { curl_share_cleanup(share) }
        pthread_mutex_destroy(lock)
        lock.deallocate()
    }
}
