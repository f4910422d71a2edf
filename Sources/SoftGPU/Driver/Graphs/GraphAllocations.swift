internal import CUDAABI
internal import Driver
internal import DriverFrontend

// Memory that nodes of graphs take and give back; `GraphMemory` has the rules.

extension GraphState {
    /// A node that takes memory, which is taken now.
    func memoryAllocation(
        _ bytes: Int,
        _ context: Context,
        of graph: Graph,
        stream: UInt64 = 0
    ) throws(Failure) -> NodeWork {
        guard !graph.isOwned else { throw .notSupported }
        guard bytes != 0 else { throw .invalidValue }
        guard bytes > 0, let memory = context.device.memory else { throw .outOfMemory }
        let (device, number) = (Int32(context.device.ordinal), graph.number)
        let known = self.memory.reuse(bytes: bytes, device: device, graph: number, stream: stream)
        if known == nil {
            guard let base = memory.allocate(bytes) else { throw .outOfMemory }
            context.device.allocations.add(
                base: base,
                size: bytes,
                context: context,
                isManaged: false,
                isOfGraph: true
            )
            self.memory.insert(
                address: base,
                bytes: bytes,
                device: device,
                context: context.slot.handle,
                graph: number
            )
            return try block(base)
        }
        return try block(known ?? 0)
    }

    private func block(_ address: UInt64) throws(Failure) -> NodeWork {
        guard let block = memory.find(address) else { throw .invalidValue }
        return .memoryAllocation(block)
    }

    /// A node that gives memory back.
    func memoryFree(
        _ address: UInt64,
        of graph: Graph,
        stream: UInt64 = 0
    ) throws(Failure) -> NodeWork {
        guard !graph.isOwned else { throw .notSupported }
        guard memory.addFree(address, graph: graph.number, stream: stream) else {
            throw .invalidValue
        }
        return .memoryFree(address)
    }

    // MARK: - Captures

    /// Takes memory in a stream that is captured; `nil` if it is not.
    func captureAllocation(_ bytes: Int, in stream: Stream) throws(Failure) -> UInt64? {
        var address: UInt64?
        _ = try capture(in: stream) { (graph) throws(Failure) in
            let work = try memoryAllocation(bytes, stream.context, of: graph, stream: stream.id)
            if case .memoryAllocation(let block) = work { address = block.address }
            return work
        }
        return address
    }

    /// Gives memory back in a stream that is captured; false if it is not.
    func captureFree(_ address: UInt64, in stream: Stream) throws(Failure) -> Bool {
        try capture(in: stream) { (graph) throws(Failure) in
            try memoryFree(address, of: graph, stream: stream.id)
        }
    }

    /// Launches an executable graph in a stream that is captured; false if it is not.
    func captureLaunch(of exec: GraphExec, in stream: Stream) throws(Failure) -> Bool {
        try capture(in: stream) { (_) throws(Failure) in
            guard !memory.isUsed(byExec: exec.number) else { throw .notSupported }
            return .graph(makeGraph(exec.graph))
        }
    }

    // MARK: - Ends

    /// An executable graph is gone.
    func forgetMemory(exec: GraphExec) { oldMemory += memory.destroy(exec: exec.number) }

    fileprivate func takeOldMemory() -> [GraphMemory.Block] {
        defer { oldMemory = [] }
        return oldMemory
    }
}

extension SoftDriver {
    /// Reads `CUDA_MEM_ALLOC_NODE_PARAMS` and writes the address (pool properties, descriptions of access
    /// at 88, their number at 96, bytes at 104, address at 112). The lock of the graphs is held.
    func memoryAllocation(_ fields: NodeParameters, of graph: Graph) throws(Failure) -> NodeWork {
        // Pinned memory of a GPU that is shared with nobody.
        guard fields.small(0) == 1, fields.small(4) == 0, fields.small(8) == 1 else {
            throw fields.small(0) == 0 ? .invalidValue : .notSupported
        }
        let device = try device(Int32(bitPattern: fields.small(12)))
        let current = try currentSlot().requireLive()
        let context =
            current.device === device ? current : try device.primarySlot.requireLive()
        let work = try graphs.memoryAllocation(fields.int(104), context, of: graph)
        if case .memoryAllocation(let block) = work { fields.set(112, block.address) }
        return work
    }

    /// Gives back memory of graphs that nobody has a use for, when all that could use it is done.
    func giveBackGraphMemory() {
        for block in graphs.lock.withLock({ graphs.takeOldMemory() }) { giveBack(block) }
    }

    /// The program gives back memory of a graph.
    func freeGraphMemory(_ address: UInt64) throws(Failure) {
        switch graphs.lock.withLock({ graphs.memory.free(address) }) {
        case .unknown, .notTaken: throw .invalidValue
        case .done: break
        case .last(let block): giveBack(block)
        }
    }

    private func giveBack(_ block: GraphMemory.Block) {
        let device = devices[Int(block.device)]
        guard let allocation = device.allocations.find(block.address) else { return }
        allocation.context.synchronize()
        guard device.allocations.remove(block.address) != nil else { return }
        _ = device.memory?.free(block.address)
    }
}

extension GraphMemory.Block {
    /// Writes `CUDA_MEM_ALLOC_NODE_PARAMS`.
    func write(to fields: NodeParameters) {
        for offset in stride(from: 0, to: 120, by: 8) { fields.set(offset, UInt64(0)) }
        fields.set(0, UInt32(1))
        fields.set(8, UInt32(1))
        fields.set(12, UInt32(bitPattern: device))
        fields.set(104, UInt64(bytes))
        fields.set(112, address)
    }
}
