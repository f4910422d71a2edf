internal import CLinux
internal import CWorker
internal import Wire

/// What kernels print, and what they say when an assertion fails: a driver writes it to the
/// process's standard output and error when the host synchronises. Those are files in memory here,
/// and what is new in them goes to the client before the reply to the synchronising call.
/// Thread-safe.
final class PrintedText: @unchecked Sendable {
    /// The file, and the client's descriptor that it stands for.
    private let file: Int32
    private let descriptor: UInt32
    private let monitor = Monitor()
    private var position: off_t = 0
    private let record: UnsafeMutableRawPointer
    /// Bytes of text in one record.
    private static let piece = 65_536
    private static let prefix = WireFormat.headerSize + OutputLayout.text

    /// Text that is written to `file` and appears on `descriptor` of the client, 1 or 2.
    init(file: Int32, descriptor: UInt32) {
        self.file = file
        self.descriptor = descriptor
        record = .allocate(byteCount: Self.prefix + Self.piece, alignment: 16)
    }

    deinit { record.deallocate() }

    /// Puts a file in memory in the place of a descriptor, 1 or 2.
    static func replace(_ descriptor: Int32) -> Bool {
        let closeOnExec: UInt32 = 1
        let file = ferry_memfd("ferry-printed", closeOnExec)
        guard file >= 0, dup2(file, descriptor) == descriptor else { return false }
        close(file)
        return true
    }

    /// Sends what was printed since the last call.
    func forward(to output: OutputQueue) {
        monitor.lock()
        defer { monitor.unlock() }
        var facts = stat()
        guard fstat(file, &facts) == 0 else { return }
        let start = position
        while position < facts.st_size {
            let size = min(Self.piece, Int(facts.st_size - position))
            let count = pread(file, record + Self.prefix, size, position)
            guard count > 0 else { break }
            position += off_t(count)
            send(count, to: output)
        }
        // The pages are given back; the size stays, because the driver goes on writing at the end.
        if position > start { _ = ferry_punch_hole(file, start, position - start) }
    }

    private func send(_ count: Int, to output: OutputQueue) {
        let size = WireFormat.padded(Self.prefix + count)
        memset(record + Self.prefix + count, 0, size - Self.prefix - count)
        let header = RecordHeader(size: size, opcode: .output, flags: 0, sequence: 0, context: 0)
        header.write(to: record)
        let body = record + WireFormat.headerSize
        body.storeBytes(of: descriptor, toByteOffset: OutputLayout.descriptor, as: UInt32.self)
        body.storeBytes(of: UInt32(count), toByteOffset: OutputLayout.length, as: UInt32.self)
        output.write(UnsafeRawBufferPointer(start: record, count: size))
    }
}
