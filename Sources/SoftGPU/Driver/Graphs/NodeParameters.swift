internal import CUDAABI
internal import Driver

/// A structure of cuda.h that describes a node, as a program gives it or wants it filled: fields
/// are found by their offsets, because api/cuda.api knows these types by pointer only.
struct NodeParameters {
    let base: UnsafeMutableRawPointer

    init(_ pointer: OpaquePointer?) throws(Failure) {
        base = UnsafeMutableRawPointer(try required(pointer))
    }

    private init(base: UnsafeMutableRawPointer) { self.base = base }

    func load<T>(_ offset: Int, as type: T.Type) -> T {
        base.load(fromByteOffset: offset, as: T.self)
    }
    func word(_ offset: Int) -> UInt64 { load(offset, as: UInt64.self) }
    func int(_ offset: Int) -> Int { load(offset, as: Int.self) }
    func small(_ offset: Int) -> UInt32 { load(offset, as: UInt32.self) }
    func pointer(_ offset: Int) -> OpaquePointer? { handle(word(offset)) }

    func set(_ offset: Int, _ value: UInt64) {
        base.storeBytes(of: value, toByteOffset: offset, as: UInt64.self)
    }
    func set(_ offset: Int, _ value: UInt32) {
        base.storeBytes(of: value, toByteOffset: offset, as: UInt32.self)
    }
    func set(_ offset: Int, _ value: UnsafeRawPointer?) {
        set(offset, UInt64(UInt(bitPattern: value)))
    }

    /// The part of `CUgraphNodeParams` that depends on the type.
    var content: NodeParameters { NodeParameters(base: base + 16) }

    /// Bytes of `CUgraphNodeParams`.
    static let unionSize = 256
}

// MARK: - Kernels

extension SoftDriver {
    /// Reads `CUDA_KERNEL_NODE_PARAMS_v1`, or the one with a kernel and a context behind it.
    func kernelWork(_ fields: NodeParameters, hasKernel: Bool) throws(Failure) -> KernelWork {
        var chosen = fields.pointer(0)
        if chosen == nil, hasKernel { chosen = fields.pointer(56) }
        let function = try function(required(chosen))
        let context: Context
        switch function.owner {
        case .module(let module, _): context = module.context
        case .library:
            context = try self.context(hasKernel ? fields.pointer(64) : nil)
        }
        try context.check()
        let configuration = LaunchConfiguration(
            grid: Dimensions(fields.small(8), fields.small(12), fields.small(16)),
            block: Dimensions(fields.small(20), fields.small(24), fields.small(28)),
            dynamicSharedBytes: Int(fields.small(32))
        )
        let facts = try KernelFacts(function, in: context)
        try facts.check(configuration)
        typealias List = UnsafeMutablePointer<UnsafeMutableRawPointer?>
        return KernelWork(
            function: function,
            kernel: facts.kernel,
            context: context,
            configuration: configuration,
            parameters: try LaunchParameters.copy(
                for: facts.kernel,
                parameters: fields.load(40, as: List?.self),
                extra: fields.load(48, as: List?.self)
            )
        )
    }

    /// A context by its handle, 0 for the current one.
    func context(_ handle: OpaquePointer?) throws(Failure) -> Context {
        let slot = try handle == nil ? currentSlot() : slot(number(handle))
        let context = try slot.requireLive()
        try context.check()
        return context
    }
}

extension KernelWork {
    /// The kernel is told as what it was given: a function, or a kernel where there is a place for
    /// it.
    func write(to fields: NodeParameters, hasKernel: Bool) {
        let isKernel = isKernel && hasKernel
        fields.set(0, isKernel ? 0 : function)
        for (offset, size) in [(8, configuration.grid), (20, configuration.block)] {
            fields.set(offset, size.x)
            fields.set(offset + 4, size.y)
            fields.set(offset + 8, size.z)
        }
        fields.set(32, UInt32(configuration.dynamicSharedBytes))
        fields.set(40, UnsafeRawPointer(parameters.addresses(of: kernel.parameters)))
        fields.set(48, UInt64(0))
        guard hasKernel else { return }
        fields.set(56, isKernel ? function : 0)
        fields.set(64, context.slot.handle)
    }
}

// MARK: - Copies, fills and the rest

extension SoftDriver {
    /// Reads `CUDA_MEMCPY3D`.
    func copyWork(
        _ fields: NodeParameters,
        _ context: OpaquePointer?
    ) throws(Failure) -> CopyWork {
        let work = CopyWork(
            CopyDescription(planes: UnsafeRawPointer(fields.base)),
            try self.context(context)
        )
        try work.check()
        return work
    }

    /// Reads `CUDA_MEMSET_NODE_PARAMS`.
    func fillWork(
        _ fields: NodeParameters,
        _ context: OpaquePointer?
    ) throws(Failure) -> FillWork {
        let height = fields.int(32)
        let fill = FillDescription(
            address: fields.word(0),
            value: fields.small(16),
            elementSize: Int(fields.small(20)),
            width: fields.int(24),
            height: height,
            pitch: height > 1 ? fields.int(8) : nil
        )
        let work = FillWork(fill, try self.context(context))
        try work.check()
        return work
    }

    /// Reads `CUDA_HOST_NODE_PARAMS`.
    func hostWork(_ fields: NodeParameters) throws(Failure) -> HostWork {
        HostWork(
            try required(fields.load(0, as: CUhostFn?.self)),
            fields.load(8, as: UnsafeMutableRawPointer?.self)
        )
    }

    /// An event that a node records or waits for.
    func nodeEvent(_ handle: OpaquePointer?) throws(Failure) -> Event {
        guard let event = events.object(number(handle)) else { throw .invalidValue }
        return event
    }
}

extension FillWork {
    func write(to fields: NodeParameters) {
        fields.set(0, fill.address)
        fields.set(8, UInt64(fill.pitch ?? 0))
        fields.set(16, fill.value)
        fields.set(20, UInt32(fill.elementSize))
        fields.set(24, UInt64(fill.width))
        fields.set(32, UInt64(fill.height))
    }
}

extension HostWork {
    func write(to fields: NodeParameters) {
        fields.set(0, UInt64(UInt(bitPattern: unsafeBitCast(function, to: Int.self))))
        fields.set(8, UInt64(data))
    }
}

// MARK: - Any node

extension SoftDriver {
    /// Reads `CUgraphNodeParams` of a node that is to be part of a graph. The lock of the graphs is held.
    func work(_ fields: NodeParameters, of graph: Graph) throws(Failure) -> NodeWork {
        switch fields.load(0, as: Int32.self) {
        // CU_GRAPH_CHILD_GRAPH_OWNERSHIP_MOVE
        case 4 where fields.content.small(8) == 1:
            .graph(try graphs.move(graphs.graph(fields.content.pointer(0)), into: graph))
        case 10: try memoryAllocation(fields.content, of: graph)
        case 11: try graphs.memoryFree(fields.content.word(0), of: graph)
        case 13: try conditionalWork(fields.content, of: graph)
        default: try work(fields)
        }
    }

    /// Reads `CUgraphNodeParams`. The lock of the graphs is held.
    func work(_ fields: NodeParameters) throws(Failure) -> NodeWork {
        let content = fields.content
        switch fields.load(0, as: Int32.self) {
        case 0: return .kernel(try kernelWork(content, hasKernel: true))
        case 1:
            guard content.word(0) == 0 else { throw .invalidValue }
            let copy = NodeParameters(content, at: 16)
            return .memcpy(try copyWork(copy, content.pointer(8)))
        case 2: return .memset(try fillWork(content, content.pointer(40)))
        case 3: return .host(try hostWork(content))
        case 4:
            let child = try graphs.graph(content.pointer(0))
            guard content.small(8) == 0, !child.isMoved else { throw .invalidValue }
            return .graph(try graphs.clone(child, isOwned: true))
        case 5: return .empty
        case 6: return .eventWait(try nodeEvent(content.pointer(0)))
        case 7: return .eventRecord(try nodeEvent(content.pointer(0)))
        case 8...15: throw .notSupported
        default: throw .invalidValue
        }
    }
}

extension NodeParameters {
    fileprivate init(_ outer: NodeParameters, at offset: Int) { base = outer.base + offset }

    /// Writes `CUgraphNodeParams`.
    func write(_ work: NodeWork) {
        UnsafeMutableRawBufferPointer(start: base, count: Self.unionSize)
            .initializeMemory(as: UInt8.self, repeating: 0)
        set(0, UInt32(bitPattern: work.type))
        switch work {
        case .kernel(let work): work.write(to: content, hasKernel: true)
        case .memcpy(let work):
            content.set(8, work.context.slot.handle)
            work.copy.write(planes: content.base + 16)
        case .memset(let work):
            work.write(to: content)
            content.set(40, work.context.slot.handle)
        case .host(let work): work.write(to: content)
        case .graph(let graph): content.set(0, graph.handle)
        case .empty: break
        case .eventWait(let event), .eventRecord(let event): content.set(0, event.handle)
        case .memoryAllocation(let block): block.write(to: content)
        case .memoryFree(let address): content.set(0, address)
        case .conditional(let node): node.write(to: content)
        }
    }
}
