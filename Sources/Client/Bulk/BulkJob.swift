internal import CLinux
internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Synchronization
internal import Transport
internal import Wire

/// A copy that is carried over the bulk channels. Lives on the stack of the thread that makes it.
struct BulkJob: ~Copyable {
    typealias State = UnsafeMutablePointer<SessionState>

    /// Which way.
    enum Direction { case toDevice, toHost }

    private let direction: Direction
    /// The program's memory.
    private let memory: UnsafeMutableRawBufferPointer
    /// The GPU's; used by uploads.
    private let destination: CUdeviceptr
    private let stream: UInt64
    private let context: UInt32
    /// The name of a download.
    private let transfer: UInt64
    private let next = Atomic<Int>(0)
    private let received = Atomic<Int>(0)
    /// Helpers that are not done.
    private let working: Atomic<UInt32>

    /// A copy of the program's memory to the GPU.
    init(
        from memory: UnsafeRawBufferPointer,
        to destination: CUdeviceptr,
        stream: UInt64,
        context: UInt32,
        channels: Int
    ) {
        direction = .toDevice
        self.memory = UnsafeMutableRawBufferPointer(mutating: memory)
        self.destination = destination
        self.stream = stream
        self.context = context
        transfer = 0
        working = Atomic(UInt32(channels - 1))
    }

    /// A copy to the program's memory.
    init(to memory: UnsafeMutableRawBufferPointer, transfer: UInt64, channels: Int) {
        direction = .toHost
        self.memory = memory
        destination = 0
        stream = 0
        context = 0
        self.transfer = transfer
        working = Atomic(UInt32(channels - 1))
    }

    /// Whether everything came.
    var isWhole: Bool { received.load(ordering: .acquiring) == memory.count }

    /// Does on one channel what there is to do; a channel that fails ends the session.
    borrowing func work(_ state: State, _ index: Int) {
        guard let channel = state.pointee.bulk.channel(index) else { return }
        do throws(SocketError) {
            switch direction {
            case .toDevice: try upload(state, channel, state.pointee.bulk.carrier(index))
            case .toHost: try download(state, channel, state.pointee.bulk.carrier(index))
            }
        } catch {
            if error.number == EPROTO { Log.error("the server broke the protocol of copies") }
            Replies.loseConnection(state)
        }
    }

    // MARK: - Helpers

    /// A helper has done its part. The job may be gone when this returns.
    borrowing func leave() {
        let left = working.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
        guard left == 0 else { return }
        withUnsafePointer(to: working) {
            _ = ferry_futex(UnsafeMutableRawPointer(mutating: $0), 129, 1, nil)
        }
    }

    /// Waits until all helpers have done their part.
    borrowing func awaitHelpers() {
        while true {
            let left = working.load(ordering: .acquiring)
            if left == 0 { return }
            withUnsafePointer(to: working) {
                _ = ferry_futex(UnsafeMutableRawPointer(mutating: $0), 128, left, nil)
            }
        }
    }

    // MARK: - To the GPU

    private borrowing func upload(
        _ state: State,
        _ channel: Channel,
        _ carrier: UnsafeMutablePointer<PieceCarrier>
    ) throws(SocketError) {
        carrier.pointee.begin(mayPack: state.pointee.bulk.mayPack)
        // Pieces that are under way: the worker answers in their order.
        var pieces = BulkQueue(none: (offset: 0, size: 0))
        var answers = FrameReader()
        let step = channel.lent == nil ? BulkFrame.usual : BulkFrame.most
        while true {
            if !pieces.isFull, let (offset, size) = takePiece(step) {
                if channel.lent == nil {
                    let piece = UnsafeRawBufferPointer(rebasing: memory[offset..<offset + size])
                    try carrier.pointee.send(piece, to: channel)
                } else {
                    try carrier.pointee.send(BulkFrame(.want), to: channel)
                }
                pieces.append((offset, size))
            } else if !pieces.isEmpty {
                try answers.wait(channel)
            } else {
                return carrier.pointee.end()
            }
            while !pieces.isEmpty, let answer = try answers.next(channel) {
                guard answer.kind == .stored else { throw SocketError(EPROTO, .receive) }
                let (offset, size) = pieces.removeFirst()
                if channel.lent != nil {
                    let place = try channel.lentSlot(answer.slot, size)
                    let part = UnsafeRawBufferPointer(rebasing: memory[offset..<offset + size])
                    place.copyMemory(from: part)
                }
                claim(state, answer.slot, offset, size)
            }
        }
    }

    private borrowing func takePiece(_ step: Int) -> (offset: Int, size: Int)? {
        let offset = next.wrappingAdd(step, ordering: .relaxed).oldValue
        guard offset < memory.count else { return nil }
        return (offset, min(step, memory.count - offset))
    }

    /// The bytes are there: from here on the copy has its place among the calls.
    private borrowing func claim(_ state: State, _ slot: UInt32, _ offset: Int, _ size: Int) {
        state.pointee.streamLock.lock()
        let body = CommandStream.begin(
            state,
            .upload,
            flags: 0,
            context: context,
            size: UploadLayout.size
        )
        body.storeBytes(of: destination + UInt64(offset), as: UInt64.self)
        body.storeBytes(of: UInt64(size), toByteOffset: UploadLayout.length, as: UInt64.self)
        body.storeBytes(of: stream, toByteOffset: UploadLayout.stream, as: UInt64.self)
        body.storeBytes(of: slot, toByteOffset: UploadLayout.slot, as: UInt32.self)
        body.storeBytes(of: 0, toByteOffset: UploadLayout.slot + 4, as: UInt32.self)
        CommandStream.commit(state, size: UploadLayout.size)
        state.pointee.streamLock.unlock()
        // The worker has room for the next piece only when it knows of this one.
        CommandStream.send(state)
    }

    // MARK: - From the GPU

    private borrowing func download(
        _ state: State,
        _ channel: Channel,
        _ carrier: UnsafeMutablePointer<PieceCarrier>
    ) throws(SocketError) {
        let manner =
            (channel.lent == nil ? 0 : BulkFrame.readsLent)
            | (state.pointee.bulk.mayPack ? BulkFrame.readsPacked : 0)
        let fetch = BulkFrame(.fetch, slot: manner, transfer: transfer)
        try carrier.pointee.send(fetch, to: channel)
        var frames = FrameReader()
        while true {
            guard let frame = try frames.next(channel) else {
                try frames.wait(channel)
                continue
            }
            guard frame.transfer == transfer else { throw SocketError(EPROTO, .receive) }
            switch frame.kind {
            case .end: return
            case .data, .packed:
                // Straight to where the program wants it.
                try carrier.pointee.receive(frame, into: place(of: frame), from: channel)
                received.wrappingAdd(frame.bytes, ordering: .acquiringAndReleasing)
            case .filled:
                let bytes = try channel.lentSlot(frame.slot, frame.length)
                try place(of: frame).copyMemory(from: UnsafeRawBufferPointer(bytes))
                try carrier.pointee.send(BulkFrame(.taken, slot: frame.slot), to: channel)
                received.wrappingAdd(frame.length, ordering: .acquiringAndReleasing)
            case .stored, .fetch, .want, .taken, .deliver, .listen, .call, .returned:
                throw SocketError(EPROTO, .receive)
            }
        }
    }

    /// Where a piece that the worker sends belongs.
    private borrowing func place(
        of frame: BulkFrame
    ) throws(SocketError) -> UnsafeMutableRawBufferPointer {
        let (end, overflow) = frame.offset.addingReportingOverflow(UInt64(frame.bytes))
        guard !overflow, end <= UInt64(memory.count) else { throw SocketError(EPROTO, .receive) }
        return UnsafeMutableRawBufferPointer(rebasing: memory[Int(frame.offset)..<Int(end)])
    }

    // MARK: - Frames

    /// Reads frames without their data, also if they come in parts.
    private struct FrameReader {
        private var bytes: InlineArray<32, UInt8> = .init(repeating: 0)
        private var count = 0

        /// The next frame; `nil` while it has not come whole.
        mutating func next(_ channel: Channel) throws(SocketError) -> BulkFrame? {
            let known = count
            let result = withUnsafeMutableBytes(of: &bytes) { bytes in
                bytes.baseAddress.map { channel.receive($0 + known, BulkFrame.size - known) }
            }
            switch result {
            case .bytes(let more): count += more
            case .wouldBlock: return nil
            case .failed(let number): throw SocketError(number, .receive)
            case .closed, nil: throw SocketError(0, .receive)
            }
            guard count == BulkFrame.size else { return nil }
            count = 0
            let frame = withUnsafeBytes(of: &bytes) { bytes in
                bytes.baseAddress.flatMap { BulkFrame(reading: $0) }
            }
            guard let frame else { throw SocketError(EPROTO, .receive) }
            return frame
        }

        /// Waits until there is something to read.
        func wait(_ channel: Channel) throws(SocketError) {
            _ = try channel.wait(for: POLLIN, timeout: -1)
        }
    }
}
