package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuUserObjectCreate(
        _ object: UnsafeMutablePointer<CUuserObject?>?,
        _ data: UnsafeMutableRawPointer?,
        _ destructor: CUhostFn?,
        _ references: UInt32,
        _ flags: UInt32
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let (object, destructor) = (try required(object), try required(destructor))
            // 1: nobody can wait for the destructor
            guard flags == 1 else { throw .invalidValue }
            let made = UserObject(
                destructor,
                data,
                references: try count(references),
                driver: driver
            )
            try driver.withGraphs { (graphs) throws(Failure) in
                made.handle = graphs.objects.insert(made)
                object.pointee = handle(made.handle)
            }
        }
    }

    package static func cuUserObjectRetain(
        _ object: CUuserObject?,
        _ references: UInt32
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            try graphs.object(object).retain(count(references))
        }
    }

    package static func cuUserObjectRelease(
        _ object: CUuserObject?,
        _ references: UInt32
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            try graphs.object(object).release(count(references))
        }
    }

    package static func cuGraphRetainUserObject(
        _ graph: CUgraph?,
        _ object: CUuserObject?,
        _ references: UInt32,
        _ flags: UInt32
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            let (graph, object) = (try graphs.graph(graph), try graphs.object(object))
            let count = try count(references)
            // 1: the references are the caller's and go over to the graph
            guard flags <= 1 else { throw .invalidValue }
            if flags == 0 { object.retain(count) }
            graph.objects.add(object, count)
        }
    }

    package static func cuGraphReleaseUserObject(
        _ graph: CUgraph?,
        _ object: CUuserObject?,
        _ references: UInt32
    ) -> CUresult {
        withGraphs { (graphs) throws(Failure) in
            let (graph, object) = (try graphs.graph(graph), try graphs.object(object))
            try graph.objects.release(object, count(references))
        }
    }

    /// A number of references.
    private static func count(_ number: UInt32) throws(Failure) -> Int {
        guard number > 0, number <= Int32.max else { throw .invalidValue }
        return Int(number)
    }
}

extension GraphState {
    fileprivate func object(_ handle: OpaquePointer?) throws(Failure) -> UserObject {
        guard let object = objects.object(number(handle)) else { throw .invalidValue }
        return object
    }
}
