/// What a client offers for a connection behind the greeting, and what the worker answers
/// (docs/formats/wire.md). Only when `Handshake.offersLink` is set in the client's greeting.
package struct LinkOffer: Equatable, Sendable {
    /// Bytes of an offer.
    package static let size = 64
    /// Bytes of an answer.
    package static let answerSize = 16
    /// `FERRYLNK`, as a number.
    private static let magic: UInt64 = 0x4B4E_4C59_5252_4546

    /// Smallest and largest ring that a worker takes.
    package static let ringSizes = (64 << 10)...(64 << 20)

    /// Bytes of each of the two rings in the memory that comes with the offer; 0: no memory.
    package var ringSize = 0
    /// The network that both sides are to play.
    package var link = LinkShape()
    /// Which host this is: the kernel's name for its boot.
    package var host: InlineArray<16, UInt8> = .init(repeating: 0)
    /// What the monotonic clock shows, in nanoseconds.
    package var now: UInt64 = 0

    /// An offer of nothing.
    package init() {}

    /// Reads 64 bytes; `nil` when they are no offer.
    package init?(reading bytes: UnsafeRawPointer) {
        guard bytes.loadUnaligned(as: UInt64.self) == Self.magic else { return nil }
        let ring = bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
        ringSize = Int(ring)
        guard ring == 0 || (Self.ringSizes.contains(ringSize) && ring & (ring - 1) == 0) else {
            return nil
        }
        link.delay = bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
        link.megabits = bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
        guard link.delay <= LinkShape.maxDelay, link.megabits <= LinkShape.maxMegabits else {
            return nil
        }
        for index in 0..<16 {
            host[index] = bytes.load(fromByteOffset: 32 + index, as: UInt8.self)
        }
        now = bytes.loadUnaligned(fromByteOffset: 48, as: UInt64.self)
    }

    /// Writes 64 bytes.
    package func write(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: Self.magic, as: UInt64.self)
        bytes.storeBytes(of: UInt32(ringSize), toByteOffset: 8, as: UInt32.self)
        bytes.storeBytes(of: 0, toByteOffset: 12, as: UInt32.self)
        bytes.storeBytes(of: link.delay, toByteOffset: 16, as: UInt64.self)
        bytes.storeBytes(of: link.megabits, toByteOffset: 24, as: UInt64.self)
        for index in 0..<16 {
            bytes.storeBytes(of: host[index], toByteOffset: 32 + index, as: UInt8.self)
        }
        bytes.storeBytes(of: now, toByteOffset: 48, as: UInt64.self)
        bytes.storeBytes(of: 0, toByteOffset: 56, as: UInt64.self)
    }

    package static func == (left: LinkOffer, right: LinkOffer) -> Bool {
        for index in 0..<16 where left.host[index] != right.host[index] { return false }
        return left.ringSize == right.ringSize && left.link == right.link && left.now == right.now
    }

    /// What a worker says to an offer.
    package enum Answer: UInt32, Sendable {
        /// As offered.
        case accepted = 0
        /// The memory cannot be used: the connection goes on as it is.
        case noMemory = 1
        /// The two are not on one host, or have two clocks: the connection ends.
        case otherHost = 2
        /// This is no offer: the connection ends.
        case malformed = 3

        /// Reads 16 bytes; `nil` when they are no answer.
        package init?(reading bytes: UnsafeRawPointer) {
            guard bytes.loadUnaligned(as: UInt64.self) == LinkOffer.magic else { return nil }
            self.init(rawValue: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
        }

        /// Writes 16 bytes.
        package func write(to bytes: UnsafeMutableRawPointer) {
            bytes.storeBytes(of: LinkOffer.magic, as: UInt64.self)
            bytes.storeBytes(of: rawValue, toByteOffset: 8, as: UInt32.self)
            bytes.storeBytes(of: 0, toByteOffset: 12, as: UInt32.self)
        }
    }
}

/// A network that is played: what it costs a byte to get to the other side.
package struct LinkShape: Equatable, Sendable {
    /// Nanoseconds in one direction.
    package var delay: UInt64 = 0
    /// Mbit/s in each direction; 0: no limit.
    package var megabits: UInt64 = 0

    /// Longest delay, in nanoseconds.
    package static let maxDelay: UInt64 = 999_999_999
    /// Highest rate.
    package static let maxMegabits: UInt64 = 1_000_000

    /// A network with these properties; without any, none is played.
    package init(delay: UInt64 = 0, megabits: UInt64 = 0) {
        self.delay = delay
        self.megabits = megabits
    }

    /// Whether anything is to be played.
    package var isPlayed: Bool { delay > 0 || megabits > 0 }

    /// Nanoseconds that so many bytes occupy the line.
    package func duration(of bytes: Int) -> UInt64 {
        megabits == 0 ? 0 : UInt64(bytes) * 8000 / megabits
    }
}
