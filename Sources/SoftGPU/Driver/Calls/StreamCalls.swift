package import CUDAABI
internal import Driver

/// Priorities of streams: 0 is the least, lower numbers are greater. They are kept, not used.
enum StreamPriority {
    static let greatest: Int32 = -5
}

extension SoftCalls {
    package static func cuStreamCreate(
        _ stream: UnsafeMutablePointer<CUstream?>?,
        _ flags: UInt32
    ) -> CUresult {
        cuStreamCreateWithPriority(stream, flags, 0)
    }

    package static func cuStreamCreateWithPriority(
        _ stream: UnsafeMutablePointer<CUstream?>?,
        _ flags: UInt32,
        _ priority: Int32
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let stream = try required(stream)
            guard flags <= 1 else { throw .invalidValue }
            let made = context.makeStream(
                isBlocking: flags == 0,
                priority: max(StreamPriority.greatest, min(0, priority))
            )
            stream.pointee = handle(made)
        }
    }

    package static func cuStreamDestroy_v2(_ stream: CUstream?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            guard let stream = driver.streams.object(number(stream)) else {
                throw .invalidHandle
            }
            stream.context.removeStream(stream)
            try stream.context.check()
        }
    }

    package static func cuStreamSynchronize(_ stream: CUstream?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let stream = try driver.stream(stream)
            try stream.forbidCapture()
            stream.context.synchronize(stream)
            stream.context.device.pools.trimAfterWait()
            try stream.context.check()
        }
    }

    package static func cuStreamQuery(_ stream: CUstream?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let stream = try driver.stream(stream)
            try stream.forbidCapture()
            guard stream.context.isIdle(stream) else { throw Failure(Status.notReady) }
            try stream.context.check()
        }
    }

    package static func cuStreamWaitEvent(
        _ stream: CUstream?,
        _ event: CUevent?,
        _ flags: UInt32
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            guard flags <= 1 else { throw .invalidValue }
            let stream = try driver.stream(stream)
            guard let event = driver.events.object(number(event)) else { throw .invalidHandle }
            let isExternal = flags == 1
            if Captures.isAny || event.captured != nil,
                try driver.graphs.wait(for: event, in: stream, isExternal: isExternal)
            {
                return
            }
            // A node that waits for an event is made of nothing but a capture.
            guard !isExternal else { throw .invalidValue }
            try event.hold(stream)
        }
    }

    package static func cuStreamGetPriority(
        _ stream: CUstream?,
        _ priority: UnsafeMutablePointer<Int32>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try required(priority).pointee = driver.stream(stream).priority
        }
    }

    package static func cuStreamGetFlags(
        _ stream: CUstream?,
        _ flags: UnsafeMutablePointer<UInt32>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try required(flags).pointee = driver.stream(stream).isBlocking ? 0 : 1
        }
    }

    package static func cuStreamGetId(
        _ stream: CUstream?,
        _ id: UnsafeMutablePointer<UInt64>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try required(id).pointee = driver.stream(stream).id
        }
    }

    package static func cuStreamGetCtx(
        _ stream: CUstream?,
        _ context: UnsafeMutablePointer<CUcontext?>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try required(context).pointee = handle(driver.stream(stream).context.slot.handle)
        }
    }

    package static func cuStreamGetDevice(
        _ stream: CUstream?,
        _ device: UnsafeMutablePointer<CUdevice>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let ordinal = try driver.stream(stream).context.device.ordinal
            try required(device).pointee = Int32(ordinal)
        }
    }

    package static func cuStreamGetGreenCtx(
        _ stream: CUstream?,
        _ green: UnsafeMutablePointer<CUgreenCtx?>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            _ = try driver.stream(stream)
            try required(green).pointee = nil
        }
    }
}
