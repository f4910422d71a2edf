internal import CLinux
internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

/// A copy whose sides are checked.
struct ArrayCopy {
    var to: ArrayCopies.End
    var from: ArrayCopies.End
    var extent: BoxExtent
    /// As it is on the wire.
    var stream: UInt64
    var isSynchronous: Bool

    private var opcode: Opcode { isSynchronous ? .cuMemcpy3D_v2 : .cuMemcpy3DAsync_v2 }

    /// Rows whose bytes may be under way at a time.
    private static let mostRows = 256

    func run(_ state: ArrayCopies.State, _ context: UInt32) -> CUresult {
        if from.kind == .host { return upload(state, context) }
        if to.kind == .host { return download(state, context) }
        return Session.send(state, opcode, context: context, size: BoxLayout.size) {
            encode(whole, to: $0)
        }
    }

    var whole: BoxPiece { BoxPiece(x: 0, y: 0, z: 0, extent: extent) }

    /// Writes the body for a piece of the copy; the data may follow.
    func encode(_ piece: BoxPiece, to body: UnsafeMutableRawPointer) {
        func store(_ value: Int, _ offset: Int) {
            body.storeBytes(of: value, toByteOffset: offset, as: Int.self)
        }
        func encode(_ end: ArrayCopies.End, _ start: Int) {
            let isArray = end.kind == .array
            let isDevice = end.kind == .device
            var place = end.place
            if isDevice {
                place += UInt64(piece.z * end.slice + piece.y * end.pitch + piece.x)
            }
            let shown = isArray || isDevice ? place : 0
            body.storeBytes(of: shown, toByteOffset: start + BoxLayout.place, as: UInt64.self)
            store(isArray ? end.x + piece.x : 0, start + BoxLayout.x)
            store(isArray ? end.y + piece.y : 0, start + BoxLayout.y)
            store(isArray ? end.z + piece.z : 0, start + BoxLayout.z)
            store(isDevice ? end.pitch : 0, start + BoxLayout.pitch)
            store(isDevice ? end.slice / end.pitch : 0, start + BoxLayout.rows)
        }
        let kinds = (from.kind.rawValue, to.kind.rawValue)
        body.storeBytes(of: kinds.0, toByteOffset: BoxLayout.sourceKind, as: UInt32.self)
        body.storeBytes(of: kinds.1, toByteOffset: BoxLayout.destinationKind, as: UInt32.self)
        body.storeBytes(of: stream, toByteOffset: BoxLayout.stream, as: UInt64.self)
        store(piece.extent.width, BoxLayout.width)
        store(piece.extent.height, BoxLayout.height)
        store(piece.extent.depth, BoxLayout.depth)
        encode(from, BoxLayout.source)
        encode(to, BoxLayout.destination)
    }

    /// Address of a byte of the program's side.
    private func host(
        _ end: ArrayCopies.End,
        _ x: Int,
        _ y: Int,
        _ z: Int
    ) -> UnsafeMutableRawPointer? {
        let offset = z * end.slice + y * end.pitch + x
        return UnsafeMutableRawPointer(bitPattern: UInt(end.place) + UInt(offset))
    }

    /// To the GPU: the rows are put together in records. Returns when the source may change.
    private func upload(_ state: ArrayCopies.State, _ context: UInt32) -> CUresult {
        let source = UInt(from.place)
        HostFunctions.awaitWriters(state, stream, source, isSynchronous: isSynchronous)
        var turn = UploadTurn(isSynchronous: isSynchronous, stream)
        var done = 0
        while done < extent.bytes {
            let piece = extent.piece(at: done, most: WireFormat.maxData)
            let count = piece.extent.bytes
            let size = BoxLayout.size + WireFormat.padded(count)
            let opcode: Opcode =
                turn.begin(state, context, count) ? .cuMemcpy3DAsync_v2 : .cuMemcpy3D_v2
            let body = CommandStream.begin(state, opcode, flags: 0, context: context, size: size)
            encode(piece, to: body)
            gather(piece, to: body + BoxLayout.size)
            memset(body + BoxLayout.size + count, 0, size - BoxLayout.size - count)
            CommandStream.commit(state, size: size)
            turn.commit(state, context)
            state.pointee.streamLock.unlock()
            done += count
        }
        return turn.end(state, context)
    }

    private func gather(_ piece: BoxPiece, to memory: UnsafeMutableRawPointer) {
        var next = memory
        for z in 0..<piece.extent.depth {
            for y in 0..<piece.extent.height {
                if let row = host(from, piece.x, piece.y + y, piece.z + z) {
                    memcpy(next, row, piece.extent.width)
                }
                next += piece.extent.width
            }
        }
    }

    /// Whether the program's side has no gaps.
    private var isDense: Bool {
        (extent.height == 1 || to.pitch == extent.width)
            && (extent.depth == 1 || to.slice == extent.width * extent.height)
    }

    /// To the program: truly asynchronous to page-locked memory only, as with the driver.
    private func download(_ state: ArrayCopies.State, _ context: UInt32) -> CUresult {
        guard let first = host(to, 0, 0, 0) else { return Status.invalidValue }
        if !isSynchronous, isPageLocked(state) {
            let status = isDense ? begin(state, context) : beginRows(state, context, 0..<rows)
            Flusher.request(state)
            return status
        }
        guard isDense else { return downloadRows(state, context) }
        return Session.wait(
            state,
            opcode,
            context: context,
            size: BoxLayout.size,
            destination: UnsafeMutableRawBufferPointer(start: first, count: extent.bytes)
        ) { encode(whole, to: $0) }
    }

    private func isPageLocked(_ state: ArrayCopies.State) -> Bool {
        let last = (extent.depth - 1) * to.slice + (extent.height - 1) * to.pitch
        return state.pointee.hostMemory.noteCopy(to: UInt(to.place), last + extent.width)
    }

    private var rows: Int { extent.height * extent.depth }

    /// Rows between gaps, with a wait for many of them instead of one for each.
    private func downloadRows(_ state: ArrayCopies.State, _ context: UInt32) -> CUresult {
        var next = 0
        while next < rows {
            let end = min(next + Self.mostRows, rows)
            let told = beginRows(state, context, next..<end)
            if told != Status.success { return told }
            let status = Session.synchronize(state, context: context, stream: stream)
            if status != Status.success { return status }
            next = end
        }
        return Status.success
    }

    /// All of it, in pieces.
    private func begin(_ state: ArrayCopies.State, _ context: UInt32) -> CUresult {
        let isLarge = extent.bytes >= BulkLink.threshold && LandingLink.isOpen(state)
        let flags = isLarge ? RecordHeader.Flags.overChannels : 0
        var status = Status.success
        var done = 0
        while done < extent.bytes {
            let piece = extent.piece(at: done, most: Staging.mostRecord)
            let told = begin(state, context, piece, flags: flags)
            if told != Status.success { status = told }
            done += piece.extent.bytes
        }
        return status
    }

    private func beginRows(
        _ state: ArrayCopies.State,
        _ context: UInt32,
        _ rows: Range<Int>
    ) -> CUresult {
        var status = Status.success
        for row in rows {
            let (y, z) = (row % extent.height, row / extent.height)
            let extent = BoxExtent(width: extent.width, height: 1, depth: 1)
            let told = begin(state, context, BoxPiece(x: 0, y: y, z: z, extent: extent), flags: 0)
            if told != Status.success { status = told }
        }
        return status
    }

    private func begin(
        _ state: ArrayCopies.State,
        _ context: UInt32,
        _ piece: BoxPiece,
        flags: UInt16
    ) -> CUresult {
        guard let memory = host(to, piece.x, piece.y, piece.z) else { return Status.invalidValue }
        let (opcode, bytes) = (Opcode.cuMemcpy3DAsync_v2, piece.extent.bytes)
        let taken = Staging.taken(by: piece.extent)
        return ClientCalls.begin(
            state,
            context,
            opcode,
            flags: flags,
            size: BoxLayout.size,
            memory,
            bytes,
            stream,
            taken
        ) { encode(piece, to: $0) }
    }
}
