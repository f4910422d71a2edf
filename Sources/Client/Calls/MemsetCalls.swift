package import CUDAABI
internal import Driver
internal import Wire

// Filling memory: the range is checked here, so nothing is waited for.

extension ClientCalls {
    /// Whether a rectangle lies in one allocation.
    static func covers(
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
        return !tooMany && ManagedMemory.isOnGPU(state, address, bytes)
    }

    /// What all fills have in common: nothing to do is a success, the range lies in one allocation,
    /// and the address is a multiple of the element.
    ///
    /// - Parameters:
    ///   - element: Bytes of an element.
    ///   - width: Elements of a row.
    ///   - stream: As it is on the wire; 0 for the calls that have none.
    ///   - size: Bytes of the request's body.
    ///   - encode: Writes the body; runs only when the check has passed.
    @inline(__always)
    private static func fill(
        _ opcode: Opcode,
        _ destination: CUdeviceptr,
        element: Int,
        pitch: Int = 0,
        width: Int,
        height: Int = 1,
        stream: UInt64 = 0,
        size: Int,
        _ encode: (UnsafeMutableRawPointer) -> Void
    ) -> CUresult {
        withContext { state, context in
            if width == 0 || height == 0 { return Status.success }
            guard width <= Int.max / element,
                covers(state, destination, pitch, width &* element, height),
                destination % UInt64(element) == 0
            else { return Status.invalidValue }
            let refusal = Capturing.check(state, stream)
            guard refusal == Status.success else { return refusal }
            return Session.send(state, opcode, context: context, size: size, encode)
        }
    }

    /// `cuMemsetD8_v2`
    package static func cuMemsetD8_v2(
        _ destination: CUdeviceptr,
        _ value: UInt8,
        _ count: Int
    ) -> CUresult {
        fill(
            .cuMemsetD8_v2,
            destination,
            element: 1,
            width: count,
            size: Request_cuMemsetD8_v2.size
        ) {
            Request_cuMemsetD8_v2.encode(
                to: $0,
                dstDevice: destination,
                uc: UInt32(value),
                n: UInt64(count)
            )
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
        return fill(
            .cuMemsetD8Async,
            destination,
            element: 1,
            width: count,
            stream: handle,
            size: Request_cuMemsetD8Async.size
        ) {
            Request_cuMemsetD8Async.encode(
                to: $0,
                dstDevice: destination,
                uc: UInt32(value),
                n: UInt64(count),
                stream: handle
            )
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
        fill(
            .cuMemsetD2D8_v2,
            destination,
            element: 1,
            pitch: pitch,
            width: width,
            height: height,
            size: Request_cuMemsetD2D8_v2.size
        ) {
            Request_cuMemsetD2D8_v2.encode(
                to: $0,
                dstDevice: destination,
                dstPitch: UInt64(truncatingIfNeeded: pitch),
                uc: UInt32(value),
                width: UInt64(width),
                height: UInt64(height)
            )
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
        return fill(
            .cuMemsetD2D8Async,
            destination,
            element: 1,
            pitch: pitch,
            width: width,
            height: height,
            stream: handle,
            size: Request_cuMemsetD2D8Async.size
        ) {
            Request_cuMemsetD2D8Async.encode(
                to: $0,
                dstDevice: destination,
                dstPitch: UInt64(truncatingIfNeeded: pitch),
                uc: UInt32(value),
                width: UInt64(width),
                height: UInt64(height),
                stream: handle
            )
        }
    }

    /// `cuMemsetD16_v2`
    package static func cuMemsetD16_v2(
        _ destination: CUdeviceptr,
        _ value: UInt16,
        _ count: Int
    ) -> CUresult {
        fill(
            .cuMemsetD16_v2,
            destination,
            element: 2,
            width: count,
            size: Request_cuMemsetD16_v2.size
        ) {
            Request_cuMemsetD16_v2.encode(
                to: $0,
                dstDevice: destination,
                us: UInt32(value),
                n: UInt64(count)
            )
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
        return fill(
            .cuMemsetD16Async,
            destination,
            element: 2,
            width: count,
            stream: handle,
            size: Request_cuMemsetD16Async.size
        ) {
            Request_cuMemsetD16Async.encode(
                to: $0,
                dstDevice: destination,
                us: UInt32(value),
                n: UInt64(count),
                stream: handle
            )
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
        fill(
            .cuMemsetD2D16_v2,
            destination,
            element: 2,
            pitch: pitch,
            width: width,
            height: height,
            size: Request_cuMemsetD2D16_v2.size
        ) {
            Request_cuMemsetD2D16_v2.encode(
                to: $0,
                dstDevice: destination,
                dstPitch: UInt64(truncatingIfNeeded: pitch),
                us: UInt32(value),
                width: UInt64(width),
                height: UInt64(height)
            )
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
        return fill(
            .cuMemsetD2D16Async,
            destination,
            element: 2,
            pitch: pitch,
            width: width,
            height: height,
            stream: handle,
            size: Request_cuMemsetD2D16Async.size
        ) {
            Request_cuMemsetD2D16Async.encode(
                to: $0,
                dstDevice: destination,
                dstPitch: UInt64(truncatingIfNeeded: pitch),
                us: UInt32(value),
                width: UInt64(width),
                height: UInt64(height),
                stream: handle
            )
        }
    }

    /// `cuMemsetD32_v2`
    package static func cuMemsetD32_v2(
        _ destination: CUdeviceptr,
        _ value: UInt32,
        _ count: Int
    ) -> CUresult {
        fill(
            .cuMemsetD32_v2,
            destination,
            element: 4,
            width: count,
            size: Request_cuMemsetD32_v2.size
        ) {
            Request_cuMemsetD32_v2.encode(
                to: $0,
                dstDevice: destination,
                ui: value,
                n: UInt64(count)
            )
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
        return fill(
            .cuMemsetD32Async,
            destination,
            element: 4,
            width: count,
            stream: handle,
            size: Request_cuMemsetD32Async.size
        ) {
            Request_cuMemsetD32Async.encode(
                to: $0,
                dstDevice: destination,
                ui: value,
                n: UInt64(count),
                stream: handle
            )
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
        fill(
            .cuMemsetD2D32_v2,
            destination,
            element: 4,
            pitch: pitch,
            width: width,
            height: height,
            size: Request_cuMemsetD2D32_v2.size
        ) {
            Request_cuMemsetD2D32_v2.encode(
                to: $0,
                dstDevice: destination,
                dstPitch: UInt64(truncatingIfNeeded: pitch),
                ui: value,
                width: UInt64(width),
                height: UInt64(height)
            )
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
        return fill(
            .cuMemsetD2D32Async,
            destination,
            element: 4,
            pitch: pitch,
            width: width,
            height: height,
            stream: handle,
            size: Request_cuMemsetD2D32Async.size
        ) {
            Request_cuMemsetD2D32Async.encode(
                to: $0,
                dstDevice: destination,
                dstPitch: UInt64(truncatingIfNeeded: pitch),
                ui: value,
                width: UInt64(width),
                height: UInt64(height),
                stream: handle
            )
        }
    }
}
