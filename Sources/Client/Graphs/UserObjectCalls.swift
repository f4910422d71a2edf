package import CUDAABI
internal import Driver
internal import DriverFrontend

// Objects of the program that graphs keep alive. The server knows nothing of them.

extension ClientCalls {
    /// `cuUserObjectCreate`
    package static func cuUserObjectCreate(
        _ object: UnsafeMutablePointer<CUuserObject?>?,
        _ data: UnsafeMutableRawPointer?,
        _ destructor: CUhostFn?,
        _ references: UInt32,
        _ flags: UInt32
    ) -> CUresult {
        withSession { state in
            // 1: nobody can wait for the destructor.
            guard let object, let destructor, flags == 1, let count = count(references) else {
                return Status.invalidValue
            }
            let entry = UserObjectEntry(destructor: destructor, data: data, references: count)
            let made = state.pointee.objectLock.withLock { state.pointee.userObjects.insert(entry) }
            guard let made else { return Status.outOfMemory }
            object.pointee = Handles.pointer(made)
            return Status.success
        }
    }

    /// `cuUserObjectRetain`
    package static func cuUserObjectRetain(
        _ object: CUuserObject?,
        _ references: UInt32
    ) -> CUresult {
        withObject(object, references) { _, entry, count in
            entry.pointee.references += count
            return Status.success
        }
    }

    /// `cuUserObjectRelease`
    package static func cuUserObjectRelease(
        _ object: CUuserObject?,
        _ references: UInt32
    ) -> CUresult {
        var last: UserObjectEntry?
        let status = withObject(object, references) { state, entry, count in
            guard count <= entry.pointee.references else { return Status.invalidValue }
            last = UserObjects.release(state, Handles.raw(object), count)
            return Status.success
        }
        if let last { UserObjects.destroy([last]) }
        return status
    }

    /// `cuGraphRetainUserObject`
    package static func cuGraphRetainUserObject(
        _ graph: CUgraph?,
        _ object: CUuserObject?,
        _ references: UInt32,
        _ flags: UInt32
    ) -> CUresult {
        withObject(object, references) { state, entry, count in
            // 1: the references are the caller's, and go over to the graph.
            guard let owner = state.pointee.graphs.find(Handles.raw(graph)), flags <= 1 else {
                return Status.invalidValue
            }
            if flags == 0 { entry.pointee.references += count }
            owner.pointee.objects.add(Handles.raw(object), count)
            return Status.success
        }
    }

    /// `cuGraphReleaseUserObject`
    package static func cuGraphReleaseUserObject(
        _ graph: CUgraph?,
        _ object: CUuserObject?,
        _ references: UInt32
    ) -> CUresult {
        var last: UserObjectEntry?
        let status = withObject(object, references) { state, _, count in
            let handle = Handles.raw(object)
            guard let owner = state.pointee.graphs.find(Handles.raw(graph)),
                owner.pointee.objects.remove(handle, count)
            else { return Status.invalidValue }
            last = UserObjects.release(state, handle, count)
            return Status.success
        }
        if let last { UserObjects.destroy([last]) }
        return status
    }

    /// Runs `body` with the object lock held.
    private static func withObject(
        _ object: CUuserObject?,
        _ references: UInt32,
        _ body: (
            UnsafeMutablePointer<SessionState>, UnsafeMutablePointer<UserObjectEntry>, Int
        ) -> CUresult
    ) -> CUresult {
        withSession { state in
            guard let count = count(references) else { return Status.invalidValue }
            return state.pointee.objectLock.withLock {
                guard let entry = state.pointee.userObjects.find(Handles.raw(object)) else {
                    return Status.invalidValue
                }
                return body(state, entry, count)
            }
        }
    }

    /// A number of references.
    private static func count(_ number: UInt32) -> Int? {
        (1...UInt32(Int32.max)).contains(number) ? Int(number) : nil
    }
}
