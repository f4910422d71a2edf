internal import CLinux
internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Synchronization
internal import Wire

/// The managed memory of the session: the same addresses for the program and the GPU, whose contents are on one
/// side at a time (docs/adr/0022). While there is any, contexts count as watched, so that hot paths go the long
/// way, where `ManagedMemory.release` is; while there is none, it costs nothing.
struct ManagedState: ~Copyable {
    fileprivate let lock = ForkSafeLock()
    /// The thread that has the lock; 0 for none.
    let holder = Atomic<Int32>(0)
    /// Whether the host has pages, for who does not have the lock.
    let isHeld = Atomic<Bool>(false)
    /// By address, without overlaps.
    fileprivate var regions: [UnsafeMutablePointer<ManagedRegion>] = []
    var chunks = ManagedChunks()
    /// Where the contents are on the host; -1 before there are any.
    fileprivate var file: Int32 = -1
    fileprivate var fileEnd = 0
    /// Streams for the copies, with their contexts' handles.
    fileprivate var streams: [(context: UInt64, stream: UInt64)] = []

    /// None yet.
    init() {}
}

/// What calls and accesses of the program do with managed memory.
enum ManagedMemory {
    typealias State = UnsafeMutablePointer<SessionState>

    // MARK: - Allocations

    /// Allocates memory of the current context's GPU that the program can use, too.
    ///
    /// - Parameters:
    ///   - bytes: At least 1.
    ///   - isExact: Whether the program may write to some pages while the GPU does to others.
    static func allocate(
        _ state: State,
        _ bytes: Int,
        isExact: Bool,
        _ address: inout CUdeviceptr
    ) -> CUresult {
        let current = ContextStack.current
        let pageCount = (bytes - 1) / ManagedRegion.pageSize + 1
        guard bytes <= 1 << 46, let entry = state.pointee.contexts.find(current) else {
            return Status.outOfMemory
        }
        let device = entry.pointee.device
        return locked(state) { managed in
            var made: ManagedChunks.Range?
            let status = managed.chunks.take(
                state,
                pageCount,
                context: current,
                device: device,
                &address,
                &made
            )
            guard status == Status.success else { return status }
            if let made {
                let pages = made.size / ManagedRegion.pageSize
                _ = add(state, &managed, made.address, pages, .chunk(context: current))
            }
            if let region = find(managed, address),
                let span = region.pointee.pages(of: address, bytes),
                region.pointee.take(span, isExact: isExact)
            {
                managed.isHeld.store(true, ordering: .releasing)
                return Status.success
            }
            if let empty = managed.chunks.give(address, pageCount) { drop(state, &managed, empty) }
            return Status.outOfMemory
        }
    }

    /// Shows the program a variable of a module that it shares with the GPU. What is known already stays.
    static func share(
        _ state: State,
        _ variable: CUdeviceptr,
        _ bytes: Int,
        _ image: UInt64
    ) -> CUresult {
        guard bytes > 0, bytes <= 1 << 46 else { return Status.outOfMemory }
        let extent = ManagedRegion.Extent(address: variable, size: bytes)
        return locked(state) { managed in
            // Its pages may hold others, which are shown already.
            var page = variable & ~UInt64(ManagedRegion.pageSize - 1)
            while page < extent.end {
                if let known = find(managed, page) {
                    include(extent, in: known)
                    page = known.pointee.end
                    continue
                }
                let next = index(managed, above: page)
                let others =
                    next < managed.regions.count ? managed.regions[next].pointee.address : .max
                let pages = Int(min(others, extent.end) - page - 1) / ManagedRegion.pageSize + 1
                let owner = ManagedRegion.Owner.variable(extent, image: image)
                guard let region = add(state, &managed, page, pages, owner) else {
                    Log.error("managed variable: its address on the GPU is in use in the program")
                    return Status.outOfMemory
                }
                // The contents came with the module.
                region.pointee.pages.take(ManagedPages.Span(first: 0, count: pages))
                region.pointee.pages.release { _ in
                } upload: { _, _ in
                }
                page = region.pointee.end
            }
            return Status.success
        }
    }

    /// One more variable on pages that are shown already.
    private static func include(
        _ extent: ManagedRegion.Extent,
        in region: UnsafeMutablePointer<ManagedRegion>
    ) {
        if region.pointee.extents.contains(where: { $0.address == extent.address }) { return }
        region.pointee.extents.append(extent)
    }

    /// Forgets an allocation. The GPU uses it no more.
    ///
    /// - Parameter bytes: As many as were asked for.
    static func free(_ state: State, _ address: CUdeviceptr, _ bytes: Int) {
        locked(state) { managed in
            guard let region = find(managed, address),
                let span = region.pointee.pages(of: address, bytes)
            else { return }
            state.pointee.hostMemory.unshare(UInt(address), bytes)
            region.pointee.give(span)
            if let empty = managed.chunks.give(address, span.count) { drop(state, &managed, empty) }
        }
    }

    /// Forgets what belongs to a context that is gone. Called without the object lock.
    static func removeAll(_ state: State, context: UInt64) {
        guard isAny(state) else { return }
        locked(state) { managed in
            for chunk in managed.chunks.giveAll(context: context) { drop(state, &managed, chunk) }
            managed.streams.removeAll { $0.context == context }
        }
    }

    /// Forgets the variables of modules that are not loaded any more. Called without the object lock.
    static func removeVariables(_ state: State) {
        guard isAny(state) else { return }
        locked(state) { managed in
            for index in managed.regions.indices.reversed() {
                let image = managed.regions[index].pointee.image
                guard image != 0, state.pointee.images.find(image) == nil else { continue }
                remove(state, &managed, at: index)
            }
        }
    }

    /// Forgets a chunk.
    private static func drop(
        _ state: State,
        _ managed: inout ManagedState,
        _ chunk: ManagedChunks.Range
    ) {
        let index = index(managed, above: chunk.address) - 1
        if index >= 0, managed.regions[index].pointee.address == chunk.address {
            remove(state, &managed, at: index)
        } else {
            // It was never shown.
            munmap(UnsafeMutableRawPointer(bitPattern: UInt(chunk.address)), chunk.size)
        }
        state.pointee.hostMemory.unshare(UInt(chunk.address), chunk.size)
        ManagedChunks.unmake(state, chunk)
        if chunk.isAdopted { PageLockedArea.giveEmpty(state, chunk.address, chunk.size) }
    }

    private static func remove(_ state: State, _ managed: inout ManagedState, at index: Int) {
        let region = managed.regions.remove(at: index)
        region.pointee.unmap()
        region.deinitialize(count: 1)
        region.deallocate()
        if managed.regions.isEmpty { watch(state, false) }
    }

    // MARK: - The GPU's turn

    /// Gives the GPU what the program has written, and notices every access from now on: whatever call is made
    /// next may let the GPU use the memory.
    @inline(__always)
    static func release(_ state: State) {
        guard state.pointee.managed.isHeld.load(ordering: .acquiring) else { return }
        releaseAll(state)
    }

    @inline(never)
    private static func releaseAll(_ state: State) {
        locked(state) { managed in
            var sent: [Carrier] = []
            for region in managed.regions where region.pointee.pages.isHeld {
                let carrier = carrier(state, &managed, region)
                guard release(state, region, carrier) else { continue }
                if !sent.contains(where: { $0.stream == carrier.stream }) { sent.append(carrier) }
            }
            // Calls in any stream must find the bytes.
            for carrier in sent {
                _ = Session.synchronize(state, context: carrier.context, stream: carrier.stream)
            }
            managed.isHeld.store(false, ordering: .releasing)
        }
        // Others may have taken SIGSEGV since.
        _ = ManagedAccess.catchFaults()
    }

    /// - Returns: Whether something was sent.
    private static func release(
        _ state: State,
        _ region: UnsafeMutablePointer<ManagedRegion>,
        _ carrier: Carrier
    ) -> Bool {
        var isSent = false
        region.pointee.pages.release { span in
            // The program's view cannot change any more; Ferry's is what is sent.
            _ = region.pointee.protect(span, PROT_NONE)
        } upload: { span, isFresh in
            guard isFresh else { return send(state, region, span, carrier, &isSent) }
            region.pointee.forEachWritten(span) { send(state, region, $0, carrier, &isSent) }
        }
        return isSent
    }

    private static func send(
        _ state: State,
        _ region: UnsafeMutablePointer<ManagedRegion>,
        _ span: ManagedPages.Span,
        _ carrier: Carrier,
        _ isSent: inout Bool
    ) {
        isSent = true
        region.pointee.forEachPart(span) { address, memory in
            _ = ClientCalls.uploadKnown(
                state,
                carrier.context,
                false,
                address,
                UnsafeRawBufferPointer(memory),
                carrier.stream
            )
        }
    }

    /// Whether there ever was any.
    static func isAny(_ state: State) -> Bool { state.pointee.managed.file >= 0 }

    /// Whether an address is in managed memory.
    static func contains(_ state: State, _ address: UInt) -> Bool {
        guard isAny(state) else { return false }
        return locked(state) { find($0, UInt64(address)) != nil }
    }

    // MARK: - Within

    /// Runs `body` with the lock held.
    static func locked<R>(_ state: State, _ body: (inout ManagedState) -> R) -> R {
        state.pointee.managed.lock.lock()
        state.pointee.managed.holder.store(ferry_thread_id(), ordering: .relaxed)
        let result = body(&state.pointee.managed)
        state.pointee.managed.holder.store(0, ordering: .relaxed)
        state.pointee.managed.lock.unlock()
        return result
    }

    /// - Parameter place: Where the contents are already; `nil`: there are none yet.
    static func add(
        _ state: State,
        _ managed: inout ManagedState,
        _ start: UInt64,
        _ pageCount: Int,
        _ owner: ManagedRegion.Owner,
        in place: (file: Int32, offset: Int)? = nil
    ) -> UnsafeMutablePointer<ManagedRegion>? {
        let size = pageCount * ManagedRegion.pageSize
        guard prepare(&managed, place == nil ? size : 0),
            ManagedAccess.catchFaults(UInt(start), UInt(start) + UInt(size))
        else { return nil }
        let region = ManagedRegion(
            at: start,
            pageCount: pageCount,
            file: place?.file ?? managed.file,
            offset: place?.offset ?? managed.fileEnd - size,
            owner: owner
        )
        guard let region else { return nil }
        let place = UnsafeMutablePointer<ManagedRegion>.allocate(capacity: 1)
        place.initialize(to: region)
        managed.regions.insert(place, at: index(managed, above: start))
        watch(state, true)
        return place
    }

    /// Makes the file longer.
    private static func prepare(_ managed: inout ManagedState, _ size: Int) -> Bool {
        if managed.file < 0 {
            // 1: MFD_CLOEXEC.
            managed.file = ferry_memfd("ferry-managed", 1)
            guard managed.file >= 0 else { return false }
        }
        guard ftruncate(managed.file, managed.fileEnd + size) == 0 else { return false }
        managed.fileEnd += size
        return true
    }

    private static func watch(_ state: State, _ isWatched: Bool) {
        state.pointee.objectLock.withLock {
            state.pointee.contexts.watch(isWatched, for: .managedMemory)
        }
    }

    /// A context on the wire, and a stream of it, for copies that wait for nothing else.
    struct Carrier {
        var context: UInt32
        var stream: UInt64
    }

    static func carrier(
        _ state: State,
        _ managed: inout ManagedState,
        _ region: UnsafeMutablePointer<ManagedRegion>
    ) -> Carrier {
        var handle = region.pointee.context
        if handle == 0 { handle = ContextStack.current }
        if state.pointee.contexts.usable(handle) == nil, region.pointee.context == 0 {
            // The server makes a primary context when it is first used.
            handle = state.pointee.contexts.primary(0).pointee.handle
        }
        let context = state.pointee.contexts.identifier(handle) ?? 0
        if let known = managed.streams.first(where: { $0.context == handle }) {
            return Carrier(context: context, stream: known.stream)
        }
        // 1: CU_STREAM_NON_BLOCKING. Without one, the default stream carries the copies.
        guard let stream = Streams.create(state, context, handle, flags: 1, priority: 0) else {
            return Carrier(context: context, stream: 0)
        }
        managed.streams.append((handle, stream))
        return Carrier(context: context, stream: stream)
    }

    static func find(
        _ managed: borrowing ManagedState,
        _ address: UInt64
    ) -> UnsafeMutablePointer<ManagedRegion>? {
        let index = index(managed, above: address) - 1
        guard index >= 0, address < managed.regions[index].pointee.end else { return nil }
        return managed.regions[index]
    }

    /// Index of the first region that begins above an address.
    private static func index(_ managed: borrowing ManagedState, above address: UInt64) -> Int {
        var (low, high) = (0, managed.regions.count)
        while low < high {
            let middle = (low + high) / 2
            if managed.regions[middle].pointee.address <= address {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}
