internal import CZstd
internal import UpgradeMachine

/// Compresses a stream into one Zstandard frame with a checksum of its content (RFC 8878).
///
/// Holds a window and one block, however long the stream.
final class Compressor {
    private static let level: CInt = 3
    private let context: OpaquePointer
    private var block: [UInt8]

    init() throws(Failure) {
        guard let context = ZSTD_createCCtx() else { throw .zstd("create", "out of memory") }
        self.context = context
        block = [UInt8](repeating: 0, count: ZSTD_CStreamOutSize())
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Self.level)
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    }

    deinit { ZSTD_freeCCtx(context) }

    /// Takes a part in; what is ready goes out.
    func write(
        _ bytes: UnsafeRawBufferPointer, _ out: (ArraySlice<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        try pass(bytes, ZSTD_e_continue, out)
    }

    /// Ends the frame; nothing may be written after it.
    func finish(_ out: (ArraySlice<UInt8>) throws(Failure) -> Void) throws(Failure) {
        try pass(UnsafeRawBufferPointer(start: nil, count: 0), ZSTD_e_end, out)
    }

    private func pass(
        _ bytes: UnsafeRawBufferPointer, _ directive: ZSTD_EndDirective,
        _ out: (ArraySlice<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        while true {
            let (rest, count) = block.withUnsafeMutableBytes { buffer in
                var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
                let rest = ZSTD_compressStream2(context, &output, &input, directive)
                return (rest, output.pos)
            }
            guard ZSTD_isError(rest) == 0 else { throw .zstd("compress", rest) }
            if count > 0 { try out(block[..<count]) }
            if directive == ZSTD_e_end ? rest == 0 : input.pos == input.size { return }
        }
    }
}

/// Decompresses one Zstandard frame, and says whether it was whole.
final class Decompressor {
    private let context: OpaquePointer
    private(set) var isAtEnd = false

    init() throws(Failure) {
        guard let context = ZSTD_createDCtx() else { throw .zstd("create", "out of memory") }
        self.context = context
    }

    deinit { ZSTD_freeDCtx(context) }

    /// Takes from `input`, from `position` on, as much as fits into `output`.
    ///
    /// - Returns: How many bytes of output there are; 0 where it needs more input.
    func read(
        _ input: [UInt8], from position: inout Int, into output: UnsafeMutableRawBufferPointer
    ) throws(Failure) -> Int {
        let (answer, consumed, count) = input.withUnsafeBytes { bytes in
            var taken = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: position)
            var made = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
            let answer = ZSTD_decompressStream(context, &made, &taken)
            return (answer, taken.pos, made.pos)
        }
        guard ZSTD_isError(answer) == 0 else { throw .zstd("decompress", answer) }
        position = consumed
        isAtEnd = answer == 0
        return count
    }
}

extension Failure {
    fileprivate static func zstd(_ call: String, _ code: Int) -> Failure {
        zstd(call, String(cString: ZSTD_getErrorName(code)))
    }

    fileprivate static func zstd(_ call: String, _ reason: String) -> Failure {
        Failure(
            code: "compression", message: "zstd, to \(call): \(reason)",
            advice: "where a backup was read, it is damaged: take another copy of it")
    }
}
