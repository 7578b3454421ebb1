internal import CCurl

/// One libcurl transfer's memory, given back when the last user is gone.
///
/// Used by one thread at a time, as `libcurl-thread(3)` asks; its owners see to that.
final class CurlHandles {
    let easy: UnsafeMutableRawPointer
    let multi: UnsafeMutableRawPointer
    private var fieldLines: UnsafeMutablePointer<curl_slist>?
    private var destinations: UnsafeMutablePointer<curl_slist>?
    private let errorText: UnsafeMutablePointer<CChar>
    private var firstRefusal: String?
    /// Kept for as long as `easy`, which takes its lock until the very end.
    private var cookies: CookieJar?

    init?() {
        guard Curl.isReady, let easy = curl_easy_init() else { return nil }
        guard let multi = curl_multi_init() else {
            curl_easy_cleanup(easy)
            return nil
        }
        self.easy = easy
        self.multi = multi
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        set(CURLOPT_ERRORBUFFER, pointer: errorText)
    }

    deinit {
        curl_multi_remove_handle(multi, easy)
        curl_easy_cleanup(easy)
        curl_multi_cleanup(multi)
        curl_slist_free_all(fieldLines)
        curl_slist_free_all(destinations)
        errorText.deallocate()
    }

    func set(_ option: CURLoption, _ value: Int) {
        note(ccurl_set_long(easy, option, value), option)
    }

    func set(_ option: CURLoption, offset value: Int64) {
        note(ccurl_set_offset(easy, option, curl_off_t(value)), option)
    }

    /// libcurl copies the text; `nil` takes a default away.
    func set(_ option: CURLoption, _ value: String?) {
        note(ccurl_set_string(easy, option, value), option)
    }

    func set(_ option: CURLoption, pointer: UnsafeMutableRawPointer?) {
        note(ccurl_set_pointer(easy, option, pointer), option)
    }

    func set(_ option: CURLoption, callback: @escaping ccurl_bytes_callback) {
        note(ccurl_set_callback(easy, option, callback), option)
    }

    func setBody(_ bytes: [UInt8]) {
        set(CURLOPT_POSTFIELDSIZE_LARGE, offset: Int64(bytes.count))
        bytes.withUnsafeBytes { bytes in
            note(
                ccurl_set_pointer(
                    easy, CURLOPT_COPYPOSTFIELDS,
                    UnsafeMutableRawPointer(mutating: bytes.baseAddress)
                ), CURLOPT_COPYPOSTFIELDS)
        }
    }

    func share(_ cookies: CookieJar) {
        guard let share = cookies.share else { return }
        self.cookies = cookies
        set(CURLOPT_SHARE, pointer: share)
        set(CURLOPT_COOKIEFILE, "")  // switches the cookies on, reads no file
    }

    func setFieldLines(_ lines: [String]) {
        for line in lines { fieldLines = curl_slist_append(fieldLines, line) ?? fieldLines }
        set(CURLOPT_HTTPHEADER, pointer: fieldLines)
    }

    /// Sends every connection to one place, whatever host its URL names.
    ///
    /// Source: `CURLOPT_CONNECT_TO(3)`, `::HOST:PORT`, where a part that is empty is the URL's own.
    func connect(to destination: HTTPClient.Destination) {
        let host = destination.host.contains(":") ? "[\(destination.host)]" : destination.host
        let port = destination.port.map { "\($0)" } ?? ""
        destinations = curl_slist_append(destinations, "::\(host):\(port)") ?? destinations
        set(CURLOPT_CONNECT_TO, pointer: destinations)
    }

    private func note(_ code: CURLcode, _ option: CURLoption) {
        guard code != CURLE_OK, firstRefusal == nil else { return }
        firstRefusal = "libcurl refuses option \(option.rawValue): \(Curl.text(code))"
    }

    /// The first option that libcurl did not take, if there was one.
    var refusal: String? { firstRefusal }

    func number(_ info: CURLINFO) -> Int {
        var value = 0
        return ccurl_get_long(easy, info, &value) == CURLE_OK ? value : 0
    }

    func text(_ info: CURLINFO) -> String? {
        var value: UnsafeMutablePointer<CChar>?
        guard ccurl_get_string(easy, info, &value) == CURLE_OK else { return nil }
        return value.map { String(cString: $0) }
    }

    /// The socket of a finished connect, or `nil`.
    var socket: Int32? {
        var socket: curl_socket_t = -1
        let code = ccurl_get_socket(easy, CURLINFO_ACTIVESOCKET, &socket)
        return code == CURLE_OK && socket >= 0 ? socket : nil
    }

    /// What libcurl says about a failure, in more words than the code has where it knows them.
    func text(of code: CURLcode) -> String {
        let detail = String(cString: errorText)
        return detail.isEmpty ? Curl.text(code) : detail
    }
}
