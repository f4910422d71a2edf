internal import CLinux
internal import CUDAABI
internal import Driver
internal import Wire

// Copies between the client's memory and the GPU's.
extension Executor {
    private struct Upload {
        var destination: CUdeviceptr
        var length: Int
        var stream: UInt64
        var data: UnsafeRawPointer?
    }

    private func upload(_ record: Record) throws(ProtocolViolation) -> Upload {
        try record.expect(atLeast: HostToDeviceLayout.data)
        let length = record.load(HostToDeviceLayout.length, as: UInt64.self)
        guard length <= UInt64(WireFormat.maxData) else { throw .malformed(record.opcode) }
        try record.expect(size: HostToDeviceLayout.data + WireFormat.padded(Int(length)))
        return Upload(
            destination: record.load(HostToDeviceLayout.destination, as: UInt64.self),
            length: Int(length),
            stream: record.load(HostToDeviceLayout.stream, as: UInt64.self),
            data: record.body.baseAddress.map { $0 + HostToDeviceLayout.data }
        )
    }

    /// `cuMemcpyHtoD`: straight from the receiver's buffer.
    func copyToDevice(_ record: Record) throws(ProtocolViolation) {
        let upload = try upload(record)
        guard upload.length > 0 else { return finish(record, Status.success) }
        guard isDeviceMemory(upload.destination) else {
            return finish(record, Status.invalidValue)
        }
        guard let call = driver.cuMemcpyHtoD_v2 else { return finish(record, Status.notFound) }
        let status = call(upload.destination, upload.data, upload.length)
        answers.forwardPrintedText()
        finish(record, status)
    }

    /// `cuMemcpyHtoDAsync`: by way of staging memory, because the receiver's buffer is used again.
    func copyToDeviceLater(_ record: Record) throws(ProtocolViolation) {
        let upload = try upload(record)
        guard let stream = handles.streams.find(upload.stream) else {
            return finish(record, Status.invalidHandle)
        }
        guard upload.length > 0, let data = upload.data else {
            return finish(record, Status.success)
        }
        guard isDeviceMemory(upload.destination) else {
            return finish(record, Status.invalidValue)
        }
        guard let call = driver.cuMemcpyHtoDAsync_v2 else {
            return finish(record, Status.notFound)
        }
        stage(record, data, upload.length, upload.stream, stream) { memory in
            call(upload.destination, memory, upload.length, stream)
        }
    }

    /// Copies data that came with a record to staging memory, and from there, in the stream's order,
    /// where `copy` says.
    @inline(__always)
    func stage(
        _ record: Record,
        _ data: UnsafeRawPointer,
        _ length: Int,
        _ handle: UInt64,
        _ stream: CUstream?,
        _ copy: (UnsafeMutableRawPointer) -> CUresult
    ) {
        guard let mark = driver.cuEventRecord else { return finish(record, Status.notFound) }
        var status = Status.invalidContext
        guard let pool = staging(of: record),
            let slot = takeSlot(pool, length, handle, &status)
        else { return finish(record, status) }
        memcpy(slot.pointee.data, data, length)
        status = copy(slot.pointee.data)
        if status == Status.success {
            status = mark(slot.pointee.event, stream)
            pool.releaseLater(slot, behind: stream)
        } else {
            pool.release(slot)
        }
        finish(record, status)
    }

    /// `cuMemcpyDtoH`: aside, because it waits for the GPU.
    func copyToHost(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: DeviceToHostLayout.size)
        let source = record.load(DeviceToHostLayout.source, as: UInt64.self)
        let length = record.load(DeviceToHostLayout.length, as: UInt64.self)
        guard length > 0 else { return finish(record, Status.success) }
        guard isDeviceMemory(source), length <= 1 << 48 else {
            return finish(record, Status.invalidValue)
        }
        wait(record, .copy(source: source, length: length, stream: nil))
    }

    /// `cuMemcpyDtoHAsync`: in its place in the stream, to staging memory; `Deliveries` sends it.
    func copyToHostLater(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: DeviceToHostLayout.size)
        let source = record.load(DeviceToHostLayout.source, as: UInt64.self)
        let length = record.load(DeviceToHostLayout.length, as: UInt64.self)
        let streamHandle = record.load(DeviceToHostLayout.stream, as: UInt64.self)
        guard let stream = handles.streams.find(streamHandle) else {
            return refuse(record, Status.invalidHandle)
        }
        guard length > 0 else { return refuse(record, Status.success) }
        guard isDeviceMemory(source), length <= 1 << 48 else {
            return refuse(record, Status.invalidValue)
        }
        if record.wantsReply {
            // To pageable memory: the client waits, so the copy does so too, aside.
            wait(
                record,
                .copy(source: source, length: length, stream: UInt(bitPattern: stream))
            )
            return
        }
        let call = driver.cuMemcpyDtoHAsync_v2
        let status = startCopies(record, length, streamHandle, stream) { offset, most in
            Int(min(length - offset, UInt64(most)))
        } copy: { memory, offset, size in
            call?(memory, source &+ offset, size, stream) ?? Status.notFound
        }
        finishCopies(record, status, stream)
    }

    /// Tells the client of a copy that could not be started.
    @inline(__always)
    func finishCopies(_ record: Record, _ status: CUresult, _ stream: CUstream?) {
        if status != Status.success {
            let context = contexts[record.context]?.context
            deliveries.fail(record, status, context: context, stream: stream)
        }
        finish(record, status)
    }

    /// Starts a copy a piece.
    ///
    /// - Parameters:
    ///   - handle: The stream's, as it is on the wire.
    ///   - sizeAt: Bytes of the piece that begins at an offset and has at most so many.
    ///   - copy: Has the driver copy it.
    @inline(__always)
    func startCopies(
        _ record: Record,
        _ length: UInt64,
        _ handle: UInt64,
        _ stream: CUstream?,
        sizeAt: (_ offset: UInt64, _ most: Int) -> Int,
        copy: (_ memory: UnsafeMutableRawPointer, _ offset: UInt64, _ size: Int) -> CUresult
    ) -> CUresult {
        let context = contexts[record.context]?.context
        var offset: UInt64 = 0
        while offset < length {
            var status = Status.success
            let start = offset
            let taken = takePlace(record, handle, &status) { sizeAt(start, $0) }
            guard var place = taken else { return status }
            let size = place.length
            status = copy(place.memory.data, offset, size)
            if status == Status.success { status = mark(&place, record, stream) }
            guard status == Status.success else {
                place.memory.release()
                return status
            }
            place.offset = offset
            offset += UInt64(size)
            place.isLast = offset == length
            deliveries.append(record, place, context: context, stream: stream)
        }
        return Status.success
    }

    /// Memory for a piece of a copy to the host: what channels carry lies in one of their slots if there
    /// is one, and in staging memory otherwise, of which it takes what the client has counted.
    ///
    /// - Parameter sizeAt: Bytes of a piece that has at most so many.
    @inline(__always)
    private func takePlace(
        _ record: Record,
        _ handle: UInt64,
        _ status: inout CUresult,
        sizeAt: (_ most: Int) -> Int
    ) -> Deliveries.Piece? {
        if record.isOverChannels, let index = bulk.slots.takeNow() {
            bulk.slots.lockPages(index, identifier: record.context)
            let memory = PieceMemory.slot(index, bulk.slots)
            let size = sizeAt(BulkFrame.usual)
            return Deliveries.Piece(memory: memory, offset: 0, length: size, isLast: false)
        }
        guard let pool = staging(of: record) else {
            status = Status.invalidContext
            return nil
        }
        let size = sizeAt(WireFormat.maxData)
        guard let slot = takeSlot(pool, size, handle, &status) else { return nil }
        let memory = PieceMemory.staging(slot, pool)
        return Deliveries.Piece(memory: memory, offset: 0, length: size, isLast: false)
    }

    /// Records the event of a piece behind its copy.
    private func mark(
        _ piece: inout Deliveries.Piece,
        _ record: Record,
        _ stream: CUstream?
    ) -> CUresult {
        switch piece.memory {
        case .staging(let slot, _):
            piece.event = slot.pointee.event
            return driver.cuEventRecord?(piece.event, stream) ?? Status.notFound
        case .slot(let index, let slots):
            let context = contexts[record.context]?.context
            return slots.mark(index, stream, record.context, context, &piece.event)
        }
    }

    func staging(of record: Record) -> StagingPool? {
        guard let entry = contexts[record.context] else { return nil }
        if let pool = entry.staging { return pool }
        let pool = StagingPool(driver: driver, use: stagingUse)
        contexts[record.context]?.staging = pool
        return pool
    }

    private func takeSlot(
        _ pool: StagingPool,
        _ size: Int,
        _ handle: UInt64,
        _ status: inout CUresult
    ) -> UnsafeMutablePointer<StagingSlot>? {
        pool.take(size, group: Staging.group(of: handle), status: &status) {
            deliveries.finishOldest()
        }
    }

    /// `stagingRoom`: replies when other copies have ended.
    func awaitStagingRoom(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: StagingRoomLayout.size)
        guard record.wantsReply else { throw .malformed(.stagingRoom) }
        guard let pool = staging(of: record) else { return finish(record, Status.invalidContext) }
        let stream = record.load(StagingRoomLayout.stream, as: UInt64.self)
        let room = UnsafeMutablePointer<StagingRoom>.allocate(capacity: 1)
        let wanted = StagingRoom(
            pool: pool,
            group: Staging.group(of: stream),
            mostInGroup: record.load(StagingRoomLayout.group, as: UInt64.self),
            mostShared: record.load(StagingRoomLayout.shared, as: UInt64.self)
        )
        room.initialize(to: wanted)
        wait(record, .room(UInt(bitPattern: room)))
    }
}
