internal import CLinux
internal import Driver
internal import Wire

/// What the worker says to the client about the records that it executed. Thread-safe.
final class Answers: @unchecked Sendable {
    let output: OutputQueue
    private let printed: [PrintedText]
    private let deferred = DeferredError()
    /// Set once, before the first record.
    var deliveries: Deliveries?

    /// Whether all asynchronous copies that the GPU is done with are on their way to the client; for any thread, also
    /// one that may not call the driver.
    var hasNothingUnderWay: Bool { deliveries?.isEmpty ?? true }

    init(output: OutputQueue, printed: [PrintedText]) {
        self.output = output
        self.printed = printed
    }

    /// Sends the reply if the client waits for one, else keeps the error.
    ///
    /// What earlier copies brought to the host goes out first.
    func finish(
        _ ticket: Ticket,
        _ status: Int32,
        size: Int = ReplyLayout.values,
        _ values: (UnsafeMutableRawPointer) -> Void = { _ in }
    ) {
        guard ticket.wantsReply else {
            keep(status, of: ticket.opcode)
            return
        }
        deliveries?.flush()
        withUnsafeTemporaryAllocation(
            byteCount: WireFormat.headerSize + WireFormat.padded(size),
            alignment: 16
        ) { record in
            record.initializeMemory(as: UInt8.self, repeating: 0)
            guard let base = record.baseAddress else { return }
            writeReply(ticket, status, to: base, size: record.count)
            values(base + WireFormat.headerSize)
            output.write(UnsafeRawBufferPointer(record))
        }
    }

    /// Writes the header and the first values of a reply of `size` bytes in all.
    func writeReply(
        _ ticket: Ticket,
        _ status: Int32,
        to record: UnsafeMutableRawPointer,
        size: Int
    ) {
        RecordHeader(
            size: size,
            opcode: .reply,
            flags: 0,
            sequence: ticket.sequence,
            context: ticket.context
        ).write(to: record)
        let body = record + WireFormat.headerSize
        // An image that is missing is no end of the call: the client will make it again. And management
        // is asked by calls that have no place for an error of CUDA.
        let isSilent = status == ImageName.missing || ticket.opcode == .management
        let (error, opcode) = isSilent ? (0, 0) : deferred.take()
        body.storeBytes(of: status, toByteOffset: ReplyLayout.status, as: Int32.self)
        body.storeBytes(of: error, toByteOffset: ReplyLayout.deferredStatus, as: UInt16.self)
        body.storeBytes(of: opcode, toByteOffset: ReplyLayout.deferredOpcode, as: UInt16.self)
    }

    /// Sends a piece of a copy to the host.
    ///
    /// - Parameters:
    ///   - record: Room for `hostDataPrefix` bytes, then `length` bytes of data, then padding.
    func sendHostData(
        _ ticket: Ticket,
        record: UnsafeMutableRawPointer,
        offset: UInt64,
        length: Int,
        status: Int32 = 0,
        isLast: Bool
    ) {
        let size = writeHostData(
            ticket,
            record: record,
            offset: offset,
            length: length,
            status: status,
            isLast: isLast
        )
        output.write(UnsafeRawBufferPointer(start: record, count: size))
    }

    /// Bytes before the data of a `hostData` record.
    static let hostDataPrefix = WireFormat.headerSize + HostDataLayout.data

    /// Writes what goes before and after the data.
    ///
    /// - Returns: Bytes of the record.
    func writeHostData(
        _ ticket: Ticket,
        record: UnsafeMutableRawPointer,
        offset: UInt64,
        length: Int,
        status: Int32,
        isLast: Bool
    ) -> Int {
        let size = WireFormat.padded(Self.hostDataPrefix + length)
        RecordHeader(
            size: size,
            opcode: .hostData,
            flags: 0,
            sequence: ticket.sequence,
            context: ticket.context
        ).write(to: record)
        let body = record + WireFormat.headerSize
        body.storeBytes(of: offset, toByteOffset: HostDataLayout.offset, as: UInt64.self)
        body.storeBytes(of: UInt32(length), toByteOffset: HostDataLayout.length, as: UInt32.self)
        let code = UInt16(truncatingIfNeeded: status)
        body.storeBytes(of: code, toByteOffset: HostDataLayout.status, as: UInt16.self)
        body.storeBytes(of: isLast ? 1 : 0, toByteOffset: HostDataLayout.isLast, as: UInt16.self)
        for index in Self.hostDataPrefix + length..<size {
            record.storeBytes(of: 0, toByteOffset: index, as: UInt8.self)
        }
        return size
    }

    /// Sends that a copy ended with an error.
    func sendFailedCopy(_ ticket: Ticket, _ status: Int32) {
        sendEnd(of: ticket, status, carried: 0)
    }

    /// Sends that a copy has ended whose bytes do not come among the replies.
    ///
    /// - Parameter carried: Bytes that come over bulk channels.
    func sendEnd(of ticket: Ticket, _ status: Int32, carried: UInt64) {
        withUnsafeTemporaryAllocation(byteCount: Self.hostDataPrefix, alignment: 16) { record in
            guard let base = record.baseAddress else { return }
            sendHostData(
                ticket,
                record: base,
                offset: carried,
                length: 0,
                status: status,
                isLast: true
            )
        }
    }

    /// Keeps the error of a call that has no reply.
    func keep(_ status: Int32, of opcode: Opcode) {
        if status != Status.success { deferred.keep(status, of: opcode) }
    }

    /// Sends what kernels printed.
    func forwardPrintedText() {
        ferry_flush_output()
        for text in printed { text.forward(to: output) }
    }
}
