package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuLaunchHostFunc(
        _ stream: CUstream?,
        _ function: CUhostFn?,
        _ data: UnsafeMutableRawPointer?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let (stream, function) = (try driver.stream(stream), try required(function))
            let argument = UInt(bitPattern: data)
            if try stream.captures(.host(HostWork(function, data))) { return }
            try stream.context.submit(to: stream) {
                function(UnsafeMutableRawPointer(bitPattern: argument))
                return Status.success
            }
        }
    }

    package static func cuStreamAddCallback(
        _ stream: CUstream?,
        _ callback: CUstreamCallback?,
        _ data: UnsafeMutableRawPointer?,
        _ flags: UInt32
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            guard flags == 0 else { throw .invalidValue }
            let (target, callback) = (try driver.stream(stream), try required(callback))
            // It tells of the stream's work, which a graph has not.
            try target.forbidCapture()
            let (streamNumber, argument) = (number(stream), UInt(bitPattern: data))
            try target.context.submit(to: target, isUnconditional: true) {
                let status = target.context.status
                callback(
                    handle(streamNumber),
                    status,
                    UnsafeMutableRawPointer(bitPattern: argument)
                )
                return Status.success
            }
        }
    }
}
