internal import CLinux
internal import Driver
internal import Wire

/// An image as it goes to the server: the program's own memory as far as possible, and of a fatbin
/// only what the server's GPUs can use (rule 9 of the data plane).
struct OutgoingImage: ~Copyable {
    /// What it is.
    let kind: ImageKind
    /// Its bytes, in order.
    let pieces: [UnsafeRawBufferPointer]
    /// Bytes of all pieces.
    let count: Int
    /// Whether a load of it can succeed: some of it is for one of the GPUs.
    let isUsable: Bool
    /// Whether something was left out.
    let isSelection: Bool
    /// What a piece lies in that is not the program's.
    private let memory: UnsafeMutableRawBufferPointer?

    deinit { memory?.deallocate() }

    /// An image of one piece.
    ///
    /// - Parameter memory: Where it lies, when it has to be freed with this.
    init(
        _ bytes: UnsafeRawBufferPointer,
        _ kind: ImageKind,
        memory: UnsafeMutableRawBufferPointer? = nil
    ) {
        self.kind = kind
        pieces = [bytes]
        count = bytes.count
        isUsable = true
        isSelection = false
        self.memory = memory
    }

    /// What a selection takes out of a fatbin, as a fatbin; `nil` when there is no memory.
    init?(_ fatbin: UnsafeRawBufferPointer, _ selection: FatbinSelection) {
        guard let start = fatbin.baseAddress else { return nil }
        let header = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 8)
        guard let base = header.baseAddress else { return nil }
        memcpy(base, start, 8)
        base.storeBytes(of: UInt64(selection.size), toByteOffset: 8, as: UInt64.self)
        var pieces = [UnsafeRawBufferPointer(header)]
        for range in selection.ranges {
            pieces.append(UnsafeRawBufferPointer(rebasing: fatbin[range]))
        }
        kind = .fatbin
        self.pieces = pieces
        count = 16 + selection.size
        isUsable = selection.isUsable
        isSelection = true
        memory = header
    }

    /// The name under which a server keeps it.
    func name() -> ImageName {
        var hash = SHA256()
        for piece in pieces { hash.add(piece) }
        return ImageName(hash: hash.digest(), size: count)
    }

    /// Sends the bytes; the call that uses them follows. Called with the stream lock held.
    func send(_ state: UnsafeMutablePointer<SessionState>, context: UInt32) {
        var sent = 0
        for piece in pieces {
            var done = 0
            while done < piece.count {
                let part = piece[done..<min(piece.count, done + WireFormat.maxData)]
                let data = UnsafeRawBufferPointer(rebasing: part)
                CommandStream.writeData(
                    state,
                    .chunk,
                    context: context,
                    prefix: ChunkLayout.data,
                    data: data
                ) {
                    $0.storeBytes(of: UInt64(sent), as: UInt64.self)
                    $0.storeBytes(of: UInt64(data.count), toByteOffset: 8, as: UInt64.self)
                }
                done += data.count
                sent += data.count
            }
        }
    }

    /// Sends a name in place of the bytes. Called with the stream lock held.
    static func send(
        _ state: UnsafeMutablePointer<SessionState>,
        _ name: ImageName,
        context: UInt32
    ) {
        let body = CommandStream.begin(
            state,
            .image,
            flags: 0,
            context: context,
            size: ImageName.bodySize
        )
        name.write(to: body)
        CommandStream.commit(state, size: ImageName.bodySize)
    }
}
