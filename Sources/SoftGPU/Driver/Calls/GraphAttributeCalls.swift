package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuGraphKernelNodeGetAttribute(
        _ node: CUgraphNode?,
        _ attribute: CUkernelNodeAttrID,
        _ value: OpaquePointer?
    ) -> CUresult {
        withKernel(node) { (work) throws(Failure) in
            let value = UnsafeMutableRawPointer(try required(value))
            try work.attributes.read(attribute, into: value)
        }
    }

    package static func cuGraphKernelNodeSetAttribute(
        _ node: CUgraphNode?,
        _ attribute: CUkernelNodeAttrID,
        _ value: OpaquePointer?
    ) -> CUresult {
        withKernel(node) { (work) throws(Failure) in
            var attributes = work.attributes
            try attributes.set(attribute, UnsafeRawPointer(required(value)))
            try work.set(attributes)
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

    private static func withKernel(
        _ node: CUgraphNode?,
        _ body: (inout KernelWork) throws(Failure) -> Void
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            let node = try graphs.node(node)
            guard case .kernel(var work) = node.work else { throw .invalidValue }
            try body(&work)
            node.work = .kernel(work)
        }
    }
}
