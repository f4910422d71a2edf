internal import CLinux
internal import Driver

/// What names memory or an event to other processes: the 64 bytes of `CUipcMemHandle` and
/// `CUipcEventHandle`. They say which file of which process it is, so that whoever may look into that
/// process can open it; the file's number keeps a process that came later from being taken for it.
struct SharedHandle {
    /// What a handle is of.
    enum Kind: UInt64 {
        case memory = 0x4d45_4d59_5252_4546  // "FERRYMEM"
        case event = 0x5456_4559_5252_4546  // "FERRYEVT"
    }

    static let size = 64

    var kind: Kind
    /// The process that gave it away.
    var process: Int32
    /// Its descriptor.
    var descriptor: Int32
    /// The file's number (`st_ino`).
    var file: UInt64
    /// Bytes from the file's start, and how many.
    var offset: UInt64 = 0
    var bytes: UInt64 = 0
    /// The GPU (`Identity.index`).
    var gpu: UInt64 = 0

    /// A handle of a file of this process; `nil` when it is none.
    init?(_ kind: Kind, descriptor: Int32) {
        var facts = stat()
        guard descriptor >= 0, fstat(descriptor, &facts) == 0 else { return nil }
        self.kind = kind
        self.descriptor = descriptor
        process = getpid()
        file = UInt64(facts.st_ino)
    }

    /// Reads what another process has sent.
    ///
    /// - Parameter bytes: `size` of them.
    init?(_ bytes: UnsafeRawPointer, _ kind: Kind) {
        func word(_ index: Int) -> UInt64 {
            bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)
        }
        guard word(0) == kind.rawValue, let process = Int32(exactly: word(1)), process > 0,
            let descriptor = Int32(exactly: word(2))
        else { return nil }
        self.kind = kind
        self.process = process
        self.descriptor = descriptor
        (file, offset, self.bytes, gpu) = (word(3), word(4), word(5), word(6))
    }

    /// Writes it for another process.
    ///
    /// - Parameter target: Has room for `size` bytes.
    func write(to target: UnsafeMutableRawPointer) {
        let values = [
            kind.rawValue, UInt64(process), UInt64(descriptor), file, offset, bytes, gpu, 0,
        ]
        for (index, value) in values.enumerated() {
            target.storeBytes(of: value, toByteOffset: 8 * index, as: UInt64.self)
        }
    }

    /// Opens the file.
    ///
    /// - Throws: "Invalid value" when there is no such file any more.
    func open() throws(Failure) -> Int32 {
        let opened = ferry_open(
            "/proc/\(process)/fd/\(descriptor)",
            O_RDWR | O_CLOEXEC,
            0
        )
        guard opened >= 0 else {
            Diagnostics.note(
                "what process \(process) shares cannot be opened: errno \(ferry_errno())"
            )
            throw .invalidValue
        }
        var facts = stat()
        let (end, overflow) = offset.addingReportingOverflow(bytes)
        guard fstat(opened, &facts) == 0, UInt64(facts.st_ino) == file, !overflow,
            end <= UInt64(max(0, facts.st_size))
        else {
            close(opened)
            throw .invalidValue
        }
        return opened
    }
}
