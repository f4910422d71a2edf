package import CUDAABI
internal import Driver

// Executable graphs changed in place: launches from then on are others, those that were given
// before are not.
extension SoftCalls {
    package static func cuGraphExecKernelNodeSetParams(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        replace(exec, node) { (driver) throws(Failure) in
            .kernel(try driver.kernelWork(NodeParameters(parameters), hasKernel: false))
        }
    }

    package static func cuGraphExecKernelNodeSetParams_v2(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        replace(exec, node) { (driver) throws(Failure) in
            .kernel(try driver.kernelWork(NodeParameters(parameters), hasKernel: true))
        }
    }

    package static func cuGraphExecMemcpyNodeSetParams(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ copy: OpaquePointer?,
        _ context: CUcontext?
    ) -> CUresult {
        replace(exec, node) { (driver) throws(Failure) in
            .memcpy(try driver.copyWork(NodeParameters(copy), context))
        }
    }

    package static func cuGraphExecMemsetNodeSetParams(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ fill: OpaquePointer?,
        _ context: CUcontext?
    ) -> CUresult {
        replace(exec, node) { (driver) throws(Failure) in
            .memset(try driver.fillWork(NodeParameters(fill), context))
        }
    }

    package static func cuGraphExecHostNodeSetParams(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        replace(exec, node) { (driver) throws(Failure) in
            .host(try driver.hostWork(NodeParameters(parameters)))
        }
    }

    package static func cuGraphExecEventRecordNodeSetEvent(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ event: CUevent?
    ) -> CUresult {
        replace(exec, node) { (driver) throws(Failure) in
            .eventRecord(try driver.nodeEvent(event))
        }
    }

    package static func cuGraphExecEventWaitNodeSetEvent(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ event: CUevent?
    ) -> CUresult {
        replace(exec, node) { (driver) throws(Failure) in
            .eventWait(try driver.nodeEvent(event))
        }
    }

    package static func cuGraphExecChildGraphNodeSetParams(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ child: CUgraph?
    ) -> CUresult {
        change(exec, node) { (driver, place) throws(Failure) in
            let new = try driver.graphs.graph(child)
            guard case .graph = place.work, let old = place.children.first else {
                throw .invalidValue
            }
            do throws(GraphUpdate.Refusal) {
                place.children = [try GraphUpdate.apply(new, to: old)]
            } catch {
                throw .updateFailed
            }
        }
    }

    package static func cuGraphExecNodeSetParams(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        guard let fields = try? NodeParameters(parameters) else { return Status.invalidValue }
        if fields.load(0, as: Int32.self) == 4 {
            return cuGraphExecChildGraphNodeSetParams(exec, node, fields.content.pointer(0))
        }
        return replace(exec, node) { (driver) throws(Failure) in try driver.work(fields) }
    }

    package static func cuGraphNodeSetEnabled(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ isEnabled: UInt32
    ) -> CUresult {
        change(exec, node) { (_, place) throws(Failure) in
            guard place.work.canBeDisabled else { throw .invalidValue }
            place.isEnabled = isEnabled != 0
        }
    }

    package static func cuGraphNodeGetEnabled(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ isEnabled: UnsafeMutablePointer<UInt32>?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            let isEnabled = try required(isEnabled)
            let place = try graphs.exec(exec).graph.node(graphs.node(node).handle)
            guard place.work.canBeDisabled else { throw .invalidValue }
            isEnabled.pointee = place.isEnabled ? 1 : 0
        }
    }

    // MARK: - Whole graphs

    package static func cuGraphExecUpdate(
        _ exec: CUgraphExec?,
        _ graph: CUgraph?,
        _ errorNode: UnsafeMutablePointer<CUgraphNode?>?,
        _ result: UnsafeMutablePointer<CUgraphExecUpdateResult>?
    ) -> CUresult {
        update(exec, graph) {
            result?.pointee = $0.result
            errorNode?.pointee = handle($0.node ?? 0)
        }
    }

    /// `CUgraphExecUpdateResultInfo`: result, node, node that it should wait for.
    package static func cuGraphExecUpdate_v2(
        _ exec: CUgraphExec?,
        _ graph: CUgraph?,
        _ info: OpaquePointer?
    ) -> CUresult {
        guard let fields = try? NodeParameters(info) else { return Status.invalidValue }
        return update(exec, graph) {
            fields.set(0, UInt32(bitPattern: $0.result))
            fields.set(8, $0.node ?? 0)
            fields.set(16, $0.from ?? 0)
        }
    }

    private static func update(
        _ exec: CUgraphExec?,
        _ graph: CUgraph?,
        _ tell: (GraphUpdate.Refusal) -> Void
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            tell(GraphUpdate.Refusal(result: GraphUpdate.Refusal.invalid))
            let (exec, graph) = (try graphs.exec(exec), try graphs.graph(graph))
            guard graph.captures == 0 else { throw .invalidValue }
            do throws(GraphUpdate.Refusal) {
                exec.graph = try GraphUpdate.apply(graph, to: exec.graph)
            } catch {
                tell(error)
                throw .updateFailed
            }
            tell(GraphUpdate.Refusal(result: 0))
        }
    }

    // MARK: - What they share

    private static func change(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ body: (SoftDriver, inout ExecGraph.Node) throws(Failure) -> Void
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try driver.withGraphs { (graphs) throws(Failure) in
                let (exec, node) = (try graphs.exec(exec), try graphs.node(node))
                try exec.graph.change(node.handle) { (place) throws(Failure) in
                    try body(driver, &place)
                }
            }
        }
    }

    /// Gives a node other work of its kind.
    private static func replace(
        _ exec: CUgraphExec?,
        _ node: CUgraphNode?,
        _ work: (SoftDriver) throws(Failure) -> NodeWork
    ) -> CUresult {
        change(exec, node) { (driver, place) throws(Failure) in
            let new = try work(driver).keepingAttributes(of: place.work)
            // Copies of more dimensions keep what they were made with.
            guard new.type == place.work.type, new.isLinear, place.work.isLinear,
                GraphUpdate.refusal(of: new, for: place.work) == nil
            else {
                driver.graphs.discard(new)
                throw .invalidValue
            }
            place.work = new
        }
    }
}

extension NodeWork {
    /// Whether a copy has one dimension; true of all else.
    fileprivate var isLinear: Bool {
        if case .memcpy(let work) = self { return work.copy.isLinear }
        return true
    }
}
