internal import CLinux
package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuThreadExchangeStreamCaptureMode(
        _ mode: UnsafeMutablePointer<CUstreamCaptureMode>?
    ) -> CUresult {
        withDriver { (_) throws(Failure) in
            let mode = try required(mode)
            guard (0...2).contains(mode.pointee), let thread = ferry_thread() else {
                throw .invalidValue
            }
            swap(&mode.pointee, &thread.pointee.capture_mode)
        }
    }
}
