internal import CLinux
internal import DriverFrontend
internal import Synchronization
internal import Wire

/// The calls of a process one by one, with their times: what `ferry run --trace` shows.
enum TraceFile {
    private struct State: ~Copyable {
        let file: MappedFile
        let lock = ForkSafeLock()
        /// Events for which the file has space; grows under `lock`.
        let room = Atomic<Int>(0)
        /// Whether the file system has no more.
        let isFull = Atomic<Bool>(false)
    }

    /// `nil` unless a trace was asked for. Set once, before the first call.
    nonisolated(unsafe) private static var state: UnsafeMutablePointer<State>?

    @inline(__always)
    static var isOn: Bool { state != nil }

    static func begin(_ folder: InlineArray<256, CChar>) {
        let file = MappedFile.make(folder, suffix: "trace", size: TraceLayout.fileSize)
        guard let file, file.reserve(from: 0, bytes: TraceLayout.headerSize) else {
            return Log.error("the file for the trace cannot be made")
        }
        memcpy(file.address, TraceLayout.magic.utf8Start, TraceLayout.magic.utf8CodeUnitCount)
        let state = UnsafeMutablePointer<State>.allocate(capacity: 1)
        state.initialize(to: State(file: file))
        Self.state = state
    }

    /// Adds a call that ends now. What no longer fits is counted, so that `ferry` can say so.
    static func add(call: Int32, result: Int32, start: UInt64, waited: UInt64) {
        guard let state else { return }
        let file = state.pointee.file.address
        let number = Int(ferry_take(file + TraceLayout.count))
        if number >= state.pointee.room.load(ordering: .acquiring) {
            guard grow(state, to: number + 1) else { return }
        }
        let event = file + TraceLayout.event(number)
        event.storeBytes(of: start, toByteOffset: TraceLayout.start, as: UInt64.self)
        event.storeBytes(of: waited, toByteOffset: TraceLayout.waited, as: UInt64.self)
        event.storeBytes(
            of: UInt32(bitPattern: ferry_thread_id()),
            toByteOffset: TraceLayout.thread,
            as: UInt32.self
        )
        event.storeBytes(
            of: Int16(truncatingIfNeeded: call + 1),
            toByteOffset: TraceLayout.call,
            as: Int16.self
        )
        event.storeBytes(
            of: UInt16(truncatingIfNeeded: result),
            toByteOffset: TraceLayout.result,
            as: UInt16.self
        )
        // Last: an event without a duration was cut off by the end of the process.
        event.storeBytes(
            of: max(1, ferry_now_ns() &- start),
            toByteOffset: TraceLayout.duration,
            as: UInt64.self
        )
    }

    @inline(never)
    private static func grow(_ state: UnsafeMutablePointer<State>, to events: Int) -> Bool {
        guard events <= TraceLayout.maxEvents else { return false }
        state.pointee.lock.lock()
        defer { state.pointee.lock.unlock() }
        while state.pointee.room.load(ordering: .relaxed) < events {
            guard !state.pointee.isFull.load(ordering: .relaxed) else { return false }
            let room = state.pointee.room.load(ordering: .relaxed)
            let offset = TraceLayout.event(room)
            let bytes = TraceLayout.eventSize * TraceLayout.growth
            guard state.pointee.file.reserve(from: offset, bytes: bytes) else {
                state.pointee.isFull.store(true, ordering: .relaxed)
                return false
            }
            state.pointee.room.store(room + TraceLayout.growth, ordering: .releasing)
        }
        return true
    }
}
