package import CUDAABI
internal import Driver
internal import Wire

// Filling memory: the range is checked here, so nothing is waited for.

extension ClientCalls {
    /// Whether a rectangle lies in one allocation.
    private static func covers(
        _ state: UnsafeMutablePointer<SessionState>,
        _ address: CUdeviceptr,
        _ pitch: Int,
        _ width: Int,
        _ height: Int
    ) -> Bool {
        guard width >= 0, height >= 1, height == 1 || pitch >= width else { return false }
        let (rows, overflow) = pitch.multipliedReportingOverflow(by: height - 1)
        guard !overflow, rows >= 0 else { return false }
        let (bytes, tooMany) = rows.addingReportingOverflow(width)
        return !tooMany && state.pointee.memory.contains(address, bytes)
    }

    /// `cuMemsetD8_v2`
    package static func cuMemsetD8_v2(
        _ destination: CUdeviceptr,
        _ value: UInt8,
        _ count: Int
    ) -> CUresult {
        withContext { state, context in
            if count == 0 { return Status.success }
            guard covers(state, destination, 0, count, 1)
            else { return Status.invalidValue }
            let size = Request_cuMemsetD8_v2.size
            return Session.send(state, .cuMemsetD8_v2, context: context, size: size) {
                Request_cuMemsetD8_v2.encode(
                    to: $0,
                    dstDevice: destination,
                    uc: UInt32(value),
                    n: UInt64(count)
                )
            }
        }
    }

    /// `cuMemsetD8Async`
    package static func cuMemsetD8Async(
        _ destination: CUdeviceptr,
        _ value: UInt8,
        _ count: Int,
        _ stream: CUstream?
    ) -> CUresult {
        guard let handle = Handles.stream(stream) else { return invalidHandle() }
        return withContext { state, context in
            if count == 0 { return Status.success }
            guard covers(state, destination, 0, count, 1)
            else { return Status.invalidValue }
            let size = Request_cuMemsetD8Async.size
            return Session.send(state, .cuMemsetD8Async, context: context, size: size) {
                Request_cuMemsetD8Async.encode(
                    to: $0,
                    dstDevice: destination,
                    uc: UInt32(value),
                    n: UInt64(count),
                    stream: handle
                )
            }
        }
    }

    /// `cuMemsetD2D8_v2`
    package static func cuMemsetD2D8_v2(
        _ destination: CUdeviceptr,
        _ pitch: Int,
        _ value: UInt8,
        _ width: Int,
        _ height: Int
    ) -> CUresult {
        withContext { state, context in
            if width == 0 || height == 0 { return Status.success }
            guard covers(state, destination, pitch, width, height)
            else { return Status.invalidValue }
            let size = Request_cuMemsetD2D8_v2.size
            return Session.send(state, .cuMemsetD2D8_v2, context: context, size: size) {
                Request_cuMemsetD2D8_v2.encode(
                    to: $0,
                    dstDevice: destination,
                    dstPitch: UInt64(pitch),
                    uc: UInt32(value),
                    width: UInt64(width),
                    height: UInt64(height)
                )
            }
        }
    }

    /// `cuMemsetD2D8Async`
    package static func cuMemsetD2D8Async(
        _ destination: CUdeviceptr,
        _ pitch: Int,
        _ value: UInt8,
        _ width: Int,
        _ height: Int,
        _ stream: CUstream?
    ) -> CUresult {
        guard let handle = Handles.stream(stream) else { return invalidHandle() }
        return withContext { state, context in
            if width == 0 || height == 0 { return Status.success }
            guard covers(state, destination, pitch, width, height)
            else { return Status.invalidValue }
            let size = Request_cuMemsetD2D8Async.size
            return Session.send(state, .cuMemsetD2D8Async, context: context, size: size) {
                Request_cuMemsetD2D8Async.encode(
                    to: $0,
                    dstDevice: destination,
                    dstPitch: UInt64(pitch),
                    uc: UInt32(value),
                    width: UInt64(width),
                    height: UInt64(height),
                    stream: handle
                )
            }
        }
    }

    /// `cuMemsetD16_v2`
    package static func cuMemsetD16_v2(
        _ destination: CUdeviceptr,
        _ value: UInt16,
        _ count: Int
    ) -> CUresult {
        withContext { state, context in
            if count == 0 { return Status.success }
            guard count <= Int.max / 2, covers(state, destination, 0, count &* 2, 1),
                destination % 2 == 0
            else { return Status.invalidValue }
            let size = Request_cuMemsetD16_v2.size
            return Session.send(state, .cuMemsetD16_v2, context: context, size: size) {
                Request_cuMemsetD16_v2.encode(
                    to: $0,
                    dstDevice: destination,
                    us: UInt32(value),
                    n: UInt64(count)
                )
            }
        }
    }

    /// `cuMemsetD16Async`
    package static func cuMemsetD16Async(
        _ destination: CUdeviceptr,
        _ value: UInt16,
        _ count: Int,
        _ stream: CUstream?
    ) -> CUresult {
        guard let handle = Handles.stream(stream) else { return invalidHandle() }
        return withContext { state, context in
            if count == 0 { return Status.success }
            guard count <= Int.max / 2, covers(state, destination, 0, count &* 2, 1),
                destination % 2 == 0
            else { return Status.invalidValue }
            let size = Request_cuMemsetD16Async.size
            return Session.send(state, .cuMemsetD16Async, context: context, size: size) {
                Request_cuMemsetD16Async.encode(
                    to: $0,
                    dstDevice: destination,
                    us: UInt32(value),
                    n: UInt64(count),
                    stream: handle
                )
            }
        }
    }

    /// `cuMemsetD2D16_v2`
    package static func cuMemsetD2D16_v2(
        _ destination: CUdeviceptr,
        _ pitch: Int,
        _ value: UInt16,
        _ width: Int,
        _ height: Int
    ) -> CUresult {
        withContext { state, context in
            if width == 0 || height == 0 { return Status.success }
            guard width <= Int.max / 2, covers(state, destination, pitch, width &* 2, height),
                destination % 2 == 0
            else { return Status.invalidValue }
            let size = Request_cuMemsetD2D16_v2.size
            return Session.send(state, .cuMemsetD2D16_v2, context: context, size: size) {
                Request_cuMemsetD2D16_v2.encode(
                    to: $0,
                    dstDevice: destination,
                    dstPitch: UInt64(pitch),
                    us: UInt32(value),
                    width: UInt64(width),
                    height: UInt64(height)
                )
            }
        }
    }

    /// `cuMemsetD2D16Async`
    package static func cuMemsetD2D16Async(
        _ destination: CUdeviceptr,
        _ pitch: Int,
        _ value: UInt16,
        _ width: Int,
        _ height: Int,
        _ stream: CUstream?
    ) -> CUresult {
        guard let handle = Handles.stream(stream) else { return invalidHandle() }
        return withContext { state, context in
            if width == 0 || height == 0 { return Status.success }
            guard width <= Int.max / 2, covers(state, destination, pitch, width &* 2, height),
                destination % 2 == 0
            else { return Status.invalidValue }
            let size = Request_cuMemsetD2D16Async.size
            return Session.send(state, .cuMemsetD2D16Async, context: context, size: size) {
                Request_cuMemsetD2D16Async.encode(
                    to: $0,
                    dstDevice: destination,
                    dstPitch: UInt64(pitch),
                    us: UInt32(value),
                    width: UInt64(width),
                    height: UInt64(height),
                    stream: handle
                )
            }
        }
    }

    /// `cuMemsetD32_v2`
    package static func cuMemsetD32_v2(
        _ destination: CUdeviceptr,
        _ value: UInt32,
        _ count: Int
    ) -> CUresult {
        withContext { state, context in
            if count == 0 { return Status.success }
            guard count <= Int.max / 4, covers(state, destination, 0, count &* 4, 1),
                destination % 4 == 0
            else { return Status.invalidValue }
            let size = Request_cuMemsetD32_v2.size
            return Session.send(state, .cuMemsetD32_v2, context: context, size: size) {
                Request_cuMemsetD32_v2.encode(
                    to: $0,
                    dstDevice: destination,
                    ui: UInt32(value),
                    n: UInt64(count)
                )
            }
        }
    }

    /// `cuMemsetD32Async`
    package static func cuMemsetD32Async(
        _ destination: CUdeviceptr,
        _ value: UInt32,
        _ count: Int,
        _ stream: CUstream?
    ) -> CUresult {
        guard let handle = Handles.stream(stream) else { return invalidHandle() }
        return withContext { state, context in
            if count == 0 { return Status.success }
            guard count <= Int.max / 4, covers(state, destination, 0, count &* 4, 1),
                destination % 4 == 0
            else { return Status.invalidValue }
            let size = Request_cuMemsetD32Async.size
            return Session.send(state, .cuMemsetD32Async, context: context, size: size) {
                Request_cuMemsetD32Async.encode(
                    to: $0,
                    dstDevice: destination,
                    ui: UInt32(value),
                    n: UInt64(count),
                    stream: handle
                )
            }
        }
    }

    /// `cuMemsetD2D32_v2`
    package static func cuMemsetD2D32_v2(
        _ destination: CUdeviceptr,
        _ pitch: Int,
        _ value: UInt32,
        _ width: Int,
        _ height: Int
    ) -> CUresult {
        withContext { state, context in
            if width == 0 || height == 0 { return Status.success }
            guard width <= Int.max / 4, covers(state, destination, pitch, width &* 4, height),
                destination % 4 == 0
            else { return Status.invalidValue }
            let size = Request_cuMemsetD2D32_v2.size
            return Session.send(state, .cuMemsetD2D32_v2, context: context, size: size) {
                Request_cuMemsetD2D32_v2.encode(
                    to: $0,
                    dstDevice: destination,
                    dstPitch: UInt64(pitch),
                    ui: UInt32(value),
                    width: UInt64(width),
                    height: UInt64(height)
                )
            }
        }
    }

    /// `cuMemsetD2D32Async`
    package static func cuMemsetD2D32Async(
        _ destination: CUdeviceptr,
        _ pitch: Int,
        _ value: UInt32,
        _ width: Int,
        _ height: Int,
        _ stream: CUstream?
    ) -> CUresult {
        guard let handle = Handles.stream(stream) else { return invalidHandle() }
        return withContext { state, context in
            if width == 0 || height == 0 { return Status.success }
            guard width <= Int.max / 4, covers(state, destination, pitch, width &* 4, height),
                destination % 4 == 0
            else { return Status.invalidValue }
            let size = Request_cuMemsetD2D32Async.size
            return Session.send(state, .cuMemsetD2D32Async, context: context, size: size) {
                Request_cuMemsetD2D32Async.encode(
                    to: $0,
                    dstDevice: destination,
                    dstPitch: UInt64(pitch),
                    ui: UInt32(value),
                    width: UInt64(width),
                    height: UInt64(height),
                    stream: handle
                )
            }
        }
    }
}
