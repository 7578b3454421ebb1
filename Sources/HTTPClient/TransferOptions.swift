internal import CCurl

// How a request and a configuration are said in libcurl's options.

extension CurlHandles {
    func apply(_ request: HTTPRequest) {
        set(CURLOPT_URL, request.url)
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
        set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
        set(CURLOPT_PATH_AS_IS, 1)
        set(CURLOPT_NOSIGNAL, 1)
        // A look-up that hangs must not hold up the end of a transfer.
        set(CURLOPT_QUICK_EXIT, 1)
        set(CURLOPT_TCP_KEEPALIVE, 1)
        set(CURLOPT_BUFFERSIZE, 256 << 10)
        set(CURLOPT_UPLOAD_BUFFERSIZE, 256 << 10)
        set(CURLOPT_CONNECTTIMEOUT_MS, request.deadlines.connect.milliseconds)
        setFieldLines(request.fieldLines)
        applyMethod(of: request)
    }

    private func applyMethod(of request: HTTPRequest) {
        switch request.body {
        case .bytes(let bytes):
            set(CURLOPT_POST, 1)
            setBody(bytes)
        case .pulled(let sizeInBytes, _):
            set(CURLOPT_UPLOAD, 1)
            set(CURLOPT_INFILESIZE_LARGE, offset: sizeInBytes ?? -1)
        case .none where request.method == .post || request.method == .put:
            set(CURLOPT_POST, 1)
            setBody([])
        case .none:
            set(CURLOPT_HTTPGET, 1)
        }
        // Where libcurl knows the method by its option, it also knows what a redirect makes of it.
        switch (request.method, request.body) {
        case (.head, _): set(CURLOPT_NOBODY, 1)
        case (.get, .none), (.post, .none), (.post, .bytes): break
        default: set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
        }
    }

    func apply(_ configuration: HTTPClient.Configuration, _ cookies: CookieJar) {
        set(CURLOPT_USERAGENT, configuration.userAgent)
        set(CURLOPT_FOLLOWLOCATION, configuration.redirectLimit > 0 ? 1 : 0)
        set(CURLOPT_MAXREDIRS, max(0, configuration.redirectLimit))
        if let credential = configuration.credential {
            set(CURLOPT_HTTPAUTH, 1)  // CURLAUTH_BASIC
            set(CURLOPT_USERNAME, credential.user)
            set(CURLOPT_PASSWORD, credential.password)
        }
        if let destination = configuration.destination { connect(to: destination) }
        // What zlib undoes; the limits count what comes out of it.
        if configuration.acceptsCompression { set(CURLOPT_ACCEPT_ENCODING, "gzip, deflate") }
        share(cookies)
        apply(configuration.tls)
        apply(configuration.proxy, unixSocketPath: configuration.unixSocketPath)
    }

    private func apply(_ tls: HTTPClient.TLS) {
        set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2)
        if let path = tls.authoritiesPath {
            set(CURLOPT_CAINFO, path)
            set(CURLOPT_CAPATH, nil)  // else the system's authorities were trusted as well
        }
        if let path = tls.certificatePath { set(CURLOPT_SSLCERT, path) }
        if let path = tls.keyPath { set(CURLOPT_SSLKEY, path) }
        if tls.verification == .skippedInsecurely {
            set(CURLOPT_SSL_VERIFYPEER, 0)
            set(CURLOPT_SSL_VERIFYHOST, 0)
        }
    }

    private func apply(_ proxy: HTTPClient.Proxy, unixSocketPath: String?) {
        if let unixSocketPath {
            set(CURLOPT_UNIX_SOCKET_PATH, unixSocketPath)
            set(CURLOPT_PROXY, "")
            return
        }
        switch proxy {
        case .fromEnvironment: break
        case .none: set(CURLOPT_PROXY, "")
        case .url(let url, let credential):
            set(CURLOPT_PROXY, url)
            guard let credential else { return }
            set(CURLOPT_PROXYUSERNAME, credential.user)
            set(CURLOPT_PROXYPASSWORD, credential.password)
        }
    }
}

extension HTTPRequest {
    /// Method and URL without user information, query and fragment, which may hold secrets.
    var target: String {
        let shown = url.prefix { $0 != "?" && $0 != "#" }
        guard let scheme = shown.firstRange(of: "://") else { return "\(method.rawValue) \(shown)" }
        let rest = shown[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] }
        let path = rest[authority.endIndex...]
        return "\(method.rawValue) \(shown[..<scheme.upperBound])\(host ?? authority)\(path)"
    }

    /// Refuses what would let a value write lines of its own into the head.
    func validate() throws(HTTPError) {
        let isUnsafe = { (text: String) in
            text.utf8.contains { $0 < 0x20 && $0 != 0x09 || $0 == 0x7f }
        }
        if isUnsafe(url) || url.utf8.contains(0x20) {
            throw .invalid(target: target, reason: "the URL holds a space or a control character")
        }
        for field in fields.all where isUnsafe(field.name + field.value) || field.name.isEmpty {
            throw .invalid(
                target: target, reason: "field \(field.name.debugDescription) is not a header line")
        }
    }

    /// libcurl's way of writing fields: `Name;` sends an empty one, `Name:` keeps one of its own
    /// back.
    var fieldLines: [String] {
        var lines = fields.all.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        lines.append("Expect:")
        if fields["Content-Type"] == nil { lines.append("Content-Type:") }
        return lines
    }
}

extension Duration {
    /// Rounded up, at least 1, since 0 means "no limit" or "the default" to libcurl and poll(2).
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        guard seconds < 1 << 31 else { return Int(Int32.max) }
        let whole = Int(seconds) * 1000
        return max(1, whole + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000))
    }
}
