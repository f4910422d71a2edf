import CUDAABI

extension FakeDriver {
    /// Launches a kernel: its number is the pointer's.
    func launch(
        _ function: CUfunction?,
        _ stream: CUstream?,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> Int32 {
        if sticky != 0 { return sticky }
        guard let queue = self.stream(stream) else { return 400 }
        let index = Int(UInt(bitPattern: function) & 0xFF)
        guard UInt(bitPattern: function) >> 8 == 0xF00, index < Self.kernels.count else {
            return 400
        }
        var values: [[UInt8]] = []
        for (number, size) in Self.kernels[index].parameters.enumerated() {
            guard let pointer = parameters?[number] else { return 1 }
            values.append(Array(UnsafeRawBufferPointer(start: pointer, count: size)))
        }
        self.parameters = values
        switch Self.kernels[index].name {
        case "store":
            let address = values[0].withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
            queue.enqueue { [self] in
                if store(values[1], at: address) != 0 { sticky = 700 }
            }
        case "block": queue.enqueue { queue.isBlocked = true }
        case "print":
            let number = values[0].withUnsafeBytes { $0.loadUnaligned(as: Int32.self) }
            queue.enqueue { [self] in unprinted += "kernel \(number)\n" }
        case "fault": queue.enqueue { [self] in sticky = 719 }
        default: break
        }
        return 0
    }

    /// The pointer of a kernel.
    static func kernel(_ index: Int) -> OpaquePointer? {
        OpaquePointer(bitPattern: 0xF00 << 8 | UInt(index))
    }

    /// Offset and size of a parameter.
    static func parameter(_ function: OpaquePointer?, _ index: Int) -> (Int, Int)? {
        let sizes = kernels[Int(UInt(bitPattern: function) & 0xFF)].parameters
        guard index < sizes.count else { return nil }
        var offset = 0
        for size in sizes[..<index] { offset = (offset + size - 1) / size * size + size }
        return ((offset + sizes[index] - 1) / sizes[index] * sizes[index], sizes[index])
    }
}

/// Names of the kernels as C strings, for the life of the process.
nonisolated(unsafe) let kernelNames: [UnsafePointer<CChar>] = FakeDriver.kernels.map { kernel in
    let name = UnsafeMutablePointer<CChar>.allocate(capacity: kernel.name.utf8.count + 1)
    for (index, byte) in kernel.name.utf8.enumerated() { name[index] = CChar(byte) }
    name[kernel.name.utf8.count] = 0
    return UnsafePointer(name)
}
