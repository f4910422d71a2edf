internal import CLinux
package import CUDAABI
internal import Driver
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
        withContext { state, context in
            let handle = UInt64(UInt(bitPattern: event))
            guard let entry = state.pointee.events.find(handle),
                let stream = Handles.stream(stream)
            else { return Status.invalidHandle }
            return Session.send(state, opcode, context: context, size: size) { body in
                encode(body, handle, stream)
                entry.pointee.recordedAt = state.pointee.outgoing.written &+ 1
            }
        }
    }

    /// `cuStreamWaitEvent`
    package static func cuStreamWaitEvent(
        _ stream: CUstream?,
        _ event: CUevent?,
        _ flags: UInt32
    ) -> CUresult {
        guard let stream = Handles.stream(stream), let event = Handles.event(event) else {
            return invalidHandle()
        }
        return withContext { state, context in
            HostFunctions.noteJoin(state, stream)
            let size = Request_cuStreamWaitEvent.size
            return Session.send(state, .cuStreamWaitEvent, context: context, size: size) {
                Request_cuStreamWaitEvent.encode(to: $0, stream: stream, event: event, flags: flags)
            }
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
        withContext { state, context in
            let handle = UInt64(UInt(bitPattern: event))
            guard let entry = state.pointee.events.find(handle) else {
                return Status.invalidHandle
            }
            let record = entry.pointee.recordedAt
            // One that was never recorded counts as complete.
            if record == entry.pointee.completedAt { return Status.success }
            let size = EventSynchronizeLayout.size
            let status = Session.wait(state, opcode, context: context, size: size) {
                $0.storeBytes(of: handle, as: UInt64.self)
            }
            // Meanwhile another thread may have destroyed the event or recorded it anew.
            if status == 0, let entry = state.pointee.events.find(handle) {
                entry.pointee.completedAt = record
            }
            return status
        }
    }
}
