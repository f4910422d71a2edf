internal import Driver

/// What lies at an address of the unified address space.
enum Region {
    /// Memory of a GPU: an allocation, or a module's variable.
    case device(Device, base: UInt64, size: Int)
    /// Pinned host memory.
    case pinned(HostBlock)
    /// Anything else: memory of the program, or nothing.
    case other
}

extension SoftDriver {
    /// What lies at an address.
    func region(at address: UInt64) -> Region {
        for device in devices {
            guard let memory = device.memory,
                let found = memory.allocation(containing: address)
            else { continue }
            // Mapped memory need not be of the GPU in whose range its addresses were reserved.
            let owner = memory.mapping(containing: address)?.physical.memory
            let real = owner.flatMap { owner in devices.first { $0.memory === owner } } ?? device
            return .device(real, base: found.base, size: found.size)
        }
        if let block = hostMemory.block(containing: address) { return .pinned(block) }
        return .other
    }

    /// Whether an address lies where a GPU's memory is, allocated or not.
    func isInArena(_ address: UInt64) -> Bool {
        devices.contains { device in
            guard let memory = device.memory else { return false }
            return address >= memory.base && address - memory.base < memory.size
        }
    }

    /// A range that the program says is device memory: all of it must lie in one allocation, or in
    /// one piece of pinned memory.
    func deviceRange(
        _ address: UInt64,
        _ bytes: Int
    ) throws(Failure) -> UnsafeMutableRawPointer {
        guard bytes >= 0, let pointer = UnsafeMutableRawPointer(bitPattern: UInt(address)) else {
            throw .invalidValue
        }
        guard try bytes <= deviceBytes(from: address) else { throw .invalidValue }
        return pointer
    }

    /// Bytes from an address to the end of the memory that kernels can use there.
    func deviceBytes(from address: UInt64) throws(Failure) -> Int {
        switch region(at: address) {
        case .device(_, let base, let size): size - Int(address - base)
        case .pinned(let block): block.size - Int(address - block.base)
        case .other: throw .invalidValue
        }
    }
}
