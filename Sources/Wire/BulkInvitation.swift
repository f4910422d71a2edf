/// What a server tells a worker of a socket that it hands over for a bulk channel. Both are on one
/// host, of one version.
package struct BulkInvitation: Sendable {
    /// Bytes of a message.
    package static let size = 40

    /// The connection's key; zeros in clear text.
    package var key: InlineArray<32, UInt8>
    /// Whether the connection is encrypted.
    package var isEncrypted: Bool
    /// Whether the client's greeting announces an offer.
    package var offersLink: Bool

    /// A message.
    package init(key: InlineArray<32, UInt8>, isEncrypted: Bool, offersLink: Bool) {
        self.key = key
        self.isEncrypted = isEncrypted
        self.offersLink = offersLink
    }

    /// Reads 40 bytes.
    package init(reading bytes: UnsafeRawPointer) {
        key = .init(repeating: 0)
        for index in 0..<32 { key[index] = bytes.load(fromByteOffset: index, as: UInt8.self) }
        let flags = bytes.loadUnaligned(fromByteOffset: 32, as: UInt32.self)
        isEncrypted = flags & 1 != 0
        offersLink = flags & 2 != 0
    }

    /// Writes 40 bytes.
    package func write(to bytes: UnsafeMutableRawPointer) {
        for index in 0..<32 {
            bytes.storeBytes(of: key[index], toByteOffset: index, as: UInt8.self)
        }
        let flags: UInt32 = (isEncrypted ? 1 : 0) | (offersLink ? 2 : 0)
        bytes.storeBytes(of: flags, toByteOffset: 32, as: UInt32.self)
        bytes.storeBytes(of: 0, toByteOffset: 36, as: UInt32.self)
    }
}
