package import CUDAABI
internal import Driver
internal import DriverFrontend

// Memory of graphs: nodes that take it and give it back, and how much there is.
extension SoftCalls {
    package static func cuGraphAddMemAllocNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        addToGraph(node, graph, dependencies, count, nil) { (driver, graph) throws(Failure) in
            try driver.memoryAllocation(NodeParameters(parameters), of: graph)
        }
    }

    package static func cuGraphAddMemFreeNode(
        _ node: UnsafeMutablePointer<CUgraphNode?>?,
        _ graph: CUgraph?,
        _ dependencies: UnsafePointer<CUgraphNode?>?,
        _ count: Int,
        _ address: CUdeviceptr
    ) -> CUresult {
        addToGraph(node, graph, dependencies, count, nil) { (driver, graph) throws(Failure) in
            try driver.graphs.memoryFree(address, of: graph)
        }
    }

    package static func cuGraphMemAllocNodeGetParams(
        _ node: CUgraphNode?,
        _ parameters: OpaquePointer?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            guard case .memoryAllocation(let block) = try graphs.node(node).work else {
                throw .invalidValue
            }
            block.write(to: try NodeParameters(parameters))
        }
    }

    package static func cuGraphMemFreeNodeGetParams(
        _ node: CUgraphNode?,
        _ address: UnsafeMutablePointer<CUdeviceptr>?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            guard case .memoryFree(let found) = try graphs.node(node).work else {
                throw .invalidValue
            }
            try required(address).pointee = found
        }
    }

    package static func cuDeviceGetGraphMemAttribute(
        _ device: CUdevice,
        _ attribute: CUgraphMem_attribute,
        _ value: UnsafeMutableRawPointer?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let (device, value) = (try driver.device(device), try required(value))
            guard let attribute = GraphMemory.Attribute(rawValue: attribute) else {
                throw .invalidValue
            }
            let amount = driver.graphs.lock.withLock {
                driver.graphs.memory.amount(attribute, of: Int32(device.ordinal))
            }
            value.storeBytes(of: amount, as: UInt64.self)
        }
    }

    package static func cuDeviceSetGraphMemAttribute(
        _ device: CUdevice,
        _ attribute: CUgraphMem_attribute,
        _ value: UnsafeMutableRawPointer?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let ordinal = Int32(try driver.device(device).ordinal)
            let amount = try required(value).loadUnaligned(as: UInt64.self)
            let isDone = driver.graphs.lock.withLock {
                GraphMemory.Attribute(rawValue: attribute).map {
                    driver.graphs.memory.reset($0, to: amount, of: ordinal)
                }
            }
            guard isDone == true else { throw .invalidValue }
        }
    }

    /// Memory belongs to its graph here as long as that is there, so there is nothing to give up.
    package static func cuDeviceGraphMemTrim(_ device: CUdevice) -> CUresult {
        withDriver { (driver) throws(Failure) in _ = try driver.device(device) }
    }
}
