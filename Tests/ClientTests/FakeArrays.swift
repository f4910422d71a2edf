import Wire

/// The arrays of a very small GPU, whose texels have four bytes. Used by one thread.
struct FakeArrays {
    private struct Storage {
        var extent: BoxExtent
        var bytes: [UInt8]
    }

    private var arrays: [UInt64: Storage] = [:]
    /// The value of the next texture or surface object.
    private var object: UInt64 = 500

    /// Answers a request about arrays or textures; `false` when it is about something else.
    mutating func answer(_ request: Request, _ server: FakeServer) -> Bool {
        switch request.opcode {
        case .cuArray3DCreate_v2:
            func size(_ offset: Int) -> Int { max(1, request.load(offset, as: Int.self)) }
            let extent = BoxExtent(width: size(8) * 4, height: size(16), depth: size(24))
            let bytes = [UInt8](repeating: 0xCD, count: extent.bytes)
            arrays[request.load(0, as: UInt64.self)] = Storage(extent: extent, bytes: bytes)
            server.reply(to: request)
        case .cuArrayDestroy: arrays[request.load(0, as: UInt64.self)] = nil
        case .cuMemcpy3D_v2, .cuMemcpy3DAsync_v2: copy(request, server)
        case .cuTexObjectCreate, .cuSurfObjectCreate:
            object += 1
            var values = Bytes()
            values.add(object)
            server.reply(to: request, values: values.bytes)
        default: return false
        }
        return true
    }

    private mutating func copy(_ request: Request, _ server: FakeServer) {
        func word(_ offset: Int) -> Int { request.load(offset, as: Int.self) }
        let kinds = (request.load(0, as: UInt32.self), request.load(4, as: UInt32.self))
        let side = kinds.0 == 3 ? BoxLayout.source : BoxLayout.destination
        guard let storage = arrays[UInt64(word(side))] else { return }
        let extent = BoxExtent(width: word(16), height: word(24), depth: word(32))
        var found: [UInt8] = []
        for z in 0..<extent.depth {
            for y in 0..<extent.height {
                let row = (z + word(side + 24)) * storage.extent.height + y + word(side + 16)
                let start = row * storage.extent.width + word(side + 8)
                let range = start..<start + extent.width
                if kinds.0 == 1 {
                    let data = BoxLayout.size + (z * extent.height + y) * extent.width
                    let bytes = request.body[data..<data + extent.width]
                    arrays[UInt64(word(side))]?.bytes.replaceSubrange(range, with: bytes)
                } else {
                    found += storage.bytes[range]
                }
            }
        }
        if kinds.1 == 1 {
            server.hostData(request.sequence, offset: 0, found[...], isLast: true)
        }
        if request.wantsReply { server.reply(to: request) }
    }
}
