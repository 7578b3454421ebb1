internal import HTTPClient

/// What an answer's fields say of a cache that kept it.
enum CacheTrace {
    /// Fields by which caches tell whether they had the answer.
    ///
    /// Source: RFC 9211 for the first; the others are what nginx (as commonly configured), Varnish,
    /// Squid and the large networks send.
    private static let fields = [
        "Cache-Status", "X-Cache", "X-Cache-Status", "X-Proxy-Cache", "CF-Cache-Status",
    ]
    /// Words for an answer that was not asked of the application; `STALE` and `UPDATING` are
    /// nginx's (`$upstream_cache_status`).
    private static let words: Set = ["hit", "stale", "updating"]

    /// As in `X-Cache: HIT`; none where nothing tells of one.
    ///
    /// An age is told without its number, which grows from one question to the next.
    static func words(in answer: HTTPFields) -> String? {
        for name in fields {
            for value in answer.values(of: name) where isHit(value) {
                return "\(name): \(Plain.line(value, limit: 60))"
            }
        }
        // RFC 9111 section 5.1: seconds since it was made or last found to be fresh.
        guard let age = answer["Age"], let seconds = Int(age), seconds > 0 else { return nil }
        return "Age above 0"
    }

    private static func isHit(_ value: String) -> Bool {
        value.lowercased().split { !$0.isLetter && !$0.isNumber }
            .contains { words.contains(String($0)) }
    }
}
