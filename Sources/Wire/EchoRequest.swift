/// What a client of a measurement asks of a worker that echoes (docs/formats/wire.md, 1.2).
package struct EchoRequest: Equatable, Sendable {
    /// Bytes of a request.
    package static let size = 16
    /// Most bytes of a message.
    package static let largest = 1 << 20

    /// What is measured.
    package enum Kind: UInt32, Sendable {
        /// Each message comes back.
        case echo = 1
        /// Messages go to the worker, which tells at the end how many bytes it got.
        case sink = 2
        /// Messages come from the worker.
        case source = 3
    }

    /// What is measured.
    package var kind: Kind
    /// Bytes of a message.
    package var messageSize: Int
    /// How many messages.
    package var count: Int
    /// Whether the worker looks again as it does between a program's calls; else it sleeps at once.
    package var spins: Bool

    /// A request.
    package init(_ kind: Kind, messageSize: Int, count: Int, spins: Bool) {
        self.kind = kind
        self.messageSize = messageSize
        self.count = count
        self.spins = spins
    }

    /// Reads 16 bytes; `nil` when they make no sense.
    package init?(reading bytes: UnsafeRawPointer) {
        let size = Int(bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        let count = Int(bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
        guard let kind = Kind(rawValue: bytes.loadUnaligned(as: UInt32.self)),
            size > 0, size <= Self.largest, count > 0
        else { return nil }
        self.kind = kind
        messageSize = size
        self.count = count
        spins = bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self) != 0
    }

    /// Writes 16 bytes.
    package func write(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: kind.rawValue, as: UInt32.self)
        bytes.storeBytes(of: UInt32(messageSize), toByteOffset: 4, as: UInt32.self)
        bytes.storeBytes(of: UInt32(count), toByteOffset: 8, as: UInt32.self)
        bytes.storeBytes(of: spins ? 1 : 0, toByteOffset: 12, as: UInt32.self)
    }
}
