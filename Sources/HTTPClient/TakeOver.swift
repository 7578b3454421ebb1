internal import CCurl

/// The lines of an answer's head (RFC 9112 sections 4 and 5).
enum AnswerHead {
    /// The code of a status line, or `nil` where the line is none.
    static func status(of line: String) -> Int? {
        guard line.hasPrefix("HTTP/") else { return nil }
        let parts = line.split(separator: " ", maxSplits: 2)
        guard parts.count >= 2 else { return nil }
        return Int(parts[1].prefix { !$0.isWhitespace })
    }

    static func field(of line: String) -> (name: String, value: String)? {
        guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else { return nil }
        return (String(line[..<colon]), trimmed(line[line.index(after: colon)...]))
    }

    private static func trimmed(_ text: Substring) -> String {
        let front = text.drop { $0.isWhitespace }
        guard let last = front.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(front[...last])
    }

    /// Splits what was read into head and rest once the empty line is there.
    static func parse(_ bytes: [UInt8]) -> (
        status: Int?, fields: HTTPFields, rest: ArraySlice<UInt8>
    )? {
        let mark: [UInt8] = [13, 10, 13, 10]
        guard let end = bytes.firstRange(of: mark) else { return nil }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(
            separator: "\r\n")
        var fields = HTTPFields()
        for line in lines.dropFirst() {
            if let field = field(of: String(line)) { fields.append(field.name, field.value) }
        }
        return (lines.first.flatMap { status(of: String($0)) }, fields, bytes[end.upperBound...])
    }
}

extension Transfer {
    private static let refusalLimitInBytes = 64 << 10

    /// Connects, writes the request itself and reads the head of the answer.
    func takeOver(until stop: StopFlag) throws(HTTPError) -> TakenOver {
        guard case .bytes(let body) = request.body else {
            throw .invalid(target: target, reason: "a taken-over request needs a body of bytes")
        }
        handles.set(CURLOPT_CONNECT_ONLY, 1)
        handles.set(CURLOPT_HTTPPROXYTUNNEL, 1)
        try drive(until: stop)
        guard let socket = handles.socket else {
            throw .endedEarly(target: target, reason: "the connection is gone before its use")
        }
        let head = try requestHead(bodySizeInBytes: body.count)
        let patience = request.deadlines.idle
        let connection = RawConnection(handles, socket: socket, target: target)
        try connection.write(Array(head.utf8) + body, within: patience, until: stop)
        return try readAnswer(connection, patience, stop)
    }

    private func requestHead(bodySizeInBytes: Int) throws(HTTPError) -> String {
        guard let url = curl_url() else { throw .invalid(target: target, reason: "out of memory") }
        defer { curl_url_cleanup(url) }
        guard curl_url_set(url, CURLUPART_URL, request.url, 0) == CURLUE_OK else {
            throw .invalid(target: target, reason: "the URL cannot be read")
        }
        let part = { (part: CURLUPart) -> String? in
            var text: UnsafeMutablePointer<CChar>?
            guard curl_url_get(url, part, &text, 0) == CURLUE_OK, let text else { return nil }
            defer { curl_free(text) }
            return String(cString: text)
        }
        let path = part(CURLUPART_PATH) ?? "/"
        let query = part(CURLUPART_QUERY).map { "?\($0)" } ?? ""
        let port = part(CURLUPART_PORT).map { ":\($0)" } ?? ""
        var lines = ["\(request.method.rawValue) \(path)\(query) HTTP/1.1"]
        lines.append("Host: \(part(CURLUPART_HOST) ?? "localhost")\(port)")
        lines.append("Connection: Upgrade")
        lines.append("Upgrade: tcp")
        lines.append("Content-Length: \(bodySizeInBytes)")
        lines += request.fields.all.map { "\($0.name): \($0.value)" }
        return lines.joined(separator: "\r\n") + "\r\n\r\n"
    }

    private func readAnswer(
        _ connection: RawConnection, _ patience: Duration?, _ stop: StopFlag
    ) throws(HTTPError) -> TakenOver {
        var bytes: [UInt8] = []
        while true {
            if let (status, fields, rest) = AnswerHead.parse(bytes) {
                guard let status else {
                    throw .malformed(target: target, reason: "no status line")
                }
                if status == 101 || status == 200 {
                    connection.putBack(rest)
                    return .connection(connection)
                }
                let size = min(
                    fields["Content-Length"].flatMap { Int($0) } ?? 0, Self.refusalLimitInBytes)
                var body = Array(rest)
                while body.count < size, try readMore(connection, &body, patience, stop) {}
                return .refused(HTTPResponse(status: status, fields: fields, body: body))
            }
            guard bytes.count <= Self.headLimitInBytes else {
                throw .tooLarge(target: target, limitInBytes: Self.headLimitInBytes)
            }
            guard try readMore(connection, &bytes, patience, stop) else {
                throw .endedEarly(target: target, reason: "no whole head of an answer")
            }
        }
    }

    /// Appends what comes; answers false at the end of the stream.
    private func readMore(
        _ connection: RawConnection, _ bytes: inout [UInt8], _ patience: Duration?,
        _ stop: StopFlag
    ) throws(HTTPError) -> Bool {
        let more = try [UInt8](unsafeUninitializedCapacity: 4096) {
            (buffer, count) throws(HTTPError) in
            count = try connection.read(
                into: UnsafeMutableRawBufferPointer(buffer), within: patience, until: stop)
        }
        bytes += more
        return !more.isEmpty
    }
}
