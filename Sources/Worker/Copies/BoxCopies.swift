internal import CLinux
internal import CUDAABI
internal import Driver
internal import Wire

// Copies of boxes: to and from arrays, which only the driver knows the layout of.
extension Executor {
    /// `cuMemcpy3D` and `cuMemcpy3DAsync`.
    func copyBox(_ record: Record) throws(ProtocolViolation) {
        let extent = try boxExtent(record)
        let (from, to) = try boxKinds(record, extent)
        let isSynchronous = record.opcode == .cuMemcpy3D_v2
        let handle = record.load(BoxLayout.stream, as: UInt64.self)
        guard let stream = isSynchronous ? .some(nil) : handles.streams.find(handle) else {
            return refuse(record, Status.invalidHandle)
        }
        var status = Status.success
        guard
            let source = BoxSide(record, from, at: BoxLayout.source, extent, self, &status),
            let destination = BoxSide(record, to, at: BoxLayout.destination, extent, self, &status)
        else { return refuse(record, status) }
        let copy = BoxCopy(source: source, destination: destination, extent: extent)
        switch (from, to, isSynchronous) {
        case (.host, _, true): finish(record, upload(record, copy))
        case (.host, _, false): uploadLater(record, copy, stream)
        case (_, .host, true): fetch(record, BoxFetch(copy: copy, stream: nil))
        case (_, .host, false): download(record, copy, stream)
        default:
            let inStream: CUstream?? = isSynchronous ? nil : .some(stream)
            finish(record, copy.run(driver, copy.whole, host: nil, stream: inStream))
        }
    }

    private func boxExtent(_ record: Record) throws(ProtocolViolation) -> BoxExtent {
        try record.expect(atLeast: BoxLayout.size)
        let width = record.load(BoxLayout.width, as: UInt64.self)
        let height = record.load(BoxLayout.height, as: UInt64.self)
        let depth = record.load(BoxLayout.depth, as: UInt64.self)
        guard let extent = BoxExtent(checking: width, height, depth) else {
            throw .malformed(record.opcode)
        }
        return extent
    }

    /// What the two sides are; the bytes of a copy to the GPU must all be there.
    private func boxKinds(
        _ record: Record,
        _ extent: BoxExtent
    ) throws(ProtocolViolation) -> (BoxSideKind, BoxSideKind) {
        guard
            let from = BoxSideKind(rawValue: record.load(BoxLayout.sourceKind, as: UInt32.self)),
            let to = BoxSideKind(rawValue: record.load(BoxLayout.destinationKind, as: UInt32.self)),
            from != .host || (to != .host && extent.bytes <= WireFormat.maxData)
        else { throw .malformed(record.opcode) }
        let data = from == .host ? WireFormat.padded(extent.bytes) : 0
        try record.expect(size: BoxLayout.size + data)
        return (from, to)
    }

    /// Straight from the receiver's buffer.
    private func upload(_ record: Record, _ copy: BoxCopy) -> CUresult {
        let data = record.body.baseAddress.map { UnsafeMutableRawPointer(mutating: $0) }
        let host = data.map { $0 + BoxLayout.size }
        let status = copy.run(driver, copy.whole, host: host, stream: nil)
        answers.forwardPrintedText()
        return status
    }

    /// By way of staging memory, because the receiver's buffer is used again.
    private func uploadLater(_ record: Record, _ copy: BoxCopy, _ stream: CUstream?) {
        guard let data = record.body.baseAddress else { return finish(record, Status.success) }
        let count = copy.extent.bytes
        let handle = record.load(BoxLayout.stream, as: UInt64.self)
        stage(record, data + BoxLayout.size, count, handle, stream) { memory in
            copy.run(driver, copy.whole, host: memory, stream: .some(stream))
        }
    }

    /// To page-locked memory in its place in the stream; to pageable memory aside, because the
    /// client waits.
    private func download(_ record: Record, _ copy: BoxCopy, _ stream: CUstream?) {
        if record.wantsReply {
            fetch(record, BoxFetch(copy: copy, stream: UInt(bitPattern: stream)))
            return
        }
        let handle = record.load(BoxLayout.stream, as: UInt64.self)
        let status = startCopies(record, UInt64(copy.extent.bytes), handle, stream) {
            offset,
            most in
            copy.extent.piece(at: Int(offset), most: most).extent.bytes
        } copy: { memory, offset, size in
            let piece = copy.extent.piece(at: Int(offset), most: size)
            return copy.run(driver, piece, host: memory, stream: .some(stream))
        }
        finishCopies(record, status, stream)
    }

    private func fetch(_ record: Record, _ job: BoxFetch) {
        let pointer = UnsafeMutablePointer<BoxFetch>.allocate(capacity: 1)
        pointer.initialize(to: job)
        wait(record, .box(UInt(bitPattern: pointer)))
    }

    /// Whether a copy of a box that is refused brings bytes to the client's memory.
    func isBoxToHost(_ record: Record) -> Bool {
        guard record.body.count >= BoxLayout.size else { return false }
        let kind = record.load(BoxLayout.destinationKind, as: UInt32.self)
        return kind == BoxSideKind.host.rawValue
    }
}
