package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuMemcpy(
        _ target: CUdeviceptr,
        _ source: CUdeviceptr,
        _ bytes: Int
    ) -> CUresult {
        copy(bytes, nil, .synchronous) { (driver) throws(Failure) in
            (
                try driver.unifiedOperand(source, bytes),
                try driver.unifiedOperand(target, bytes)
            )
        }
    }

    package static func cuMemcpyAsync(
        _ target: CUdeviceptr,
        _ source: CUdeviceptr,
        _ bytes: Int,
        _ stream: CUstream?
    ) -> CUresult {
        copy(bytes, stream, .asynchronous) { (driver) throws(Failure) in
            (
                try driver.unifiedOperand(source, bytes),
                try driver.unifiedOperand(target, bytes)
            )
        }
    }

    package static func cuMemcpyHtoD_v2(
        _ target: CUdeviceptr,
        _ source: UnsafeRawPointer?,
        _ bytes: Int
    ) -> CUresult {
        copyToDevice(target, source, bytes, nil, .synchronous)
    }

    package static func cuMemcpyHtoDAsync_v2(
        _ target: CUdeviceptr,
        _ source: UnsafeRawPointer?,
        _ bytes: Int,
        _ stream: CUstream?
    ) -> CUresult {
        copyToDevice(target, source, bytes, stream, .asynchronous)
    }

    package static func cuMemcpyDtoH_v2(
        _ target: UnsafeMutableRawPointer?,
        _ source: CUdeviceptr,
        _ bytes: Int
    ) -> CUresult {
        copyToHost(target, source, bytes, nil, .synchronous)
    }

    package static func cuMemcpyDtoHAsync_v2(
        _ target: UnsafeMutableRawPointer?,
        _ source: CUdeviceptr,
        _ bytes: Int,
        _ stream: CUstream?
    ) -> CUresult {
        copyToHost(target, source, bytes, stream, .asynchronous)
    }

    package static func cuMemcpyDtoD_v2(
        _ target: CUdeviceptr,
        _ source: CUdeviceptr,
        _ bytes: Int
    ) -> CUresult {
        copyOnDevices(target, source, bytes, nil, .synchronous)
    }

    package static func cuMemcpyDtoDAsync_v2(
        _ target: CUdeviceptr,
        _ source: CUdeviceptr,
        _ bytes: Int,
        _ stream: CUstream?
    ) -> CUresult {
        copyOnDevices(target, source, bytes, stream, .asynchronous)
    }

    package static func cuMemcpyPeer(
        _ target: CUdeviceptr,
        _ targetContext: CUcontext?,
        _ source: CUdeviceptr,
        _ sourceContext: CUcontext?,
        _ bytes: Int
    ) -> CUresult {
        copyBetween(targetContext, sourceContext) {
            copyOnDevices(target, source, bytes, nil, .synchronous)
        }
    }

    package static func cuMemcpyPeer_ptds(
        _ target: CUdeviceptr,
        _ targetContext: CUcontext?,
        _ source: CUdeviceptr,
        _ sourceContext: CUcontext?,
        _ bytes: Int
    ) -> CUresult {
        copyBetween(targetContext, sourceContext) {
            copyOnDevices(target, source, bytes, perThread(nil), .synchronous)
        }
    }

    package static func cuMemcpyPeerAsync(
        _ target: CUdeviceptr,
        _ targetContext: CUcontext?,
        _ source: CUdeviceptr,
        _ sourceContext: CUcontext?,
        _ bytes: Int,
        _ stream: CUstream?
    ) -> CUresult {
        copyBetween(targetContext, sourceContext) {
            copyOnDevices(target, source, bytes, stream, .asynchronous)
        }
    }

    package static func cuMemcpyPeerAsync_ptsz(
        _ target: CUdeviceptr,
        _ targetContext: CUcontext?,
        _ source: CUdeviceptr,
        _ sourceContext: CUcontext?,
        _ bytes: Int,
        _ stream: CUstream?
    ) -> CUresult {
        cuMemcpyPeerAsync(
            target,
            targetContext,
            source,
            sourceContext,
            bytes,
            perThread(stream)
        )
    }

    // MARK: - What they share

    private static func copyToDevice(
        _ target: CUdeviceptr,
        _ source: UnsafeRawPointer?,
        _ bytes: Int,
        _ stream: CUstream?,
        _ mode: CopyMode
    ) -> CUresult {
        copy(bytes, stream, mode) { (driver) throws(Failure) in
            (
                try driver.hostOperand(source, bytes),
                try driver.deviceOperand(target, bytes)
            )
        }
    }

    private static func copyToHost(
        _ target: UnsafeMutableRawPointer?,
        _ source: CUdeviceptr,
        _ bytes: Int,
        _ stream: CUstream?,
        _ mode: CopyMode
    ) -> CUresult {
        copy(bytes, stream, mode) { (driver) throws(Failure) in
            (
                try driver.deviceOperand(source, bytes),
                try driver.hostOperand(UnsafeRawPointer(target), bytes)
            )
        }
    }

    private static func copyOnDevices(
        _ target: CUdeviceptr,
        _ source: CUdeviceptr,
        _ bytes: Int,
        _ stream: CUstream?,
        _ mode: CopyMode
    ) -> CUresult {
        copy(bytes, stream, mode) { (driver) throws(Failure) in
            (
                try driver.deviceOperand(source, bytes),
                try driver.deviceOperand(target, bytes)
            )
        }
    }

    /// Checks both contexts of a copy between GPUs, then copies.
    private static func copyBetween(
        _ target: CUcontext?,
        _ source: CUcontext?,
        _ copy: () -> CUresult
    ) -> CUresult {
        let checked = withDriver { (driver) throws(Failure) in
            try driver.slot(number(target)).requireLive().check()
            try driver.slot(number(source)).requireLive().check()
        }
        return checked == Status.success ? copy() : checked
    }

    /// Copies between the sides that `operands` makes of the driver.
    static func copy(
        _ bytes: Int,
        _ stream: CUstream?,
        _ mode: CopyMode,
        _ operands: (SoftDriver) throws(Failure) -> (source: CopyOperand, target: CopyOperand)
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let stream = try context.driver.stream(stream)
            guard bytes >= 0 else { throw .invalidValue }
            if bytes == 0 { return }
            let (source, target) = try operands(context.driver)
            let isCaptured = try stream.captures(
                mode,
                .memcpy(CopyWork(bytes, from: source, to: target, stream.context))
            )
            if isCaptured { return }
            try stream.context.copy(bytes, from: source, to: target, in: stream, mode)
        }
    }
}
