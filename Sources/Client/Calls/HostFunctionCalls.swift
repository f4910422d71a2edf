internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Functions of the program that streams call.

extension ClientCalls {
    /// `cuLaunchHostFunc`
    package static func cuLaunchHostFunc(
        _ stream: CUstream?,
        _ function: CUhostFn?,
        _ data: UnsafeMutableRawPointer?
    ) -> CUresult {
        guard let function else { return invalidFunction() }
        return give(.cuLaunchHostFunc, .launched(function), data, stream)
    }

    /// `cuLaunchHostFunc_v2`: how the driver's thread waits for its next function is a hint, and no other here.
    package static func cuLaunchHostFunc_v2(
        _ stream: CUstream?,
        _ function: CUhostFn?,
        _ data: UnsafeMutableRawPointer?,
        _ manner: UInt32
    ) -> CUresult {
        let isSpinning: UInt32 = 1
        guard manner <= isSpinning else { return invalidFunction() }
        return cuLaunchHostFunc(stream, function, data)
    }

    /// `cuStreamAddCallback`
    package static func cuStreamAddCallback(
        _ stream: CUstream?,
        _ callback: CUstreamCallback?,
        _ data: UnsafeMutableRawPointer?,
        _ flags: UInt32
    ) -> CUresult {
        guard let callback, flags == 0 else { return invalidFunction() }
        return give(.cuStreamAddCallback, .added(callback, stream), data, stream)
    }

    private static func invalidFunction() -> CUresult {
        withContext { _, _ in Status.invalidValue }
    }

    /// Gives a function to a stream, when there are not too many already.
    private static func give(
        _ opcode: Opcode,
        _ kind: HostFunctionEntry.Kind,
        _ data: UnsafeMutableRawPointer?,
        _ stream: CUstream?
    ) -> CUresult {
        guard let handle = Handles.stream(stream) else { return invalidHandle() }
        return withContext(of: .stream(handle)) { state, context in
            guard HostFunctions.isOpen(state) else {
                let lost = state.pointee.lostStatus
                return lost != Status.success ? lost : Status.notSupported
            }
            if _slowPath(state.pointee.captures.isAny) {
                if case .launched(let function) = kind,
                    let status = captureHostFunction(state, handle, function, data)
                {
                    return status
                }
                let refused = Capturing.forbid(state, handle)
                guard refused == Status.success else { return refused }
            }
            if state.pointee.hostFunctions.count >= HostFunctionLayout.most {
                HostFunctions.wait(state) {
                    state.pointee.hostFunctions.count >= HostFunctionLayout.most
                }
            }
            let entry = HostFunctionEntry(
                kind: kind,
                data: data,
                context: ContextStack.current,
                stream: handle,
                place: 0
            )
            return write(state, opcode, context, entry)
        }
    }

    private static func write(
        _ state: UnsafeMutablePointer<SessionState>,
        _ opcode: Opcode,
        _ context: UInt32,
        _ entry: HostFunctionEntry
    ) -> CUresult {
        var entry = entry
        state.pointee.streamLock.lock()
        let size = HostFunctionLayout.size
        let body = CommandStream.begin(state, opcode, flags: 0, context: context, size: size)
        entry.sequence = state.pointee.sequence &+ 1
        // A record that is not committed was never there.
        guard let number = state.pointee.hostFunctions.insert(entry) else {
            state.pointee.streamLock.unlock()
            return Status.outOfMemory
        }
        body.storeBytes(of: entry.stream, as: UInt64.self)
        body.storeBytes(of: number, toByteOffset: HostFunctionLayout.number, as: UInt64.self)
        CommandStream.commit(state, size: size)
        state.pointee.streamLock.unlock()
        Flusher.request(state)
        return state.pointee.lostStatus
    }
}
