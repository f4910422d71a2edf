internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend

/// The driver API as the software GPU implements it: one function for each call that
/// `api/cuda.api` says it has, in one file for each noun.
///
/// The functions check their arguments as the driver does and hand over to typed objects. They may
/// be called from any thread. Status codes and semantics are those of the CUDA driver API's manual.
package enum SoftCalls {
    /// What every call ends with.
    @inline(__always)
    static func answer(_ body: () throws(Failure) -> Void) -> CUresult {
        do {
            try body()
            return Status.success
        } catch {
            return error.status
        }
    }

    /// A call that needs the driver, but no context.
    @inline(__always)
    static func withDriver(_ body: (SoftDriver) throws(Failure) -> Void) -> CUresult {
        do {
            try body(SoftDriver.ready())
            return Status.success
        } catch {
            return error.status
        }
    }

    /// A call in the context of the calling thread, which must work.
    @inline(__always)
    static func withContext(_ body: (Context) throws(Failure) -> Void) -> CUresult {
        do {
            try body(SoftDriver.ready().currentContext())
            return Status.success
        } catch {
            return error.status
        }
    }

    /// What calls answer that the software GPU does not have.
    package static func notSupported(_ name: StaticString) -> CUresult {
        Diagnostics.note("\(name) is not supported")
        return Status.notSupported
    }

    /// The stream of a call in its per-thread form: 0 means the thread's own.
    @inline(__always)
    package static func perThread(_ stream: CUstream?) -> CUstream? {
        stream ?? CUstream(bitPattern: SpecialStream.perThread)
    }
}

/// Stream handles that are numbers.
enum SpecialStream {
    static let legacy = 1
    static let perThread = 2
}

/// A handle as a number.
@inline(__always)
func number(_ handle: OpaquePointer?) -> UInt64 {
    UInt64(UInt(bitPattern: handle))
}

/// A number as a handle.
@inline(__always)
func handle(_ number: UInt64) -> OpaquePointer? {
    OpaquePointer(bitPattern: UInt(number))
}

/// A pointer that a call must not leave out.
@inline(__always)
func required<T>(_ pointer: T?) throws(Failure) -> T {
    guard let pointer else { throw .invalidValue }
    return pointer
}

extension Context {
    /// The stream that a handle means in this context.
    func stream(_ handle: OpaquePointer?) throws(Failure) -> Stream {
        switch Int(bitPattern: handle) {
        case 0, SpecialStream.legacy: return legacy
        case SpecialStream.perThread: return threadStream()
        default:
            guard let stream = driver.streams.object(number(handle)) else {
                throw .invalidHandle
            }
            guard stream.context === self else { throw .invalidHandle }
            return stream
        }
    }
}

extension SoftDriver {
    /// A created stream, of any context, that works; or a default stream of the current one.
    func stream(_ handle: OpaquePointer?) throws(Failure) -> Stream {
        if let stream = streams.object(number(handle)) {
            try stream.context.check()
            return stream
        }
        return try currentContext().stream(handle)
    }
}
