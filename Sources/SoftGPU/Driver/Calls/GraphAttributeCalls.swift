package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuGraphKernelNodeGetAttribute(
        _ node: CUgraphNode?,
        _ attribute: CUkernelNodeAttrID,
        _ value: OpaquePointer?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            guard case .kernel(let work) = try graphs.node(node).work else { throw .invalidValue }
            let value = UnsafeMutableRawPointer(try required(value))
            try work.attributes.read(attribute, into: value)
        }
    }

    package static func cuGraphKernelNodeSetAttribute(
        _ node: CUgraphNode?,
        _ attribute: CUkernelNodeAttrID,
        _ value: OpaquePointer?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            let node = try graphs.node(node)
            guard case .kernel(var work) = node.work else { throw .invalidValue }
            var attributes = work.attributes
            try attributes.set(attribute, UnsafeRawPointer(required(value)))
            try work.set(attributes)
            node.work = .kernel(work)
        }
    }

    package static func cuGraphKernelNodeCopyAttributes(
        _ target: CUgraphNode?,
        _ source: CUgraphNode?
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            let target = try graphs.node(target)
            guard case .kernel(let from) = try graphs.node(source).work,
                case .kernel(var work) = target.work
            else { throw .invalidValue }
            try work.set(from.attributes)
            target.work = .kernel(work)
        }
    }
}
