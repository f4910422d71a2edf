import Wire

/// Answers requests like a worker with a very small GPU: memory that can be written and read back,
/// modules whose kernels were said before. Used by one thread.
final class FakeGPU: @unchecked Sendable {
    private var memory: [UInt8] = []
    private var arrays = FakeArrays()
    private static let base: UInt64 = 0x10_0000
    private var pendingImage: [UInt8] = []
    /// Images that were loaded.
    private(set) var images: [[UInt8]] = []
    /// Images that were kept, by their hash and size; `nil` on a server that keeps none.
    nonisolated(unsafe) var kept: [[UInt8]: [UInt8]]?
    private var named: [UInt8]?

    /// A kernel of every module.
    struct Kernel: Sendable {
        var name: String
        var parameters: [(offset: UInt32, size: UInt32)]
        var maxThreads: Int32 = 1024
    }

    nonisolated(unsafe) var kernels: [Kernel] = [
        Kernel(name: "kernel", parameters: [(0, 8), (8, 4)])
    ]

    func answer(_ request: Request, _ server: FakeServer) {
        switch request.opcode {
        case .cuMemAlloc_v2: allocate(request, server)
        case .cuMemcpyHtoD_v2, .cuMemcpyHtoDAsync_v2: write(request)
        case .cuMemcpyDtoH_v2, .cuMemcpyDtoHAsync_v2: read(request, server)
        case .chunk:
            pendingImage += request.body.dropFirst(16).prefix(request.load(8, as: Int.self))
        case .image: named = request.body
        case .cuModuleLoadDataEx, .cuLibraryLoadData: load(request, server)
        case .cuLinkAddData_v2:
            guard takeImage() != nil else { return server.reply(to: request, status: -1) }
            server.reply(to: request, values: [UInt8](repeating: 0, count: 16))
        case .cuMemGetInfo_v2:
            var values = Bytes()
            values.add(UInt64(1 << 30))
            values.add(UInt64(4 << 30))
            server.reply(to: request, values: values.bytes)
        case .cuMemAddressReserve:
            // Where the client wants them: nothing is there.
            var values = Bytes()
            values.add(request.load(16, as: UInt64.self))
            server.reply(to: request, values: values.bytes)
        case .cuOccupancyMaxActiveBlocksPerMultiprocessor:
            server.reply(to: request, values: [2, 0, 0, 0, 0, 0, 0, 0])
        case .cuModuleGetGlobal_v2, .cuLibraryGetGlobal:
            var values = Bytes()
            values.add(Self.base + 64)
            values.add(UInt64(4))
            values.add(UInt64(0))
            server.reply(to: request, values: values.bytes)
        default:
            if arrays.answer(request, server) { return }
            if request.wantsReply { server.reply(to: request) }
        }
    }

    private func allocate(_ request: Request, _ server: FakeServer) {
        let size = request.load(0, as: Int.self)
        var values = Bytes()
        values.add(Self.base + UInt64(memory.count))
        memory += [UInt8](repeating: 0xCC, count: (size + 255) & ~255)
        server.reply(to: request, values: values.bytes)
    }

    private func write(_ request: Request) {
        let start = Int(request.load(0, as: UInt64.self) - Self.base)
        let length = request.load(8, as: Int.self)
        memory.replaceSubrange(start..<(start + length), with: request.body[24..<(24 + length)])
    }

    /// In records of odd sizes, so that the client puts them together.
    private func read(_ request: Request, _ server: FakeServer) {
        let start = Int(request.load(0, as: UInt64.self) - Self.base)
        let length = request.load(8, as: Int.self)
        var done = 0
        while done < length {
            let count = min(length - done, 300_001)
            server.hostData(
                request.sequence,
                offset: done,
                memory[(start + done)..<(start + done + count)],
                isLast: done + count == length
            )
            done += count
        }
        if request.wantsReply { server.reply(to: request) }
    }

    private func load(_ request: Request, _ server: FakeServer) {
        guard let image = takeImage() else { return server.reply(to: request, status: -1) }
        images.append(image)
        server.reply(to: request, values: loadReply())
    }

    /// What was sent, or what was named.
    func takeImage() -> [UInt8]? {
        defer {
            named = nil
            pendingImage = []
        }
        if let named { return kept?[named] }
        kept?[Self.name(pendingImage)] = pendingImage
        return pendingImage
    }

    /// The body of the record that names an image.
    static func name(_ image: [UInt8]) -> [UInt8] {
        var body = [UInt8](repeating: 0, count: ImageName.bodySize)
        image.withUnsafeBytes { ImageName(of: $0) }.write(to: &body)
        return body
    }

    /// What follows the status in the reply to a load.
    func loadReply() -> [UInt8] {
        var values = Bytes()
        values.add(UInt32(0))
        values.add(UInt32(0))
        values.add(UInt32(kernels.count))
        values.add(UInt32(0))
        for (index, kernel) in kernels.enumerated() {
            values.add(UInt32(100 + index))
            values.add(UInt16(kernel.name.utf8.count))
            values.add(UInt16(kernel.parameters.count))
            for attribute in 0..<16 {
                // 0 threads a block, 8 dynamic shared memory.
                let value: Int32 = attribute == 0 ? kernel.maxThreads : attribute == 8 ? 49_152 : 0
                values.add(value)
            }
            for parameter in kernel.parameters {
                values.add(parameter.offset)
                values.add(parameter.size)
            }
            values.bytes += Array(kernel.name.utf8)
            values.bytes = values.padded
        }
        return values.bytes
    }
}
