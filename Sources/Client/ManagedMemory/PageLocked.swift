internal import CLinux
internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Synchronization
internal import Wire

// Page-locked memory that was not allocated for kernels, and is used by them nevertheless: with unified addresses they
// can (docs/adr/0028).

/// Page-locked memory of the program, as it is allocated.
enum PageLocked {
    typealias State = UnsafeMutablePointer<SessionState>

    /// Allocates memory that holds zeros.
    ///
    /// - Returns: `nil` when there is none.
    static func allocate(_ state: State, _ bytes: Int, flags: UInt32) -> UnsafeMutableRawPointer? {
        guard bytes <= 1 << 46 else { return nil }
        if let (address, offset) = PageLockedArea.take(state, bytes) {
            let told = state.pointee.hostMemory.own(address, bytes, flags: flags, offset: offset)
            if told == Status.success { return UnsafeMutableRawPointer(bitPattern: address) }
            PageLockedArea.give(state, UInt64(address), bytes, offset: offset)
            return nil
        }
        // Kernels cannot use it then.
        let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory, ferry_map_failed(memory) == 0 else { return nil }
        let address = UInt(bitPattern: memory)
        let told = state.pointee.hostMemory.own(address, bytes, flags: flags, offset: nil)
        if told == Status.success { return memory }
        munmap(memory, bytes)
        return nil
    }

    /// Gives memory from `allocate` back that the GPU has not got.
    static func free(_ state: State, _ pointer: UnsafeMutableRawPointer) -> CUresult {
        let address = UInt(bitPattern: pointer)
        guard let range = state.pointee.hostMemory.disown(address) else {
            return Status.invalidValue
        }
        if range.offset >= 0 {
            PageLockedArea.give(state, UInt64(address), range.size, offset: range.offset)
        } else {
            munmap(pointer, range.size)
        }
        return Status.success
    }
}

extension ManagedMemory {
    /// Whether bytes are memory of the GPU's. Page-locked memory becomes that as well.
    static func isOnGPU(_ state: State, _ address: UInt64, _ bytes: Int) -> Bool {
        if state.pointee.memory.contains(address, bytes) { return true }
        guard adopt(state, address) == Status.success else { return false }
        release(state)
        return state.pointee.memory.contains(address, bytes)
    }

    /// Whether bytes are page-locked memory of the program's that the GPU does not have.
    static func isPageLockedOnly(_ state: State, _ address: UInt64, _ bytes: Int) -> Bool {
        guard let range = state.pointee.hostMemory.find(UInt(address)) else { return false }
        return !range.isMapped && range.contains(UInt(address), bytes)
    }

    /// Gives the GPU the page-locked memory at an address: from now on it is as if it had been allocated for kernels.
    ///
    /// - Returns: A status; `nil` when there is no such memory.
    static func adopt(_ state: State, _ address: UInt64) -> CUresult? {
        guard let range = state.pointee.hostMemory.find(UInt(address)), range.isAdoptable else {
            return nil
        }
        let current = ContextStack.current
        guard let entry = state.pointee.contexts.find(current),
            let context = state.pointee.contexts.identifier(current)
        else { return Status.invalidContext }
        if range.wasCopied {
            // Ferry itself is to write what is on its way.
            let status = Capturing.settle(state, context)
            guard status == Status.success else { return status }
        }
        let device = entry.pointee.device
        let start = UInt64(range.address)
        let status = locked(state) { managed -> CUresult in
            // Another thread may have been quicker.
            if find(managed, start) != nil { return Status.success }
            let status = managed.chunks.adopt(
                state,
                start,
                range.size,
                context: current,
                device: device
            )
            guard status == Status.success else { return status }
            let pages = (range.size - 1) / ManagedRegion.pageSize + 1
            let place = (state.pointee.pageLocked.descriptor, range.offset)
            let region = add(state, &managed, start, pages, .adopted(context: current), in: place)
            guard let region else {
                if let chunk = managed.chunks.give(start, pages) {
                    ManagedChunks.unmake(state, chunk)
                }
                return Status.outOfMemory
            }
            // The program has had them all along.
            region.pointee.pages.take(ManagedPages.Span(first: 0, count: pages), isExact: true)
            managed.isHeld.store(true, ordering: .releasing)
            state.pointee.hostMemory.adopt(range.address)
            state.pointee.memory.insert(
                Allocation(address: start, size: range.size, context: current, sharing: .pageLocked)
            )
            return Status.success
        }
        return status
    }

    /// Gives the GPU the page-locked memory that parameters of a kernel name. A number that only looks like an address
    /// costs time, and a kernel that uses memory that cannot be given faults.
    static func adopt(_ state: State, in parameters: UnsafeRawBufferPointer) {
        guard state.pointee.pageLocked.hasAny, namesPageLocked(state, parameters) else { return }
        for offset in stride(from: 0, through: parameters.count - 8, by: 8) {
            let word = parameters.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if state.pointee.pageLocked.mayHave(word) { _ = adopt(state, word) }
        }
        release(state)
    }

    /// Whether parameters of a kernel, in one piece, seem to have an address of page-locked memory.
    static func namesPageLocked(_ state: State, _ parameters: UnsafeRawBufferPointer) -> Bool {
        var offset = 0
        while offset &+ 8 <= parameters.count {
            let word = parameters.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if state.pointee.pageLocked.mayHave(word) { return true }
            offset &+= 8
        }
        return false
    }
}
