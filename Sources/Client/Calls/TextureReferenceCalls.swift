internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Texture and surface references: variables of a module that the older calls bind. The server's
// driver keeps what they are set to; only the arrays have names of their own here. The calls are
// about the driver's memory alone, so each waits for its answer.

extension ClientCalls {
    /// `cuModuleGetTexRef`
    package static func cuModuleGetTexRef(
        _ reference: UnsafeMutablePointer<CUtexref?>?,
        _ module: CUmodule?,
        _ name: UnsafePointer<CChar>?
    ) -> CUresult {
        find(.cuModuleGetTexRef, reference, module, name)
    }

    /// `cuModuleGetSurfRef`
    package static func cuModuleGetSurfRef(
        _ reference: UnsafeMutablePointer<CUsurfref?>?,
        _ module: CUmodule?,
        _ name: UnsafePointer<CChar>?
    ) -> CUresult {
        find(.cuModuleGetSurfRef, reference, module, name)
    }

    private static func find(
        _ opcode: Opcode,
        _ reference: UnsafeMutablePointer<OpaquePointer?>?,
        _ module: CUmodule?,
        _ name: UnsafePointer<CChar>?
    ) -> CUresult {
        withContext { state, context in
            guard let reference, let name else { return Status.invalidValue }
            guard state.pointee.images.find(Handles.raw(module)) != nil else {
                return Status.invalidHandle
            }
            let length = strlen(name)
            guard length > 0, length <= GlobalLayout.maxName else { return Status.notFound }
            let isSurface = opcode == .cuModuleGetSurfRef
            if let known = known(state, Handles.raw(module), name, isSurface) {
                reference.pointee = Handles.pointer(known)
                return Status.success
            }
            guard let copy = strdup(name) else { return Status.outOfMemory }
            let entry = ReferenceEntry(
                image: Handles.raw(module),
                context: ContextStack.current,
                isSurface: isSurface,
                name: copy
            )
            let made = state.pointee.objectLock.withLock { state.pointee.references.insert(entry) }
            guard let made else { return Status.outOfMemory }
            var isMade = false
            let size = TextureReferenceLayout.name + WireFormat.padded(length)
            let status = Session.wait(state, opcode, context: context, size: size) { body in
                memset(body, 0, size)
                body.storeBytes(of: Handles.raw(module), as: UInt64.self)
                body.storeBytes(of: made, toByteOffset: 8, as: UInt64.self)
                body.storeBytes(of: UInt32(length), toByteOffset: 16, as: UInt32.self)
                memcpy(body + TextureReferenceLayout.name, name, length)
            } reply: { _ in
                isMade = true
            }
            if !isMade { state.pointee.objectLock.withLock { forget(state, reference: made) } }
            if status == Status.success { reference.pointee = Handles.pointer(made) }
            return status
        }
    }

    /// The reference that the module was asked for before in this context: there is one of each
    /// name.
    private static func known(
        _ state: UnsafeMutablePointer<SessionState>,
        _ image: UInt64,
        _ name: UnsafePointer<CChar>,
        _ isSurface: Bool
    ) -> UInt64? {
        state.pointee.objectLock.withLock {
            var found: UInt64?
            state.pointee.references.forEach { handle, entry in
                if entry.pointee.image == image, entry.pointee.isSurface == isSurface,
                    entry.pointee.context == ContextStack.current,
                    strcmp(entry.pointee.name, name) == 0
                {
                    found = handle
                }
            }
            return found
        }
    }

    /// Forgets a reference. Called with the object lock held.
    static func forget(_ state: UnsafeMutablePointer<SessionState>, reference: UInt64) {
        if let entry = state.pointee.references.remove(reference) { free(entry.name) }
    }

    /// Forgets the references of a module that is gone. Called with the object lock held.
    static func forgetReferences(
        _ state: UnsafeMutablePointer<SessionState>,
        of image: UInt64
    ) {
        state.pointee.references.forEach { handle, entry in
            if entry.pointee.image == image { forget(state, reference: handle) }
        }
    }

    // MARK: - What a reference is bound to

    /// `cuTexRefSetArray`
    package static func cuTexRefSetArray(
        _ reference: CUtexref?,
        _ array: CUarray?,
        _ flags: UInt32
    ) -> CUresult {
        bind(reference, isSurface: false, array) { reference, array in
            let size = Request_cuTexRefSetArray.size
            return Session.wait(.cuTexRefSetArray, size: size) {
                Request_cuTexRefSetArray.encode(
                    to: $0,
                    texRef: reference,
                    array: array,
                    flags: flags
                )
            }
        }
    }

    /// `cuSurfRefSetArray`
    package static func cuSurfRefSetArray(
        _ reference: CUsurfref?,
        _ array: CUarray?,
        _ flags: UInt32
    ) -> CUresult {
        bind(reference, isSurface: true, array) { reference, array in
            let size = Request_cuSurfRefSetArray.size
            return Session.wait(.cuSurfRefSetArray, size: size) {
                Request_cuSurfRefSetArray.encode(
                    to: $0,
                    surfRef: reference,
                    array: array,
                    flags: flags
                )
            }
        }
    }

    private static func bind(
        _ reference: OpaquePointer?,
        isSurface: Bool,
        _ array: CUarray?,
        _ send: (UInt64, UInt64) -> CUresult
    ) -> CUresult {
        withReference(reference, isSurface: isSurface) { state, _, handle in
            guard let array = Handles.array(array) else { return Status.invalidHandle }
            let status = send(handle, array)
            if status == Status.success { remember(state, handle, array: array) }
            return status
        }
    }

    /// Notes which array a reference is bound to; 0: none.
    static func remember(
        _ state: UnsafeMutablePointer<SessionState>,
        _ reference: UInt64,
        array: UInt64
    ) {
        state.pointee.objectLock.withLock {
            state.pointee.references.find(reference)?.pointee.array = array
        }
    }

    /// The session and the reference in the form of the wire, if there is such a one.
    static func withReference(
        _ reference: OpaquePointer?,
        isSurface: Bool = false,
        _ body: (UnsafeMutablePointer<SessionState>, UInt32, UInt64) -> CUresult
    ) -> CUresult {
        withContext { state, context in
            guard let handle = Handles.reference(reference, isSurface: isSurface) else {
                return Status.invalidHandle
            }
            return body(state, context, handle)
        }
    }

    /// `cuTexRefGetArray`
    package static func cuTexRefGetArray(
        _ array: UnsafeMutablePointer<CUarray?>?,
        _ reference: CUtexref?
    ) -> CUresult {
        boundArray(reference, isSurface: false, array)
    }

    /// `cuSurfRefGetArray`
    package static func cuSurfRefGetArray(
        _ array: UnsafeMutablePointer<CUarray?>?,
        _ reference: CUsurfref?
    ) -> CUresult {
        boundArray(reference, isSurface: true, array)
    }

    private static func boundArray(
        _ reference: OpaquePointer?,
        isSurface: Bool,
        _ array: UnsafeMutablePointer<CUarray?>?
    ) -> CUresult {
        withReference(reference, isSurface: isSurface) { state, _, handle in
            guard let entry = state.pointee.references.find(handle), entry.pointee.array != 0,
                let array
            else { return Status.invalidValue }
            array.pointee = Handles.pointer(entry.pointee.array)
            return Status.success
        }
    }
}
