package import CUDAABI
internal import Driver
internal import Lanes

extension SoftCalls {
    package static func cuArrayCreate_v2(
        _ array: UnsafeMutablePointer<CUarray?>?,
        _ description: OpaquePointer?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let (array, from) = (try required(array), UnsafeRawPointer(try required(description)))
            // CUDA_ARRAY_DESCRIPTOR: width, height, format, channels.
            let shape = try ArrayShape(
                width: from.load(as: Int.self),
                height: from.load(fromByteOffset: 8, as: Int.self),
                depth: 0,
                format: from.load(fromByteOffset: 16, as: Int32.self),
                channels: from.load(fromByteOffset: 20, as: UInt32.self),
                flags: 0
            )
            array.pointee = handle(try CUDAArray(shape, context: context).handle)
        }
    }

    package static func cuArray3DCreate_v2(
        _ array: UnsafeMutablePointer<CUarray?>?,
        _ description: OpaquePointer?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let (array, from) = (try required(array), UnsafeRawPointer(try required(description)))
            // CUDA_ARRAY3D_DESCRIPTOR: width, height, depth, format, channels, flags.
            let shape = try ArrayShape(
                width: from.load(as: Int.self),
                height: from.load(fromByteOffset: 8, as: Int.self),
                depth: from.load(fromByteOffset: 16, as: Int.self),
                format: from.load(fromByteOffset: 24, as: Int32.self),
                channels: from.load(fromByteOffset: 28, as: UInt32.self),
                flags: from.load(fromByteOffset: 32, as: UInt32.self)
            )
            array.pointee = handle(try CUDAArray(shape, context: context).handle)
        }
    }

    package static func cuArrayDestroy(_ array: CUarray?) -> CUresult {
        withContext { (context) throws(Failure) in
            try context.driver.array(array).destroy()
        }
    }

    package static func cuArrayGetDescriptor_v2(
        _ description: OpaquePointer?,
        _ array: CUarray?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let to = UnsafeMutableRawPointer(try required(description))
            let shape = try context.driver.array(array).shape
            to.storeBytes(of: shape.width, as: Int.self)
            to.storeBytes(of: shape.height, toByteOffset: 8, as: Int.self)
            to.storeBytes(of: Int32(shape.format.rawValue), toByteOffset: 16, as: Int32.self)
            to.storeBytes(of: UInt32(shape.channels), toByteOffset: 20, as: UInt32.self)
        }
    }

    package static func cuArray3DGetDescriptor_v2(
        _ description: OpaquePointer?,
        _ array: CUarray?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let to = UnsafeMutableRawPointer(try required(description))
            let shape = try context.driver.array(array).shape
            to.storeBytes(of: shape.width, as: Int.self)
            to.storeBytes(of: shape.height, toByteOffset: 8, as: Int.self)
            to.storeBytes(of: shape.depth, toByteOffset: 16, as: Int.self)
            to.storeBytes(of: Int32(shape.format.rawValue), toByteOffset: 24, as: Int32.self)
            to.storeBytes(of: UInt32(shape.channels), toByteOffset: 28, as: UInt32.self)
            to.storeBytes(of: shape.flags, toByteOffset: 32, as: UInt32.self)
        }
    }

    // MARK: - Copies

    package static func cuMemcpyHtoA_v2(
        _ target: CUarray?,
        _ offset: Int,
        _ source: UnsafeRawPointer?,
        _ bytes: Int
    ) -> CUresult {
        copyToArray(target, offset, source, bytes, nil, .synchronous)
    }

    package static func cuMemcpyHtoAAsync_v2(
        _ target: CUarray?,
        _ offset: Int,
        _ source: UnsafeRawPointer?,
        _ bytes: Int,
        _ stream: CUstream?
    ) -> CUresult {
        copyToArray(target, offset, source, bytes, stream, .asynchronous)
    }

    package static func cuMemcpyAtoH_v2(
        _ target: UnsafeMutableRawPointer?,
        _ source: CUarray?,
        _ offset: Int,
        _ bytes: Int
    ) -> CUresult {
        copyFromArray(target, source, offset, bytes, nil, .synchronous)
    }

    package static func cuMemcpyAtoHAsync_v2(
        _ target: UnsafeMutableRawPointer?,
        _ source: CUarray?,
        _ offset: Int,
        _ bytes: Int,
        _ stream: CUstream?
    ) -> CUresult {
        copyFromArray(target, source, offset, bytes, stream, .asynchronous)
    }

    private static func copyToArray(
        _ target: CUarray?,
        _ offset: Int,
        _ source: UnsafeRawPointer?,
        _ bytes: Int,
        _ stream: CUstream?,
        _ mode: CopyMode
    ) -> CUresult {
        copy(bytes, stream, mode) { (driver) throws(Failure) in
            (try driver.hostOperand(source, bytes), try driver.arrayOperand(target, offset, bytes))
        }
    }

    private static func copyFromArray(
        _ target: UnsafeMutableRawPointer?,
        _ source: CUarray?,
        _ offset: Int,
        _ bytes: Int,
        _ stream: CUstream?,
        _ mode: CopyMode
    ) -> CUresult {
        copy(bytes, stream, mode) { (driver) throws(Failure) in
            (
                try driver.arrayOperand(source, offset, bytes),
                try driver.hostOperand(UnsafeRawPointer(target), bytes)
            )
        }
    }

    package static func cuMemcpyDtoA_v2(
        _ target: CUarray?,
        _ offset: Int,
        _ source: CUdeviceptr,
        _ bytes: Int
    ) -> CUresult {
        copy(bytes, nil, .synchronous) { (driver) throws(Failure) in
            (
                try driver.deviceOperand(source, bytes),
                try driver.arrayOperand(target, offset, bytes)
            )
        }
    }

    package static func cuMemcpyAtoD_v2(
        _ target: CUdeviceptr,
        _ source: CUarray?,
        _ offset: Int,
        _ bytes: Int
    ) -> CUresult {
        copy(bytes, nil, .synchronous) { (driver) throws(Failure) in
            (
                try driver.arrayOperand(source, offset, bytes),
                try driver.deviceOperand(target, bytes)
            )
        }
    }

    package static func cuMemcpyAtoA_v2(
        _ target: CUarray?,
        _ targetOffset: Int,
        _ source: CUarray?,
        _ sourceOffset: Int,
        _ bytes: Int
    ) -> CUresult {
        copy(bytes, nil, .synchronous) { (driver) throws(Failure) in
            (
                try driver.arrayOperand(source, sourceOffset, bytes),
                try driver.arrayOperand(target, targetOffset, bytes)
            )
        }
    }
}
