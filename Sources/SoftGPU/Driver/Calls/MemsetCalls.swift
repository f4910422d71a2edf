package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuMemsetD8_v2(
        _ address: CUdeviceptr,
        _ value: UInt8,
        _ count: Int
    ) -> CUresult {
        fill(address, UInt32(value), 1, width: count, nil, waits: true)
    }

    package static func cuMemsetD16_v2(
        _ address: CUdeviceptr,
        _ value: UInt16,
        _ count: Int
    ) -> CUresult {
        fill(address, UInt32(value), 2, width: count, nil, waits: true)
    }

    package static func cuMemsetD32_v2(
        _ address: CUdeviceptr,
        _ value: UInt32,
        _ count: Int
    ) -> CUresult {
        fill(address, value, 4, width: count, nil, waits: true)
    }

    package static func cuMemsetD8Async(
        _ address: CUdeviceptr,
        _ value: UInt8,
        _ count: Int,
        _ stream: CUstream?
    ) -> CUresult {
        fill(address, UInt32(value), 1, width: count, stream)
    }

    package static func cuMemsetD16Async(
        _ address: CUdeviceptr,
        _ value: UInt16,
        _ count: Int,
        _ stream: CUstream?
    ) -> CUresult {
        fill(address, UInt32(value), 2, width: count, stream)
    }

    package static func cuMemsetD32Async(
        _ address: CUdeviceptr,
        _ value: UInt32,
        _ count: Int,
        _ stream: CUstream?
    ) -> CUresult {
        fill(address, value, 4, width: count, stream)
    }

    package static func cuMemsetD2D8_v2(
        _ address: CUdeviceptr,
        _ pitch: Int,
        _ value: UInt8,
        _ width: Int,
        _ height: Int
    ) -> CUresult {
        fill(
            address,
            UInt32(value),
            1,
            width: width,
            height: height,
            pitch: pitch,
            nil,
            waits: true
        )
    }

    package static func cuMemsetD2D16_v2(
        _ address: CUdeviceptr,
        _ pitch: Int,
        _ value: UInt16,
        _ width: Int,
        _ height: Int
    ) -> CUresult {
        fill(
            address,
            UInt32(value),
            2,
            width: width,
            height: height,
            pitch: pitch,
            nil,
            waits: true
        )
    }

    package static func cuMemsetD2D32_v2(
        _ address: CUdeviceptr,
        _ pitch: Int,
        _ value: UInt32,
        _ width: Int,
        _ height: Int
    ) -> CUresult {
        fill(address, value, 4, width: width, height: height, pitch: pitch, nil, waits: true)
    }

    package static func cuMemsetD2D8Async(
        _ address: CUdeviceptr,
        _ pitch: Int,
        _ value: UInt8,
        _ width: Int,
        _ height: Int,
        _ stream: CUstream?
    ) -> CUresult {
        fill(address, UInt32(value), 1, width: width, height: height, pitch: pitch, stream)
    }

    package static func cuMemsetD2D16Async(
        _ address: CUdeviceptr,
        _ pitch: Int,
        _ value: UInt16,
        _ width: Int,
        _ height: Int,
        _ stream: CUstream?
    ) -> CUresult {
        fill(address, UInt32(value), 2, width: width, height: height, pitch: pitch, stream)
    }

    package static func cuMemsetD2D32Async(
        _ address: CUdeviceptr,
        _ pitch: Int,
        _ value: UInt32,
        _ width: Int,
        _ height: Int,
        _ stream: CUstream?
    ) -> CUresult {
        fill(address, value, 4, width: width, height: height, pitch: pitch, stream)
    }

    /// Fills rows in a stream, checked as a whole before anything is written.
    ///
    /// - Parameters:
    ///   - pitch: Bytes from a row to the next; `nil` for a single row.
    ///   - waits: Whether the call returns when memory that the host can use is filled ("API synchronization
    ///     behavior" in the driver's manual).
    private static func fill(
        _ address: CUdeviceptr,
        _ value: UInt32,
        _ elementSize: Int,
        width: Int,
        height: Int = 1,
        pitch: Int? = nil,
        _ stream: CUstream?,
        waits: Bool = false
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let stream = try context.stream(stream)
            let description = FillDescription(
                address: address,
                value: value,
                elementSize: elementSize,
                width: width,
                height: height,
                pitch: pitch
            )
            guard let fill = try description.resolve(context.driver) else { return }
            if try stream.captures(.memset(FillWork(description, context))) { return }
            if waits, context.driver.isForHost(address) {
                return try context.perform(in: stream) {
                    fill.run()
                    return Status.success
                }
            }
            try context.submit(to: stream, isShort: fill.bytes <= 65_536) {
                fill.run()
                return Status.success
            }
        }
    }
}
