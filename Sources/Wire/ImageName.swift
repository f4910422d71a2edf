/// An image by its content: what a client sends in place of an image that the server has.
///
/// The body of an `image` record: 32 bytes SHA-256, then u64 bytes of the image.
package struct ImageName: Sendable {
    /// SHA-256 of the bytes.
    package let hash: InlineArray<32, UInt8>
    /// How many there are; at most `WireFormat.maxImage`.
    package let size: Int

    /// Bytes of the body.
    package static let bodySize = 40
    /// Smaller images are not worth a name: their bytes travel just as fast.
    package static let smallestImage = 128
    /// Images up to this many bytes are sent at once unless the server is known to have them: they
    /// take less time than the question.
    package static let largestSentAtOnce = 16 << 10
    /// In the place of a status: the server does not have the image that was named. No CUresult.
    package static let missing: Int32 = -1

    /// The name of an image that has this hash.
    package init(hash: InlineArray<32, UInt8>, size: Int) {
        self.hash = hash
        self.size = size
    }

    /// The name of these bytes.
    package init(of bytes: UnsafeRawBufferPointer) {
        self.init(hash: SHA256.digest(of: bytes), size: bytes.count)
    }

    /// Reads the body of a record.
    ///
    /// - Throws: `malformed` for a size that no image has.
    package init(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: Self.bodySize)
        let size = record.load(32, as: UInt64.self)
        guard size > 0, size <= UInt64(WireFormat.maxImage) else { throw .malformed(record.opcode) }
        self.size = Int(size)
        var hash: InlineArray<32, UInt8> = .init(repeating: 0)
        for index in 0..<32 { hash[index] = record.load(index, as: UInt8.self) }
        self.hash = hash
    }

    /// Writes the body of a record.
    package func write(to body: UnsafeMutableRawPointer) {
        for index in 0..<32 {
            body.storeBytes(of: hash[index], toByteOffset: index, as: UInt8.self)
        }
        body.storeBytes(of: UInt64(size), toByteOffset: 32, as: UInt64.self)
    }

    /// The first four bytes of the hash, which stand for it in a snapshot: enough to tell the
    /// images of a server apart, and a mistake costs no more than a question.
    package var prefix: UInt32 {
        UInt32(hash[0]) | UInt32(hash[1]) << 8 | UInt32(hash[2]) << 16 | UInt32(hash[3]) << 24
    }
}
