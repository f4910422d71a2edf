internal import CLinux
internal import CWorker
internal import Wire

/// What kernels print, and what they say when an assertion fails: a driver writes it to the
/// process's standard output and error when the host synchronises. Those are files in memory here,
/// and what is new in them goes to the client before the reply to the synchronising call.
///
/// Most calls find nothing, which must not cost a system call: the file is longer than what was
/// written, and mapped where the next text will begin. Thread-safe.
final class PrintedText: @unchecked Sendable {
    /// The file, and the client's descriptor that it stands for.
    private let file: Int32
    private let descriptor: UInt32
    private let monitor = Monitor()
    private var position: off_t = 0
    /// Two pages of the file, `position` in the first one; `nil` when they cannot be mapped.
    private var window: UnsafeMutableRawPointer?
    private var windowStart: off_t = -1
    /// Calls in a row that found nothing in the window.
    private var quiet = 0
    private static let page: off_t = 4096
    /// After so many calls the file itself is asked: a text could begin with NUL bytes.
    private static let mostQuiet = 64
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

    deinit {
        record.deallocate()
        if let window { munmap(window, Int(2 * Self.page)) }
    }

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
        if isQuiet() { return }
        // Where the driver writes next: it has the same open file.
        let end = lseek(file, 0, SEEK_CUR)
        let start = position
        while position < end {
            let size = min(Self.piece, Int(end - position))
            let count = pread(file, record + Self.prefix, size, position)
            guard count > 0 else { break }
            position += off_t(count)
            send(count, to: output)
        }
        // The pages are given back; the size stays, because the driver goes on writing at the end.
        if position > start { _ = ferry_punch_hole(file, start, position - start) }
        moveWindow()
    }

    private func isQuiet() -> Bool {
        guard let window, quiet < Self.mostQuiet else {
            quiet = 0
            return false
        }
        let next = window + Int(position - windowStart)
        guard next.loadUnaligned(as: UInt64.self) == 0 else { return false }
        quiet += 1
        return true
    }

    /// Maps the place where the next text begins.
    private func moveWindow() {
        let start = position / Self.page * Self.page
        let size = 2 * Self.page
        guard start != windowStart else { return }
        if let window { munmap(window, Int(size)) }
        window = nil
        windowStart = start
        var facts = stat()
        guard fstat(file, &facts) == 0,
            facts.st_size >= start + size || ftruncate(file, start + size) == 0,
            let map = mmap(nil, Int(size), PROT_READ, MAP_SHARED, file, start),
            ferry_map_failed(map) == 0
        else { return }
        window = map
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
