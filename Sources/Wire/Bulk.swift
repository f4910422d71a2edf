/// A frame of a bulk channel: 32 bytes, then, of a `data` frame, the bytes
/// (docs/formats/wire.md, "Bulk channels").
package struct BulkFrame: Equatable, Sendable {
    /// Bytes of a frame without its data.
    package static let size = 32
    /// Most bytes of data in a frame, and of a slot. What lies in lent memory comes in pieces of this
    /// size: each costs some four changes of threads, of which two processors feel every one.
    package static let most = 1 << 20
    /// Bytes of a piece that travels: small enough that it is in the cache when it is copied on.
    package static let usual = 512 << 10
    /// Most bulk channels of a session for copies that somebody waits for, and for those that nobody waits
    /// for as many again.
    package static let mostChannels = 4
    /// Most connections of a session beside the first: those for copies, and one for the program's functions.
    package static let mostConnections = 2 * mostChannels + 1
    /// Most frames of a channel whose bytes are in the worker and whose `upload` record is not
    /// written yet. With `mostChannels` it says how many slots a worker needs at least, so that two
    /// channels never wait for each other.
    package static let mostUnclaimed = 4
    /// Slots of a worker, each of `most` bytes: so many that an asynchronous copy of usual size goes into them
    /// while its stream is not there yet, and its caller goes on.
    package static let slots = 8 * mostChannels * mostUnclaimed

    /// What a frame is about.
    package enum Kind: UInt32, Sendable {
        /// Bytes. To the worker: it answers with `stored`. To the client: they belong at `offset`.
        case data = 1
        /// The bytes of the channel's oldest unanswered frame are in a slot.
        case stored = 2
        /// The client wants its share of a `download`.
        case fetch = 3
        /// There is nothing more of a `download` on this channel.
        case end = 4
        /// Over lent memory: the client wants a slot to write to. Answered as `data` is.
        case want = 5
        /// Over lent memory: the bytes that belong at `offset` are in a slot, for the client to read.
        case filled = 6
        /// The client has read a slot that was `filled`.
        case taken = 7
        /// As `data`, but the bytes are an LZ4 block of which `slot` says how many it becomes.
        case packed = 8
        /// The client takes pieces of asynchronous copies on this channel from now on.
        case deliver = 9
        /// The client runs the program's functions that are called on this channel from now on.
        case listen = 10
        /// It is the turn of function `transfer`, with `status`, once everything before place `offset` of the
        /// worker's stream has arrived.
        case call = 11
        /// Function `transfer` has returned.
        case returned = 12

        /// Whether a frame of this kind tells of bytes.
        fileprivate var hasLength: Bool { self == .data || self == .filled || self == .packed }
    }

    /// What it is about.
    package var kind: Kind
    /// Bytes of data, behind the frame (`data`) or in the slot (`filled`); 0 for all others.
    package var length: Int
    /// Where in the program's memory the data belongs, in bytes from the copy's start; of a `call` a place.
    package var offset: UInt64
    /// The slot that the bytes are in. Of `fetch` and `deliver` `reads…`, of `packed` the number of bytes, of
    /// `call` `isDropped` or 0.
    package var slot: UInt32
    /// The driver's status, of an `end` or a `call`.
    package var status: Int32
    /// Which `download` it belongs to, which record that asked for an asynchronous copy, or which function.
    package var transfer: UInt64

    /// In the slot of a `fetch` or `deliver`: the client reads from lent memory.
    package static let readsLent: UInt32 = 1
    /// In the slot of a `fetch` or `deliver`: the client takes compressed bytes.
    package static let readsPacked: UInt32 = 2

    /// In the slot of a `call`: the driver did not take the function, which will never be called.
    package static let isDropped: UInt32 = 1

    /// Bytes of the copy that the frame brings.
    package var bytes: Int { kind == .packed ? Int(slot) : length }

    /// A frame.
    package init(
        _ kind: Kind,
        length: Int = 0,
        offset: UInt64 = 0,
        slot: UInt32 = 0,
        status: Int32 = 0,
        transfer: UInt64 = 0
    ) {
        self.kind = kind
        self.length = length
        self.offset = offset
        self.slot = slot
        self.status = status
        self.transfer = transfer
    }

    /// Reads 32 bytes; `nil` when they are no frame.
    package init?(reading bytes: UnsafeRawPointer) {
        guard let kind = Kind(rawValue: bytes.loadUnaligned(as: UInt32.self)) else { return nil }
        self.kind = kind
        length = Int(bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        guard kind.hasLength ? (1...Self.most).contains(length) : length == 0 else { return nil }
        offset = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        slot = bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self)
        guard kind != .packed || (length...Self.most).contains(Int(slot)) else { return nil }
        status = bytes.loadUnaligned(fromByteOffset: 20, as: Int32.self)
        transfer = bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
    }

    /// Writes 32 bytes.
    package func write(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: kind.rawValue, as: UInt32.self)
        bytes.storeBytes(of: UInt32(length), toByteOffset: 4, as: UInt32.self)
        bytes.storeBytes(of: offset, toByteOffset: 8, as: UInt64.self)
        bytes.storeBytes(of: slot, toByteOffset: 16, as: UInt32.self)
        bytes.storeBytes(of: status, toByteOffset: 20, as: Int32.self)
        bytes.storeBytes(of: transfer, toByteOffset: 24, as: UInt64.self)
    }
}

/// Body of `upload`: the slot is free again when the GPU has its bytes.
package enum UploadLayout {
    package static let destination = 0  // u64
    package static let length = 8  // u64, exactly what the slot holds
    package static let stream = 16  // u64, handle
    package static let slot = 24  // u32
    package static let size = 32
}

/// Body of `download`; the reply comes when every channel has ended.
package enum DownloadLayout {
    package static let source = 0  // u64
    package static let length = 8  // u64, at least 1
    package static let stream = 16  // u64, handle; unused by a synchronous copy
    package static let transfer = 24  // u64, one more than that of the download before, from 1
    package static let channels = 32  // u32: so many will fetch
    package static let isInStream = 36  // u32: 1 in the stream, 0 as `cuMemcpyDtoH`
    package static let size = 40
}
