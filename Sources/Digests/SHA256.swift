import COpenSSL

/// SHA-256 over bytes that arrive piece by piece, by the system's OpenSSL.
///
/// Source: FIPS 180-4; `EVP_DigestInit_ex(3ssl)`.
public final class SHA256 {
    private let context: OpaquePointer

    /// Looked up once: OpenSSL 3 searches its providers under a lock (`EVP_MD_fetch(3ssl)`).
    nonisolated(unsafe) private static let algorithm = EVP_MD_fetch(nil, "SHA2-256", nil)

    public init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, Self.algorithm, nil) == 1
        else { fatalError("OpenSSL has no SHA-256: out of memory, or a broken provider") }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    public func update(_ bytes: UnsafeRawBufferPointer) {
        precondition(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1)
    }

    public func update(_ bytes: some Collection<UInt8>) {
        if bytes.withContiguousStorageIfAvailable({ update(UnsafeRawBufferPointer($0)) }) == nil {
            Array(bytes).withUnsafeBytes { update($0) }
        }
    }

    /// Ends the computation; nothing may be added after it.
    public func finalize() -> Digest {
        let bytes = [UInt8](unsafeUninitializedCapacity: Digest.sizeInBytes) { buffer, count in
            precondition(EVP_DigestFinal_ex(context, buffer.baseAddress, nil) == 1)
            count = Digest.sizeInBytes
        }
        return Digest(unchecked: bytes)
    }

    /// The digest of bytes that are all at hand.
    public static func hash(_ bytes: some Collection<UInt8>) -> Digest {
        let hash = SHA256()
        hash.update(bytes)
        return hash.finalize()
    }
}

/// The 32 bytes of a SHA-256.
public struct Digest: Hashable, Sendable {
    public static let sizeInBytes = 32
    public let bytes: [UInt8]

    init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    /// - Returns: None where there are not 32 bytes.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.sizeInBytes else { return nil }
        self.bytes = Array(bytes)
    }

    /// What stands before the first of a chain.
    public static let zero = Digest(unchecked: [UInt8](repeating: 0, count: sizeInBytes))

    /// 64 lowercase hexadecimal digits.
    public var hex: String {
        String(unsafeUninitializedCapacity: 2 * bytes.count) { buffer in
            for (index, byte) in bytes.enumerated() {
                buffer[2 * index] = Self.digit(byte >> 4)
                buffer[2 * index + 1] = Self.digit(byte & 15)
            }
            return 2 * bytes.count
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
