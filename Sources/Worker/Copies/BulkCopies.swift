internal import CUDAABI
internal import Driver
internal import Wire

// Copies whose bytes travel on the bulk channels. The reader never waits for any of them.
extension Executor {
    /// `upload`: from a slot that a channel has filled, in the stream's order.
    func copyFromSlot(_ record: Record) throws(ProtocolViolation) {
        guard let (slot, length) = claimSlot(record) else { throw .malformed(.upload) }
        let status = startUpload(record, slot, length)
        if status != Status.success { bulk.slots.release(slot) }
        finish(record, status)
    }

    /// The slot that an `upload` names, and the bytes in it, which are the record's from now on.
    ///
    /// - Returns: `nil` when the record is malformed, or the slot does not hold what it says.
    private func claimSlot(_ record: Record) -> (slot: Int, length: Int)? {
        guard record.body.count == UploadLayout.size else { return nil }
        let length = record.load(UploadLayout.length, as: UInt64.self)
        let slot = Int(record.load(UploadLayout.slot, as: UInt32.self))
        guard (1...UInt64(BulkFrame.most)).contains(length), bulk.slots.claim(slot, Int(length))
        else {
            return nil
        }
        return (slot, Int(length))
    }

    private func startUpload(_ record: Record, _ slot: Int, _ length: Int) -> CUresult {
        let destination = record.load(UploadLayout.destination, as: UInt64.self)
        let handle = record.load(UploadLayout.stream, as: UInt64.self)
        guard let stream = handles.streams.find(handle) else { return Status.invalidHandle }
        guard isDeviceMemory(destination) else { return Status.invalidValue }
        guard let copy = driver.cuMemcpyHtoDAsync_v2 else { return Status.notFound }
        bulk.slots.lockPages(slot, identifier: record.context)
        let status = copy(destination, bulk.slots.data(slot), length, stream)
        guard status == Status.success else { return status }
        let context = contexts[record.context]?.context
        let marked = bulk.slots.release(
            slot,
            behind: stream,
            identifier: record.context,
            context: context
        )
        // Nothing tells when the GPU is done with the slot but waiting for it.
        if marked != Status.success { _ = driver.cuStreamSynchronize?(stream) }
        return marked
    }

    /// `download`: the channels fetch and carry it, and the last one replies.
    func download(_ record: Record) throws(ProtocolViolation) {
        guard startDownload(record, Status.success) else { throw .malformed(.download) }
    }

    /// Answers a copy whose context cannot be entered.
    func refuseBulk(_ record: Record, _ status: CUresult) {
        if record.opcode == .download {
            // The channels end it, and reply.
            if !startDownload(record, status) { finish(record, status) }
            return
        }
        if let (slot, _) = claimSlot(record) { bulk.slots.release(slot) }
        finish(record, status)
    }

    /// - Parameter failure: Why it fails, if that is known already.
    /// - Returns: `false` when the record is malformed, or one too many.
    private func startDownload(_ record: Record, _ failure: CUresult) -> Bool {
        guard record.wantsReply, record.body.count == DownloadLayout.size else { return false }
        let number = record.load(DownloadLayout.transfer, as: UInt64.self)
        let channels = record.load(DownloadLayout.channels, as: UInt32.self)
        guard number == bulk.downloads.next,
            (1...UInt32(BulkFrame.mostChannels)).contains(channels)
        else { return false }
        let length = record.load(DownloadLayout.length, as: UInt64.self)
        let source = record.load(DownloadLayout.source, as: UInt64.self)
        let isInStream = record.load(DownloadLayout.isInStream, as: UInt32.self) != 0
        let stream = handles.streams.find(record.load(DownloadLayout.stream, as: UInt64.self))
        var status = failure
        if status == Status.success {
            if isInStream, stream == nil {
                status = Status.invalidHandle
            } else if !isDeviceMemory(source) || length == 0 || length > 1 << 48 {
                status = Status.invalidValue
            } else {
                // Its channels take the first that are free, as a rule the first of all.
                bulk.slots.lockPages(0, identifier: record.context)
            }
        }
        let download = BulkDownload(
            number: number,
            ticket: Ticket(record),
            context: contexts[record.context]?.context,
            source: source,
            length: length,
            stream: isInStream ? stream.map { UInt(bitPattern: $0) } : nil,
            channels: channels,
            status: status
        )
        return bulk.downloads.begin(download, channels: channels)
    }
}
