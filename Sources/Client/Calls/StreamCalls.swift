internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Streams and events: made here, the server is told without being asked (rule 3).

extension ClientCalls {
    /// `cuStreamCreate`
    package static func cuStreamCreate(
        _ stream: UnsafeMutablePointer<CUstream?>?,
        _ flags: UInt32
    ) -> CUresult {
        cuStreamCreateWithPriority(stream, flags, 0)
    }

    /// `cuStreamCreateWithPriority`
    package static func cuStreamCreateWithPriority(
        _ stream: UnsafeMutablePointer<CUstream?>?,
        _ flags: UInt32,
        _ priority: Int32
    ) -> CUresult {
        withContext(givesWork: false) { state, context in
            guard let stream, flags <= 1 else { return Status.invalidValue }
            let clamped = min(0, max(-5, priority))
            let handle = Streams.create(
                state,
                context,
                ContextStack.current,
                flags: flags,
                priority: clamped
            )
            guard let handle else {
                return Status.outOfMemory
            }
            stream.pointee = Handles.pointer(handle)
            return Status.success
        }
    }

    /// `cuStreamDestroy_v2`
    package static func cuStreamDestroy_v2(_ stream: CUstream?) -> CUresult {
        withSession { state in
            let handle = UInt64(UInt(bitPattern: stream))
            guard let entry = state.pointee.streams.find(handle),
                let context = state.pointee.contexts.identifier(entry.pointee.context)
            else { return Status.invalidHandle }
            if state.pointee.captures.isAny { Graphs.abandonCapture(state, handle) }
            MemoryPools.giveBack(state, stream: handle)
            return Session.sendLast(
                state,
                .cuStreamDestroy_v2,
                context: context,
                handle: handle
            ) {
                state.pointee.streams.remove(handle) != nil
            }
        }
    }

    /// What is known of a stream; default streams have no entry of their own.
    static func withStream(
        _ stream: CUstream?,
        _ body: (UnsafeMutablePointer<SessionState>, StreamEntry) -> CUresult
    ) -> CUresult {
        let handle = Handles.raw(stream)
        return withContext(of: .stream(handle), givesWork: false) { state, _ in
            if handle <= 2 {
                let identifier = handle == 2 ? 2 : UInt64(1)
                let entry = StreamEntry(
                    context: ContextStack.current,
                    flags: 0,
                    priority: 0,
                    identifier: identifier
                )
                return body(state, entry)
            }
            guard let entry = state.pointee.streams.find(handle) else {
                return Status.invalidHandle
            }
            return body(state, entry.pointee)
        }
    }

    /// `cuStreamGetFlags`
    package static func cuStreamGetFlags(
        _ stream: CUstream?,
        _ flags: UnsafeMutablePointer<UInt32>?
    ) -> CUresult {
        withStream(stream) { _, entry in
            guard let flags else { return Status.invalidValue }
            flags.pointee = entry.flags
            return Status.success
        }
    }

    /// `cuStreamGetPriority`
    package static func cuStreamGetPriority(
        _ stream: CUstream?,
        _ priority: UnsafeMutablePointer<Int32>?
    ) -> CUresult {
        withStream(stream) { _, entry in
            guard let priority else { return Status.invalidValue }
            priority.pointee = entry.priority
            return Status.success
        }
    }

    /// `cuStreamGetId`
    package static func cuStreamGetId(
        _ stream: CUstream?,
        _ identifier: UnsafeMutablePointer<UInt64>?
    ) -> CUresult {
        withStream(stream) { _, entry in
            guard let identifier else { return Status.invalidValue }
            identifier.pointee = entry.identifier
            return Status.success
        }
    }

    /// `cuStreamGetCtx`
    package static func cuStreamGetCtx(
        _ stream: CUstream?,
        _ context: UnsafeMutablePointer<CUcontext?>?
    ) -> CUresult {
        withStream(stream) { _, entry in
            guard let context else { return Status.invalidValue }
            context.pointee = Handles.pointer(entry.context)
            return Status.success
        }
    }

    /// `cuStreamGetDevice`
    package static func cuStreamGetDevice(
        _ stream: CUstream?,
        _ device: UnsafeMutablePointer<CUdevice>?
    ) -> CUresult {
        withStream(stream) { state, entry in
            guard let device else { return Status.invalidValue }
            device.pointee = state.pointee.contexts.find(entry.context)?.pointee.device ?? 0
            return Status.success
        }
    }

    /// `cuStreamGetGreenCtx`: none; cuBLAS needs the success (facts/cuda-driver.md §5).
    package static func cuStreamGetGreenCtx(
        _ stream: CUstream?,
        _ context: UnsafeMutablePointer<CUgreenCtx?>?
    ) -> CUresult {
        withStream(stream) { _, _ in
            guard let context else { return Status.invalidValue }
            context.pointee = nil
            return Status.success
        }
    }

    /// `cuStreamSynchronize`
    package static func cuStreamSynchronize(_ stream: CUstream?) -> CUresult {
        guard let handle = Handles.stream(stream) else { return invalidHandle() }
        return withContext(
            of: handle,
            unlessCaptured: { state, _ in
                Capturing.refusal(Capturing.forbid(state, handle))
            }
        ) { state, context in
            MemoryPools.willWait(state)
            return Session.synchronize(state, context: context, stream: handle)
        }
    }

    /// `cuStreamQuery`
    package static func cuStreamQuery(_ stream: CUstream?) -> CUresult {
        guard let handle = Handles.stream(stream) else { return invalidHandle() }
        return withContext(
            of: handle,
            unlessCaptured: { state, _ in
                Capturing.refusal(Capturing.forbid(state, handle))
            }
        ) { state, context in
            Session.wait(state, .cuStreamQuery, context: context, size: Request_cuStreamQuery.size)
            {
                Request_cuStreamQuery.encode(to: $0, stream: handle)
            }
        }
    }

    /// `cuThreadExchangeStreamCaptureMode`
    package static func cuThreadExchangeStreamCaptureMode(
        _ mode: UnsafeMutablePointer<CUstreamCaptureMode>?
    ) -> CUresult {
        withSession { _ in
            guard let mode, mode.pointee >= 0, mode.pointee <= 2, let thread = ferry_thread()
            else { return Status.invalidValue }
            swap(&mode.pointee, &thread.pointee.capture_mode)
            return Status.success
        }
    }

    /// `cuEventCreate`
    package static func cuEventCreate(
        _ event: UnsafeMutablePointer<CUevent?>?,
        _ flags: UInt32
    ) -> CUresult {
        withContext(givesWork: false) { state, context in
            guard let event, flags <= 7 else { return Status.invalidValue }
            // Bit 2 makes an event for other processes, which has no times (bit 1).
            guard flags & 4 == 0 || flags & 2 != 0 else { return Status.invalidValue }
            let entry = EventEntry(context: ContextStack.current, flags: flags)
            let handle = state.pointee.objectLock.withLock { state.pointee.events.insert(entry) }
            guard let handle else { return Status.outOfMemory }
            event.pointee = Handles.pointer(handle)
            let size = Request_cuEventCreate.size
            return Session.send(state, .cuEventCreate, context: context, size: size) {
                Request_cuEventCreate.encode(to: $0, event: handle, flags: flags)
            }
        }
    }

    /// `cuEventDestroy_v2`
    package static func cuEventDestroy_v2(_ event: CUevent?) -> CUresult {
        withSession { state in
            let handle = UInt64(UInt(bitPattern: event))
            guard let entry = state.pointee.events.find(handle),
                let context = state.pointee.contexts.identifier(entry.pointee.context)
            else { return Status.invalidHandle }
            return Session.sendLast(
                state,
                .cuEventDestroy_v2,
                context: context,
                handle: handle
            ) {
                state.pointee.events.remove(handle) != nil
            }
        }
    }
}
