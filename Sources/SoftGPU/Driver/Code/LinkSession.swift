internal import CLinux
internal import Driver
internal import SoftDevice

/// What `cuLinkCreate` makes: PTX that is collected and put together. Safe to use from any thread.
final class LinkSession: @unchecked Sendable {
    let context: Context
    let options: JITOptions
    private let lock = Lock()
    private var texts: [[UInt8]] = []
    private var output: UnsafeMutableRawPointer?

    init(context: Context, options: JITOptions) {
        self.context = context
        self.options = options
    }

    deinit { output?.deallocate() }

    private var gpu: DeviceDescription { context.device.description }

    /// Adds an input.
    ///
    /// - Parameters:
    ///   - kind: A `CUjitInputType`: 0 cubin, 1 PTX, 2 fatbin, 3 object, 4 library, 5 NVVM.
    ///   - name: For messages.
    func add(
        _ bytes: UnsafeRawBufferPointer,
        kind: Int32,
        name: String
    ) throws(CodeFailure) {
        let added: [[UInt8]]
        switch kind {
        case 1:
            // The size counts; a NUL ends the text earlier.
            let text = Array(bytes.prefix { $0 != 0 })
            try PTXHeader(text).check(gpu.capability)
            added = [text]
        case 0, 2: added = try CodeSource(bytes: bytes, for: gpu).texts
        case 3, 4:
            added = try CodeSource(objects: bytes, for: gpu).texts
            // A library may hold what nobody uses, or what is built in; an object is wanted.
            guard kind == 4 || !added.isEmpty else {
                throw CodeFailure(
                    Status.noBinaryForGPU,
                    "\(name): the object has no PTX, only code for NVIDIA's GPUs"
                )
            }
        default:
            throw CodeFailure(Status.notSupported, "\(name): NVVM bitcode is not supported")
        }
        // Errors belong to the input that has them, so it is parsed now.
        for text in added { try check(text, name) }
        lock.withLock { texts += added }
    }

    private func check(_ text: [UInt8], _ name: String) throws(CodeFailure) {
        if let message = PTXCheck.firstError(text) {
            throw CodeFailure(Status.invalidPTX, "\(name): \(message)")
        }
    }

    /// Puts the inputs together: a fatbin whose entries are the texts, each marked as a part of
    /// the whole. It lives as long as this object.
    func complete() throws(CodeFailure) -> UnsafeRawBufferPointer {
        let texts = lock.withLock { self.texts }
        guard !texts.isEmpty else {
            throw CodeFailure(Status.invalidValue, "there is nothing to link")
        }
        try checkSymbols(texts)
        let bytes = LinkedImage.make(texts, maximumRegisters: options.maximumRegisters)
        let copy = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 16)
        bytes.withUnsafeBytes { source in
            if let start = source.baseAddress {
                copy.copyMemory(from: start, byteCount: source.count)
            }
        }
        lock.withLock {
            output?.deallocate()
            output = copy
        }
        return UnsafeRawBufferPointer(start: copy, count: bytes.count)
    }

    /// Links and compiles for a moment, so that what is missing is said here.
    private func checkSymbols(_ texts: [[UInt8]]) throws(CodeFailure) {
        do {
            let program = try PTXModule(sources: texts, memory: context.memory)
            defer { program.unload() }
            for kernel in program.kernels { try kernel.prepare() }
        } catch {
            throw CodeFailure(error)
        }
    }
}

/// What `cuLinkComplete` gives out.
enum LinkedImage {
    private static let headerSize = 64

    /// A fatbin with one uncompressed PTX entry for each text, flagged as linked parts.
    ///
    /// - Parameter maximumRegisters: as the linker was told. A thread has 255 at most anyway.
    static func make(_ texts: [[UInt8]], maximumRegisters: Int?) -> [UInt8] {
        let limit = UInt64(min(maximumRegisters ?? 0, 255)) << FatbinEntry.registersShift
        var entries: [UInt8] = []
        for text in texts {
            // A NUL and padding to eight bytes; readers stop at the NUL.
            let padded = (text.count + 8) & ~7
            var header = [UInt8](repeating: 0, count: headerSize)
            put(UInt16(1), &header, 0)
            put(UInt16(0x0101), &header, 2)
            put(UInt32(headerSize), &header, 4)
            put(UInt64(padded), &header, 8)
            let parsed = PTXHeader(text)
            put(UInt16(clamping: parsed.version?.minor ?? 0), &header, 24)
            put(UInt16(clamping: parsed.version?.major ?? 0), &header, 26)
            put(UInt32(clamping: parsed.target?.number ?? 0), &header, 28)
            put(FatbinEntry.linkedPart | 0x11 | limit | suffixFlag(parsed), &header, 40)
            entries += header + text + [UInt8](repeating: 0, count: padded - text.count)
        }
        var image = [UInt8](repeating: 0, count: 16)
        put(ImageLayout.fatbinMagic, &image, 0)
        put(UInt16(1), &image, 4)
        put(UInt16(16), &image, 6)
        put(UInt64(entries.count), &image, 8)
        return image + entries
    }

    private static func suffixFlag(_ header: PTXHeader) -> UInt64 {
        switch header.target?.suffix {
        case "a": 0x10_0000
        case "f": 0x20_0000
        default: 0
        }
    }

    private static func put<T: FixedWidthInteger>(
        _ value: T,
        _ bytes: inout [UInt8],
        _ offset: Int
    ) {
        for index in 0..<MemoryLayout<T>.size {
            bytes[offset + index] = UInt8(truncatingIfNeeded: value >> T(8 * index))
        }
    }
}
