internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Recording events and asking for them. An event that is known to be complete is not asked for again
// (rule 8): programs poll, and their threads look again at what was complete long ago.

extension ClientCalls {
    /// `cuEventRecord`
    package static func cuEventRecord(_ event: CUevent?, _ stream: CUstream?) -> CUresult {
        record(event, stream, .cuEventRecord, size: Request_cuEventRecord.size) {
            Request_cuEventRecord.encode(to: $0, event: $1, stream: $2)
        }
    }

    /// `cuEventRecordWithFlags`
    package static func cuEventRecordWithFlags(
        _ event: CUevent?,
        _ stream: CUstream?,
        _ flags: UInt32
    ) -> CUresult {
        guard flags <= 1 else { return withContext { _, _ in Status.invalidValue } }
        if flags == 0 { return cuEventRecord(event, stream) }
        let size = Request_cuEventRecordWithFlags.size
        return record(event, stream, .cuEventRecordWithFlags, size: size) {
            Request_cuEventRecordWithFlags.encode(to: $0, event: $1, stream: $2, flags: flags)
        }
    }

    @inline(__always)
    private static func record(
        _ event: CUevent?,
        _ stream: CUstream?,
        _ opcode: Opcode,
        size: Int,
        _ encode: (UnsafeMutableRawPointer, UInt64, UInt64) -> Void
    ) -> CUresult {
        guard let state = Session.live,
            let context = state.pointee.contexts.unwatched(ContextStack.current)
        else { return recordWatched(event, stream, opcode, size: size, encode) }
        return record(state, context, event, stream, opcode, size: size, encode)
    }

    /// The same while streams are captured.
    @inline(never)
    private static func recordWatched(
        _ event: CUevent?,
        _ stream: CUstream?,
        _ opcode: Opcode,
        size: Int,
        _ encode: (UnsafeMutableRawPointer, UInt64, UInt64) -> Void
    ) -> CUresult {
        withContext(of: .stream(Handles.raw(stream))) { state, context in
            let handle = UInt64(UInt(bitPattern: event))
            guard let entry = state.pointee.events.find(handle),
                let target = Handles.stream(stream)
            else { return Status.invalidHandle }
            switch Capturing.work(state, target) {
            case .refused(let status): return status
            case .plain: break
            case .captured(let capture):
                return Session.send(state, opcode, context: context, size: size) { body in
                    encode(body, handle, target)
                    // With flags it is a node; without, it marks a place of the capture.
                    if opcode == .cuEventRecord {
                        entry.pointee.recordInCapture(capture)
                    } else {
                        entry.pointee.belongToGraph()
                    }
                }
            }
            return record(state, context, event, stream, opcode, size: size, encode)
        }
    }

    @inline(__always)
    private static func record(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        _ event: CUevent?,
        _ stream: CUstream?,
        _ opcode: Opcode,
        size: Int,
        _ encode: (UnsafeMutableRawPointer, UInt64, UInt64) -> Void
    ) -> CUresult {
        let handle = UInt64(UInt(bitPattern: event))
        guard let entry = state.pointee.events.find(handle),
            let stream = Handles.stream(stream)
        else { return Status.invalidHandle }
        if _slowPath(entry.pointee.isShared) {
            return recordShared(state, context, opcode, event: handle, stream: stream)
        }
        return Session.send(state, opcode, context: context, size: size) { body in
            encode(body, handle, stream)
            entry.pointee.recordedAt = state.pointee.outgoing.written &+ 1
        }
    }

    /// The same for an event of several processes.
    @inline(never)
    private static func recordShared(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        _ opcode: Opcode,
        event: UInt64,
        stream: UInt64
    ) -> CUresult {
        guard opcode == .cuEventRecord else {
            let size = Request_cuEventRecordWithFlags.size
            return Session.wait(state, opcode, context: context, size: size) {
                Request_cuEventRecordWithFlags.encode(
                    to: $0,
                    event: event,
                    stream: stream,
                    flags: 1
                )
            }
        }
        let size = Request_cuEventRecord.size
        return Session.wait(state, opcode, context: context, size: size) {
            Request_cuEventRecord.encode(to: $0, event: event, stream: stream)
        }
    }

    /// `cuStreamWaitEvent`
    package static func cuStreamWaitEvent(
        _ stream: CUstream?,
        _ event: CUevent?,
        _ flags: UInt32
    ) -> CUresult {
        guard let stream = Handles.stream(stream), Handles.event(event) != nil else {
            return invalidHandle()
        }
        return withContext(of: .stream(stream)) { state, context in
            let handle = Handles.raw(event)
            guard let entry = state.pointee.events.find(handle) else {
                return Status.invalidHandle
            }
            let captured = entry.pointee.capture
            // With flags it is a node in a capture, whatever the event stands for.
            if flags == 0, captured != 0 || state.pointee.captures.isAny {
                let target = Capturing.stream(state, stream)
                let isRecorded = entry.pointee.recordedAt != 0
                let verdict = Capturing.with(state) {
                    $0.wait(target, for: captured, isRecorded: isRecorded)
                }
                if case .refused(let status) = verdict { return status }
            } else if flags != 0 {
                let status = Capturing.check(state, stream)
                guard status == Status.success else { return status }
                if Capturing.work(state, stream) != .plain { entry.pointee.belongToGraph() }
            }
            HostFunctions.noteJoin(state, stream)
            func encode(_ body: UnsafeMutableRawPointer) {
                Request_cuStreamWaitEvent.encode(
                    to: body,
                    stream: stream,
                    event: handle,
                    flags: flags
                )
            }
            let size = Request_cuStreamWaitEvent.size
            if entry.pointee.isShared {
                return Session.wait(
                    state,
                    .cuStreamWaitEvent,
                    context: context,
                    size: size,
                    encode
                )
            }
            return Session.send(
                state,
                .cuStreamWaitEvent,
                context: context,
                size: size,
                encode
            )
        }
    }

    /// `cuEventQuery`
    package static func cuEventQuery(_ event: CUevent?) -> CUresult {
        ask(event, .cuEventQuery)
    }

    /// `cuEventSynchronize`
    package static func cuEventSynchronize(_ event: CUevent?) -> CUresult {
        ask(event, .cuEventSynchronize)
    }

    private static func ask(_ event: CUevent?, _ opcode: Opcode) -> CUresult {
        let handle = Handles.raw(event)
        return withContext(of: .event(handle)) { state, context in
            guard let entry = state.pointee.events.find(handle) else {
                return Status.invalidHandle
            }
            let unsafe = Capturing.checkUnsafeCall(state)
            guard unsafe == Status.success else { return unsafe }
            let record = entry.pointee.recordedAt
            // One that was never recorded counts as complete.
            let isShared = entry.pointee.isShared
            if record == entry.pointee.completedAt, !isShared { return Status.success }
            if entry.pointee.capture != 0 {
                Capturing.with(state) { $0.invalidate(entry.pointee.capture) }
                return FERRY_CUDA_ERROR_CAPTURED_EVENT
            }
            if opcode == .cuEventSynchronize { MemoryPools.willWait(state) }
            let size = EventSynchronizeLayout.size
            let status = Session.wait(state, opcode, context: context, size: size) {
                $0.storeBytes(of: handle, as: UInt64.self)
            }
            // Meanwhile another thread may have destroyed the event or recorded it anew.
            if status == 0, let entry = state.pointee.events.find(handle),
                !entry.pointee.isOfGraph, !isShared
            {
                entry.pointee.completedAt = record
            }
            return status
        }
    }
}
