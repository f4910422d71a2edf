package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuMemcpy2D_v2(_ copy: UnsafePointer<CUDA_MEMCPY2D>?) -> CUresult {
        copyRows(copy, nil, .synchronous)
    }

    package static func cuMemcpy2DUnaligned_v2(
        _ copy: UnsafePointer<CUDA_MEMCPY2D>?
    ) -> CUresult {
        copyRows(copy, nil, .synchronous)
    }

    package static func cuMemcpy2DAsync_v2(
        _ copy: UnsafePointer<CUDA_MEMCPY2D>?,
        _ stream: CUstream?
    ) -> CUresult {
        copyRows(copy, stream, .asynchronous)
    }

    package static func cuMemcpy3D_v2(_ copy: OpaquePointer?) -> CUresult {
        copyPlanes(copy, nil, .synchronous)
    }

    package static func cuMemcpy3D_v2_ptds(_ copy: OpaquePointer?) -> CUresult {
        copyPlanes(copy, perThread(nil), .synchronous)
    }

    package static func cuMemcpy3DAsync_v2(
        _ copy: OpaquePointer?,
        _ stream: CUstream?
    ) -> CUresult {
        copyPlanes(copy, stream, .asynchronous)
    }

    package static func cuMemcpy3DAsync_v2_ptsz(
        _ copy: OpaquePointer?,
        _ stream: CUstream?
    ) -> CUresult {
        copyPlanes(copy, perThread(stream), .asynchronous)
    }

    private static func copyRows(
        _ copy: UnsafePointer<CUDA_MEMCPY2D>?,
        _ stream: CUstream?,
        _ mode: CopyMode
    ) -> CUresult {
        guard let copy = copy?.pointee else { return Status.invalidValue }
        let source = CopySide(
            position: (copy.srcXInBytes, copy.srcY, 0),
            memoryType: copy.srcMemoryType,
            host: UInt64(UInt(bitPattern: copy.srcHost)),
            device: copy.srcDevice,
            array: copy.srcArray,
            pitch: copy.srcPitch,
            rows: 0
        )
        let target = CopySide(
            position: (copy.dstXInBytes, copy.dstY, 0),
            memoryType: copy.dstMemoryType,
            host: UInt64(UInt(bitPattern: copy.dstHost)),
            device: copy.dstDevice,
            array: copy.dstArray,
            pitch: copy.dstPitch,
            rows: 0
        )
        return run(source, target, (copy.WidthInBytes, copy.Height, 1), stream, mode)
    }

    /// `CUDA_MEMCPY3D`: two sides of 88 bytes, then the extents.
    private static func copyPlanes(
        _ copy: OpaquePointer?,
        _ stream: CUstream?,
        _ mode: CopyMode
    ) -> CUresult {
        guard let copy else { return Status.invalidValue }
        let words = UnsafeRawPointer(copy)
        func word(_ index: Int) -> Int { words.load(fromByteOffset: index * 8, as: Int.self) }
        // Words of a side: x, y, z, level of detail, memory type, host, device, array,
        // reserved, pitch, height.
        func side(_ first: Int) -> CopySide {
            CopySide(
                position: (word(first), word(first + 1), word(first + 2)),
                memoryType: Int32(truncatingIfNeeded: word(first + 4)),
                host: UInt64(bitPattern: Int64(word(first + 5))),
                device: UInt64(bitPattern: Int64(word(first + 6))),
                array: handle(UInt64(bitPattern: Int64(word(first + 7)))),
                pitch: word(first + 9),
                rows: word(first + 10)
            )
        }
        return run(side(0), side(11), (word(22), word(23), word(24)), stream, mode)
    }

    private static func run(
        _ source: CopySide,
        _ target: CopySide,
        _ size: (width: Int, height: Int, depth: Int),
        _ stream: CUstream?,
        _ mode: CopyMode
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let driver = context.driver
            let stream = try driver.stream(stream)
            guard size.width >= 0, size.height >= 0, size.depth >= 0,
                max(size.width, size.height, size.depth) <= 1 << 40
            else { throw .invalidValue }
            if size.width == 0 || size.height == 0 || size.depth == 0 { return }
            let copy = PitchedCopy(
                source: try source.resolve(size, driver),
                target: try target.resolve(size, driver),
                width: size.width,
                height: size.height,
                depth: size.depth
            )
            try stream.context.copy(copy, in: stream, mode)
        }
    }
}

/// One side of a pitched copy as a program describes it.
private struct CopySide {
    var position: (x: Int, y: Int, z: Int)
    /// 1 host, 2 device, 3 array, 4 unified (the address is in `device`).
    var memoryType: Int32
    var host: UInt64
    var device: UInt64
    var array: OpaquePointer?
    var pitch: Int
    var rows: Int

    func resolve(
        _ size: (width: Int, height: Int, depth: Int),
        _ driver: SoftDriver
    ) throws(Failure) -> PitchedCopy.Side {
        if memoryType == 3 { return try resolveArray(size, driver) }
        let extent = try PitchedCopy.Extent(
            position: position,
            pitch: pitch,
            rows: rows,
            size: size
        )
        let base = memoryType == 1 ? host : device
        let (address, overflow) = base.addingReportingOverflow(UInt64(extent.offset))
        guard base != 0, !overflow else { throw .invalidValue }
        let operand: CopyOperand
        switch memoryType {
        case 1, 4: operand = try driver.unifiedOperand(address, extent.bytes)
        case 2: operand = try driver.deviceOperand(address, extent.bytes)
        default: throw .invalidValue
        }
        return PitchedCopy.Side(
            operand: operand,
            pitch: extent.pitch,
            planePitch: extent.planePitch
        )
    }

    /// A part of an array, which knows its pitches itself.
    private func resolveArray(
        _ size: (width: Int, height: Int, depth: Int),
        _ driver: SoftDriver
    ) throws(Failure) -> PitchedCopy.Side {
        let array = try driver.array(array)
        func fits(_ position: Int, _ count: Int, _ limit: Int) -> Bool {
            position >= 0 && position <= limit && count <= limit - position
        }
        guard fits(position.x, size.width, array.rowPitch),
            fits(position.y, size.height, array.rows),
            fits(position.z, size.depth, array.slices)
        else { throw .invalidValue }
        let extent = try PitchedCopy.Extent(
            position: position,
            pitch: array.rowPitch,
            rows: array.rows,
            size: size
        )
        let address = array.address + UInt64(extent.offset)
        return PitchedCopy.Side(
            operand: try driver.deviceOperand(address, extent.bytes),
            pitch: extent.pitch,
            planePitch: extent.planePitch
        )
    }
}
