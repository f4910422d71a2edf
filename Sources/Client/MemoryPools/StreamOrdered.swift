internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

/// What the calls do that take and give back memory in the order of a stream.
enum StreamOrdered {
    typealias State = UnsafeMutablePointer<SessionState>

    /// A stream and its context.
    struct Place {
        /// As on the wire.
        var stream: UInt64
        /// The context's identifier.
        var context: UInt32
        /// The context's handle.
        var contextHandle: UInt64

        /// The GPU, as the program counts.
        func device(_ state: State) -> Int32 {
            state.pointee.contexts.find(contextHandle)?.pointee.device ?? 0
        }

        /// Memory that is given back here.
        func block(_ address: UInt64, _ bytes: Int, _ pool: UInt64) -> FreedMemory.Block {
            FreedMemory.Block(
                address: address,
                bytes: bytes,
                pool: pool,
                stream: stream,
                context: context
            )
        }
    }

    /// Runs `body` with a stream; the current context is that of the default stream only.
    static func with(_ stream: CUstream?, _ body: (State, Place) -> CUresult) -> CUresult {
        ClientCalls.withSession { state in
            guard state.pointee.lostStatus == 0 else { return state.pointee.lostStatus }
            guard let stream = Handles.stream(stream) else { return Status.invalidHandle }
            let own = state.pointee.streams.find(stream)?.pointee.context
            let handle = own ?? ContextStack.current
            guard let context = state.pointee.contexts.usable(handle) else {
                return state.pointee.contexts.problem(handle)
            }
            return body(state, Place(stream: stream, context: context, contextHandle: handle))
        }
    }

    /// Takes memory of a pool.
    static func allocate(
        _ state: State,
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ bytes: Int,
        _ pool: UInt64,
        _ place: Place
    ) -> CUresult {
        guard let address, bytes != 0 else { return Status.invalidValue }
        guard bytes > 0 else { return Status.outOfMemory }
        if _slowPath(state.pointee.captures.isAny) {
            let device = state.pointee.memoryPoolHandles.find(pool)?.pointee.device ?? 0
            let status = GraphMemories.capture(state, address, bytes, device, place)
            if let status { return status }
        }
        var found = MemoryPools.take(
            state,
            bytes: bytes,
            pool: pool,
            stream: place.stream,
            context: place.context
        )
        if found == nil {
            let status = MemoryPools.retrying(state) { ask(state, bytes, pool, place, &found) }
            guard status == Status.success else { return status }
        }
        guard let found else { return Status.unknown }
        remember(state, found, bytes, pool)
        address.pointee = found
        return Status.success
    }

    private static func ask(
        _ state: State,
        _ bytes: Int,
        _ pool: UInt64,
        _ place: Place,
        _ address: inout UInt64?
    ) -> CUresult {
        var found: UInt64 = 0
        let status = Session.wait(
            state,
            .cuMemAllocFromPoolAsync,
            context: place.context,
            size: MemoryPoolLayout.allocateSize,
            replySize: ReplyLayout.values + 8
        ) { body in
            body.storeBytes(of: UInt64(bytes), as: UInt64.self)
            body.storeBytes(of: pool, toByteOffset: 8, as: UInt64.self)
            body.storeBytes(of: place.stream, toByteOffset: 16, as: UInt64.self)
        } reply: {
            found = $0.loadUnaligned(fromByteOffset: ReplyLayout.values, as: UInt64.self)
        }
        if status == Status.success {
            address = found
        } else if found != 0, state.pointee.lostStatus == 0 {
            // The program is told of the error of an earlier call without a reply.
            free(state, place.block(found, bytes, pool))
        }
        return status
    }

    /// Such memory is of no context; that it is asked about is the first of its GPU.
    private static func remember(_ state: State, _ address: UInt64, _ bytes: Int, _ pool: UInt64) {
        let device = state.pointee.memoryPoolHandles.find(pool)?.pointee.device ?? 0
        state.pointee.memory.insert(
            Allocation(
                address: address,
                size: bytes,
                context: state.pointee.contexts.primary(device).pointee.handle,
                pool: pool
            )
        )
    }

    /// Tells the server of memory that was given back.
    static func free(_ state: State, _ block: FreedMemory.Block) {
        guard state.pointee.lostStatus == 0 else { return }
        _ = Session.send(
            state,
            .cuMemFreeAsync,
            context: block.context,
            size: MemoryPoolLayout.freeSize
        ) { body in
            body.storeBytes(of: block.address, as: UInt64.self)
            body.storeBytes(of: block.stream, toByteOffset: 8, as: UInt64.self)
        }
    }

    /// Gives back memory that no pool has. It would count as given back while work that comes before could
    /// still use it, so that is waited for.
    static func freeOther(_ state: State, _ memory: Allocation, _ place: Place) -> CUresult {
        let told = Session.synchronize(state, context: place.context, stream: place.stream)
        if memory.sharing != .none {
            ManagedMemory.free(state, memory.address, memory.size)
            return told
        }
        let size = MemoryLayouts.freeSize
        let status = Session.send(state, .cuMemFree_v2, context: place.context, size: size) {
            $0.storeBytes(of: memory.address, as: UInt64.self)
        }
        return told != Status.success ? told : status
    }
}
