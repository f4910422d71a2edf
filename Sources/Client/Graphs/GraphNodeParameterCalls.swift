internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// What nodes do, changed in their graphs or in executable ones, and asked for.

extension ClientCalls {
    private typealias State = UnsafeMutablePointer<SessionState>

    // MARK: - In graphs

    /// `cuGraphKernelNodeSetParams`
    package static func cuGraphKernelNodeSetParams(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        set(.cuGraphKernelNodeSetParams_v2, 0, node) {
            .kernel($0, parameters, hasKernel: false, &$1)
        }
    }

    /// `cuGraphKernelNodeSetParams_v2`
    package static func cuGraphKernelNodeSetParams_v2(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        set(.cuGraphKernelNodeSetParams_v2, 0, node) {
            .kernel($0, parameters, hasKernel: true, &$1)
        }
    }

    /// `cuGraphMemcpyNodeSetParams`
    package static func cuGraphMemcpyNodeSetParams(
        _ node: CUgraphNode?,
        _ copy: OpaquePointer?
    ) -> CUresult {
        set(.cuGraphMemcpyNodeSetParams, 0, node) { .copy($0, copy, nil, &$1) }
    }

    /// `cuGraphMemsetNodeSetParams`
    package static func cuGraphMemsetNodeSetParams(
        _ node: CUgraphNode?,
        _ fill: OpaquePointer?
    ) -> CUresult {
        set(.cuGraphMemsetNodeSetParams, 0, node) { .fill($0, fill, nil, &$1) }
    }

    /// `cuGraphNodeSetParams`
    package static func cuGraphNodeSetParams(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        guard let parameters else { return withGraphs { _, _ in Status.invalidValue } }
        let content = AnyNode(parameters)
        switch content.type {
        case 0: return cuGraphKernelNodeSetParams_v2(node, content.union(0))
        case 1: return cuGraphMemcpyNodeSetParams(node, content.union(16))
        case 2: return cuGraphMemsetNodeSetParams(node, content.union(0))
        case 3: return cuGraphHostNodeSetParams(node, content.union(0))
        case 6: return cuGraphEventWaitNodeSetEvent(node, content.pointer(0))
        case 7: return cuGraphEventRecordNodeSetEvent(node, content.pointer(0))
        default: return notSupported("changing a node of this type")
        }
    }

    /// `cuGraphNodeSetParams_v2`
    package static func cuGraphNodeSetParams_v2(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        cuGraphNodeSetParams(node, parameters)
    }

    // MARK: - In executable graphs

    /// `cuGraphExecKernelNodeSetParams`
    package static func cuGraphExecKernelNodeSetParams(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        set(.cuGraphExecKernelNodeSetParams_v2, Handles.graphExec(exec), node) {
            .kernel($0, parameters, hasKernel: false, &$1)
        }
    }

    /// `cuGraphExecKernelNodeSetParams_v2`
    package static func cuGraphExecKernelNodeSetParams_v2(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        set(.cuGraphExecKernelNodeSetParams_v2, Handles.graphExec(exec), node) {
            .kernel($0, parameters, hasKernel: true, &$1)
        }
    }

    /// `cuGraphExecMemcpyNodeSetParams`
    package static func cuGraphExecMemcpyNodeSetParams(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ copy: OpaquePointer?,
        _ context: CUcontext?
    ) -> CUresult {
        set(.cuGraphExecMemcpyNodeSetParams, Handles.graphExec(exec), node) {
            .copy($0, copy, context, &$1)
        }
    }

    /// `cuGraphExecMemsetNodeSetParams`
    package static func cuGraphExecMemsetNodeSetParams(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ fill: OpaquePointer?,
        _ context: CUcontext?
    ) -> CUresult {
        set(.cuGraphExecMemsetNodeSetParams, Handles.graphExec(exec), node) {
            .fill($0, fill, context, &$1)
        }
    }

    /// `cuGraphExecChildGraphNodeSetParams`
    package static func cuGraphExecChildGraphNodeSetParams(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ child: CUgraph?
    ) -> CUresult {
        withGraphs { state, context in
            guard let exec = Handles.graphExec(exec), let node = Handles.graphNode(node),
                let child = Handles.graph(child)
            else { return Status.invalidValue }
            let copies = state.pointee.graphExecs.find(exec)?.pointee.copies
            guard copies?.isEmpty != false, !HostCopies.has(state, child) else {
                return HostCopies.refuseChange()
            }
            let parts = state.pointee.graphExecs.find(exec)?.pointee.parts
            guard parts == nil, !HostNodes.has(state, child) else { return HostNodes.refuse() }
            let size = Request_cuGraphExecChildGraphNodeSetParams.size
            let opcode = Opcode.cuGraphExecChildGraphNodeSetParams
            return Session.send(state, opcode, context: context, size: size) {
                Request_cuGraphExecChildGraphNodeSetParams.encode(
                    to: $0,
                    graphExec: exec,
                    node: node,
                    childGraph: child
                )
            }
        }
    }

    /// `cuGraphExecNodeSetParams`
    package static func cuGraphExecNodeSetParams(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        guard let parameters else { return withGraphs { _, _ in Status.invalidValue } }
        let content = AnyNode(parameters)
        switch content.type {
        case 0: return cuGraphExecKernelNodeSetParams_v2(exec, node, content.union(0))
        case 1:
            return cuGraphExecMemcpyNodeSetParams(
                exec,
                node,
                content.union(16),
                content.pointer(8)
            )
        case 2:
            return cuGraphExecMemsetNodeSetParams(exec, node, content.union(0), content.pointer(40))
        case 3: return cuGraphExecHostNodeSetParams(exec, node, content.union(0))
        case 4: return cuGraphExecChildGraphNodeSetParams(exec, node, content.pointer(0))
        case 6: return cuGraphExecEventWaitNodeSetEvent(exec, node, content.pointer(0))
        case 7: return cuGraphExecEventRecordNodeSetEvent(exec, node, content.pointer(0))
        default: return notSupported("changing a node of this type")
        }
    }

    /// - Parameter owner: The executable graph, 0 for the graph that the node is in, `nil` for what is neither.
    private static func set(
        _ opcode: Opcode,
        _ owner: UInt64?,
        _ node: CUgraphNode?,
        _ read: (State, inout CUresult) -> NodeContent?
    ) -> CUresult {
        withGraphs { state, context in
            guard let owner, let handle = Handles.graphNode(node) else {
                return Status.invalidValue
            }
            var status = Status.invalidValue
            guard let content = read(state, &status) else { return status }
            let isCopy =
                opcode == .cuGraphMemcpyNodeSetParams || opcode == .cuGraphExecMemcpyNodeSetParams
            if isCopy, content.host != nil || HostCopies.mayBeOne(state, handle, in: owner) {
                return HostCopies.refuseChange()
            }
            let isWhole = write(state, opcode, context, owner, handle, content)
            return isWhole ? Status.success : Status.invalidValue
        }
    }

    // MARK: - Attributes

    /// `cuGraphKernelNodeSetAttribute`
    package static func cuGraphKernelNodeSetAttribute(
        _ node: CUgraphNode?,
        _ attribute: CUkernelNodeAttrID,
        _ value: OpaquePointer?
    ) -> CUresult {
        withGraphs { state, context in
            guard let node = Handles.graphNode(node), let value else { return Status.invalidValue }
            guard isCarried(attribute) else { return notSupported("an attribute of a kernel node") }
            let size = GraphLayout.attribute + LaunchLayout.attributeSize
            return Session.send(state, .cuGraphKernelNodeSetAttribute, context: context, size: size)
            {
                $0.storeBytes(of: node, as: UInt64.self)
                let place = $0 + GraphLayout.attribute
                place.storeBytes(of: UInt64(UInt32(bitPattern: attribute)), as: UInt64.self)
                memcpy(place + 8, UnsafeRawPointer(value), 64)
            }
        }
    }

    /// `cuGraphKernelNodeGetAttribute`
    package static func cuGraphKernelNodeGetAttribute(
        _ node: CUgraphNode?,
        _ attribute: CUkernelNodeAttrID,
        _ value: OpaquePointer?
    ) -> CUresult {
        withGraphs { state, context in
            guard let node = Handles.graphNode(node), let value else { return Status.invalidValue }
            guard isCarried(attribute) else { return notSupported("an attribute of a kernel node") }
            return Session.wait(
                state,
                .cuGraphKernelNodeGetAttribute,
                context: context,
                size: 16,
                replySize: ReplyLayout.values + 64
            ) {
                $0.storeBytes(of: node, as: UInt64.self)
                let number = UInt64(UInt32(bitPattern: attribute))
                $0.storeBytes(of: number, toByteOffset: GraphLayout.attribute, as: UInt64.self)
            } reply: {
                guard let base = $0.baseAddress else { return }
                memcpy(UnsafeMutableRawPointer(value), base + ReplyLayout.values, 64)
            }
        }
    }

    // MARK: - Questions

    /// `cuGraphKernelNodeGetParams`
    package static func cuGraphKernelNodeGetParams(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        kernelParameters(node, parameters, hasKernel: false)
    }

    /// `cuGraphKernelNodeGetParams_v2`
    package static func cuGraphKernelNodeGetParams_v2(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        kernelParameters(node, parameters, hasKernel: true)
    }

    private static func kernelParameters(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?,
        hasKernel: Bool
    ) -> CUresult {
        withGraphs { state, context in
            guard let handle = Handles.graphNode(node), let parameters else {
                return Status.invalidValue
            }
            var isTold = false
            let status = Session.wait(
                state,
                .cuGraphKernelNodeGetParams_v2,
                context: context,
                size: 8,
                replySize: GraphLayout.launch + LaunchLayout.parameters
            ) {
                $0.storeBytes(of: handle, as: UInt64.self)
            } reply: {
                isTold = tell(state, handle, $0, UnsafeMutableRawPointer(parameters), hasKernel)
            }
            return status == Status.success && !isTold ? Status.notSupported : status
        }
    }

    /// Fills a structure of the program; the parameters go into memory of the client's own.
    private static func tell(
        _ state: State,
        _ node: UInt64,
        _ reply: UnsafeRawBufferPointer,
        _ fields: UnsafeMutableRawPointer,
        _ hasKernel: Bool
    ) -> Bool {
        guard let base = reply.baseAddress else { return false }
        let launch = base + GraphLayout.launch
        let identifier = launch.loadUnaligned(as: UInt32.self)
        var found: (handle: UInt64, entry: UnsafeMutablePointer<FunctionEntry>)?
        state.pointee.objectLock.withLock {
            state.pointee.functions.forEach { handle, entry in
                if entry.pointee.identifier == identifier { found = (handle, entry) }
            }
        }
        guard let found else { return false }
        let layout = found.entry.pointee.parameters
        let blob = launch + LaunchLayout.parameters
        guard reply.count - GraphLayout.launch - LaunchLayout.parameters >= layout.bytes else {
            return false
        }
        let graph = base.loadUnaligned(fromByteOffset: ReplyLayout.values, as: UInt64.self)
        let list = keep(state, node, graph, blob, layout)
        let isLibrary =
            state.pointee.images.find(found.entry.pointee.image)?.pointee.isLibrary == true
        let isKernel = hasKernel && isLibrary
        fields.storeBytes(of: isKernel ? 0 : found.handle, as: UInt64.self)
        memcpy(fields + 8, launch + LaunchLayout.grid, 28)
        fields.storeBytes(of: list, toByteOffset: 40, as: UnsafeMutableRawPointer?.self)
        fields.storeBytes(of: 0, toByteOffset: 48, as: UInt64.self)
        guard hasKernel else { return true }
        fields.storeBytes(of: isKernel ? found.handle : 0, toByteOffset: 56, as: UInt64.self)
        fields.storeBytes(of: ContextStack.current, toByteOffset: 64, as: UInt64.self)
        return true
    }

    /// A pointer to each parameter, and behind these what they point to.
    private static func keep(
        _ state: State,
        _ node: UInt64,
        _ graph: UInt64,
        _ blob: UnsafeRawPointer,
        _ layout: ParameterLayout
    ) -> UnsafeMutableRawPointer {
        // Aligned as the parameters are in the kernel.
        let start = (8 * layout.count + 15) / 16 * 16
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: start + max(8, layout.bytes),
            alignment: 16
        )
        memcpy(memory + start, blob, layout.bytes)
        for index in 0..<layout.count {
            let place = memory + start + Int(layout[index].offset)
            memory.storeBytes(
                of: place,
                toByteOffset: 8 * index,
                as: UnsafeMutableRawPointer.self
            )
        }
        state.pointee.nodeMemory.insert(memory, node: node, graph: graph)
        return memory
    }

    /// `cuGraphMemsetNodeGetParams`
    package static func cuGraphMemsetNodeGetParams(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        withGraphs { state, context in
            guard let handle = Handles.graphNode(node), let parameters else {
                return Status.invalidValue
            }
            return Session.wait(
                state,
                .cuGraphMemsetNodeGetParams,
                context: context,
                size: 8,
                replySize: ReplyLayout.values + GraphLayout.fillSize
            ) {
                $0.storeBytes(of: handle, as: UInt64.self)
            } reply: {
                guard let base = $0.baseAddress else { return }
                let fields = UnsafeMutableRawPointer(parameters)
                memcpy(fields, base + ReplyLayout.values, GraphLayout.fillSize)
            }
        }
    }
}
