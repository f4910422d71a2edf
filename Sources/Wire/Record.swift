/// What goes over a data connection after the handshake: records in both directions.
///
/// A record is a header of 16 bytes and a body. All integers are little-endian; sizes are multiples
/// of 8. The layouts are described for other implementers in docs/formats/wire.md.
package enum WireFormat {
    /// Version of the format, negotiated in the handshake.
    package static let version: UInt16 = 2
    /// Bytes of a record's header.
    package static let headerSize = 16
    /// Most bytes of data in one record: larger transfers are split.
    package static let maxData = 128 << 10
    /// Largest record that a worker accepts, in bytes.
    package static let maxRequest = maxData + 65_536
    /// Largest record that a client accepts, in bytes.
    package static let maxReply = 64 << 20
    /// Bytes that a client may send without having been told that they arrived.
    package static let window = 1 << 20
    /// A peer is told what arrived at the latest after this many bytes.
    package static let acknowledgeAfter = 256 << 10
    /// Largest module image, in bytes.
    package static let maxImage = 1 << 30
    /// Context identifiers 1…64 are the primary contexts of devices 0…63.
    package static let maxDevices = 64

    /// `count` rounded up to the next multiple of 8.
    @inline(__always)
    package static func padded(_ count: Int) -> Int { (count + 7) & ~7 }
}

/// The header of a record.
package struct RecordHeader: Equatable, Sendable {
    /// Bytes of the whole record with its header; a multiple of 8.
    package var size: UInt32
    /// Raw opcode; may be one that this version does not know.
    package var opcode: UInt16
    /// See `Flags`.
    package var flags: UInt16
    /// From a client: counts its records from 1. From a worker: the record that this one answers.
    package var sequence: UInt32
    /// From a client: the context in which the call is made, 0 if none.
    package var context: UInt32

    /// A header with these fields.
    @inline(__always)
    package init(size: Int, opcode: Opcode, flags: UInt16, sequence: UInt32, context: UInt32) {
        self.size = UInt32(truncatingIfNeeded: size)
        self.opcode = opcode.rawValue
        self.flags = flags
        self.sequence = sequence
        self.context = context
    }

    /// Bits of `flags`.
    package enum Flags {
        /// The client waits for a reply to this call.
        package static let wantsReply: UInt16 = 1
        /// The bytes of an asynchronous copy to the program come over bulk channels.
        package static let overChannels: UInt16 = 2
    }

    /// Reads a header from 16 bytes.
    @inline(__always)
    package init(reading bytes: UnsafeRawPointer) {
        size = bytes.loadUnaligned(as: UInt32.self)
        opcode = bytes.loadUnaligned(fromByteOffset: 4, as: UInt16.self)
        flags = bytes.loadUnaligned(fromByteOffset: 6, as: UInt16.self)
        sequence = bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
        context = bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self)
    }

    /// Writes the 16 bytes.
    @inline(__always)
    package func write(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: size, as: UInt32.self)
        bytes.storeBytes(of: opcode, toByteOffset: 4, as: UInt16.self)
        bytes.storeBytes(of: flags, toByteOffset: 6, as: UInt16.self)
        bytes.storeBytes(of: sequence, toByteOffset: 8, as: UInt32.self)
        bytes.storeBytes(of: context, toByteOffset: 12, as: UInt32.self)
    }

    /// What is wrong with the header for a receiver that accepts records of up to `limit` bytes.
    package func violation(limit: Int) -> ProtocolViolation? {
        guard size >= WireFormat.headerSize, size % 8 == 0 else { return .badSize(size) }
        guard size <= limit else { return .tooLarge(size) }
        return nil
    }
}

/// A peer broke the rules of the wire; the connection cannot go on.
package enum ProtocolViolation: Error, Equatable, Sendable {
    /// A record's size is below 16 or not a multiple of 8.
    case badSize(UInt32)
    /// A record is larger than the receiver accepts.
    case tooLarge(UInt32)
    /// An opcode that this version does not know, or that this side does not take.
    case unknownOpcode(UInt16)
    /// The record is not the next one.
    case badSequence(expected: UInt32, found: UInt32)
    /// The body does not fit its opcode.
    case malformed(Opcode)
    /// The connection ended inside a record.
    case truncated

    /// A stable number for logs and failure records.
    package var code: UInt32 {
        switch self {
        case .badSize: 1
        case .tooLarge: 2
        case .unknownOpcode: 3
        case .badSequence: 4
        case .malformed: 5
        case .truncated: 6
        }
    }
}

/// A received record; the body is only valid while the receiver's buffer is.
package struct Record {
    /// What it is about.
    package var opcode: Opcode
    /// The header's flags.
    package var flags: UInt16
    /// The header's sequence number.
    package var sequence: UInt32
    /// The header's context.
    package var context: UInt32
    /// Everything after the header.
    package var body: UnsafeRawBufferPointer

    /// A record with a header that was checked before.
    ///
    /// - Throws: `ProtocolViolation.unknownOpcode`.
    package init(
        _ header: RecordHeader,
        body: UnsafeRawBufferPointer
    ) throws(ProtocolViolation) {
        guard let opcode = Opcode(rawValue: header.opcode) else {
            throw .unknownOpcode(header.opcode)
        }
        self.opcode = opcode
        flags = header.flags
        sequence = header.sequence
        context = header.context
        self.body = body
    }

    /// Whether the client waits for a reply.
    package var wantsReply: Bool { flags & RecordHeader.Flags.wantsReply != 0 }
    /// Whether the bytes of the copy go over bulk channels.
    package var isOverChannels: Bool { flags & RecordHeader.Flags.overChannels != 0 }

    /// Checks that the body has exactly `size` bytes.
    @inline(__always)
    package func expect(size: Int) throws(ProtocolViolation) {
        guard body.count == size else { throw .malformed(opcode) }
    }

    /// Checks that the body has at least `size` bytes.
    @inline(__always)
    package func expect(atLeast size: Int) throws(ProtocolViolation) {
        guard body.count >= size else { throw .malformed(opcode) }
    }

    /// An integer of the body, whose bounds were checked before.
    @inline(__always)
    package func load<T: BitwiseCopyable>(_ offset: Int, as type: T.Type) -> T {
        body.loadUnaligned(fromByteOffset: offset, as: type)
    }
}
