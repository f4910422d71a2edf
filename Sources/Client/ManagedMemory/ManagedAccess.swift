internal import CLinux
internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Synchronization
internal import Wire

/// What the program does with managed memory without a call of CUDA: instructions that fault, and system calls
/// whose buffers are there.
enum ManagedAccess {
    typealias State = UnsafeMutablePointer<SessionState>

    /// Lets accesses between two addresses be noticed, beside those of earlier calls.
    ///
    /// - Returns: Whether they can be.
    static func catchFaults(_ low: UInt = .max, _ high: UInt = 0) -> Bool {
        ferry_catch_faults(low, high, onFault) == 0
    }

    private static let onFault: @convention(c) (UInt, Int32) -> Int32 = { address, access in
        guard let state = Session.state else { return 0 }
        return touch(state, UInt64(address), ManagedPages.Access(rawValue: access) ?? .unknown)
            ? 1 : 0
    }

    /// The program has touched a page that it must not: brings it.
    ///
    /// - Returns: Whether the access is right, and can be made again.
    private static func touch(_ state: State, _ address: UInt64, _ access: ManagedPages.Access)
        -> Bool
    {
        // Nothing in here touches the program's view.
        let thread = ferry_thread_id()
        guard state.pointee.managed.holder.load(ordering: .relaxed) != thread else { return false }
        return ManagedMemory.locked(state) { managed in
            guard let region = ManagedMemory.find(managed, address) else { return false }
            let page = Int(address - region.pointee.address) / ManagedRegion.pageSize
            switch region.pointee.pages.touch(page, access) {
            case .nothing: return true
            case .refuse: return false
            case .allowWrites(let span): return show(&managed, region, span, isWritten: true)
            case .fetch(let span):
                fetch(state, region, span, ManagedMemory.carrier(state, &managed, region))
                return show(&managed, region, span, isWritten: access == .write)
            }
        }
    }

    /// Lets the program have pages whose contents are here.
    @discardableResult
    private static func show(
        _ managed: inout ManagedState,
        _ region: UnsafeMutablePointer<ManagedRegion>,
        _ span: ManagedPages.Span,
        isWritten: Bool
    ) -> Bool {
        region.pointee.pages.show(span, isWritten: isWritten)
        managed.isHeld.store(true, ordering: .releasing)
        let access = isWritten ? PROT_READ | PROT_WRITE : PROT_READ
        if region.pointee.protect(span, access) { return true }
        Log.error("managed memory: the system refuses to show a page (vm.max_map_count?)")
        return false
    }

    /// Gets pages from the GPU. After an error, which calls return from now on, they stay as they were here.
    private static func fetch(
        _ state: State,
        _ region: UnsafeMutablePointer<ManagedRegion>,
        _ span: ManagedPages.Span,
        _ carrier: ManagedMemory.Carrier
    ) {
        // Behind everything that a copy in the default stream waits for; but that would wait for this very thread if
        // it runs a function for a stream, and there must be none while streams are captured.
        let isInStream = ferry_called_back() != 0 || state.pointee.captures.isAny
        let stream = isInStream ? carrier.stream : nil
        let context = carrier.context
        region.pointee.forEachPart(span) { address, memory in
            let status = ClientCalls.fetch(state, context, from: address, to: memory, stream)
            if status != Status.success {
                Log.error("managed memory: its contents could not be fetched")
            }
        }
    }

    // MARK: - Buffers of system calls

    /// What the program's buffers are replaced with; constant.
    nonisolated(unsafe) private static var lender = ferry_lender(
        lend: { address, size, isInput in
            guard let state = Session.state, size <= UInt(Int.max) else { return address }
            let lent = lend(state, UInt64(address), Int(size), isInput: isInput != 0)
            return lent.map { UInt(bitPattern: $0) } ?? address
        },
        filled: { address, count in
            guard let state = Session.state else { return }
            filled(state, UInt64(address), Int(count))
        }
    )

    /// Lets system calls with buffers between two addresses be noticed.
    static func catchCalls(_ low: UInt, _ high: UInt) {
        guard withUnsafePointer(to: &lender, { ferry_catch_calls(low, high, $0) }) != 0 else {
            return
        }
        Log.error(
            "managed memory: the system does not let its system calls be noticed; they may fail with EFAULT"
        )
    }

    /// Where the kernel finds the bytes of a buffer, or puts them.
    ///
    /// - Returns: `nil` when the buffer is not in one piece of managed memory, or some of it is nobody's.
    private static func lend(
        _ state: State,
        _ address: UInt64,
        _ size: Int,
        isInput: Bool
    ) -> UnsafeMutableRawPointer? {
        ManagedMemory.locked(state) { managed in
            guard let region = ManagedMemory.find(managed, address),
                let span = region.pointee.pages(of: address, size),
                region.pointee.pages.areOwned(span)
            else { return nil }
            if isInput {
                // What is filled to its end needs nothing of what it was.
                let last = span.first + span.count - 1
                bring(state, &managed, region, ManagedPages.Span(first: span.first, count: 1))
                bring(state, &managed, region, ManagedPages.Span(first: last, count: 1))
            } else {
                bring(state, &managed, region, span)
            }
            return region.pointee.view(of: address)
        }
    }

    private static func bring(
        _ state: State,
        _ managed: inout ManagedState,
        _ region: UnsafeMutablePointer<ManagedRegion>,
        _ span: ManagedPages.Span
    ) {
        var absent: [ManagedPages.Span] = []
        region.pointee.pages.forEachAbsent(in: span) { absent.append($0) }
        for span in absent {
            fetch(state, region, span, ManagedMemory.carrier(state, &managed, region))
            show(&managed, region, span, isWritten: false)
        }
    }

    /// The kernel has put bytes into a buffer that it was lent.
    private static func filled(_ state: State, _ address: UInt64, _ count: Int) {
        ManagedMemory.locked(state) { managed in
            guard let region = ManagedMemory.find(managed, address),
                let span = region.pointee.pages(of: address, count)
            else { return }
            // The rest of the last page, if the GPU has it: the bytes at its beginning are newer.
            let last = ManagedPages.Span(first: span.first + span.count - 1, count: 1)
            let start = region.pointee.address + UInt64(last.first * ManagedRegion.pageSize)
            let newer = Int(address + UInt64(count) - max(start, address))
            let offset = max(start, address)
            withUnsafeTemporaryAllocation(byteCount: newer, alignment: 16) { kept in
                guard let memory = kept.baseAddress else { return }
                memcpy(memory, region.pointee.view(of: offset), newer)
                bring(state, &managed, region, last)
                memcpy(region.pointee.view(of: offset), memory, newer)
            }
            show(&managed, region, span, isWritten: true)
        }
    }
}
