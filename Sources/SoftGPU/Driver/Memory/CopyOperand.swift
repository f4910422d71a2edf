internal import Driver

/// One side of a copy, checked: the bytes at `pointer` may be used.
struct CopyOperand {
    /// How the driver treats a side.
    enum Kind {
        /// Memory of a GPU.
        case device
        /// Pinned host memory, or managed memory: used when the copy's turn comes.
        case pinned
        /// Other host memory: used before the call returns.
        case pageable
    }

    let pointer: UnsafeMutableRawPointer
    let kind: Kind
}

extension SoftDriver {
    /// A side that the program says is device memory.
    func deviceOperand(_ address: UInt64, _ bytes: Int) throws(Failure) -> CopyOperand {
        let pointer = try deviceRange(address, bytes)
        return CopyOperand(pointer: pointer, kind: isForHost(address) ? .pinned : .device)
    }

    /// Whether the host can use the memory as well: pinned memory, and managed one.
    func isForHost(_ address: UInt64) -> Bool {
        switch region(at: address) {
        case .pinned: true
        case .device(let device, let base, _): device.allocations.find(base)?.isManaged == true
        case .other: false
        }
    }

    /// A side that the program says is host memory. Unified addresses may also be the GPU's.
    func hostOperand(
        _ address: UnsafeRawPointer?,
        _ bytes: Int
    ) throws(Failure) -> CopyOperand {
        guard let address else { throw .invalidValue }
        return try unifiedOperand(UInt64(UInt(bitPattern: address)), bytes)
    }

    /// A side of which only the address tells what it is.
    func unifiedOperand(_ address: UInt64, _ bytes: Int) throws(Failure) -> CopyOperand {
        guard let pointer = UnsafeMutableRawPointer(bitPattern: UInt(address)) else {
            throw .invalidValue
        }
        switch region(at: address) {
        case .device: return try deviceOperand(address, bytes)
        case .pinned(let block):
            // A range that only begins in pinned memory is the program's memory all the same.
            let isInside = UInt64(bytes) <= block.base + UInt64(block.size) - address
            return CopyOperand(pointer: pointer, kind: isInside ? .pinned : .pageable)
        case .other:
            if isInArena(address) { throw .invalidValue }
            return CopyOperand(pointer: pointer, kind: .pageable)
        }
    }
}
