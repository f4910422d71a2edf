package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

extension ClientCalls {
    /// `cuCtxGetLimit`
    package static func cuCtxGetLimit(
        _ value: UnsafeMutablePointer<Int>?,
        _ limit: CUlimit
    ) -> CUresult {
        withContext { state, context in
            guard let value else { return Status.invalidValue }
            let limit = Int32(truncatingIfNeeded: limit)
            if let known = state.pointee.limits.value(of: limit, in: context) {
                value.pointee = known
                return Status.success
            }
            var found = 0
            typealias Request = Request_cuCtxGetLimit
            let replySize = ReplyLayout.values + 8
            let status = Session.wait(.cuCtxGetLimit, size: Request.size, replySize: replySize) {
                Request.encode(to: $0, limit: limit)
            } reply: {
                found = $0.loadUnaligned(fromByteOffset: ReplyLayout.values, as: Int.self)
            }
            guard status == 0 else { return status }
            state.pointee.limits.note(found, of: limit, in: context)
            value.pointee = found
            return status
        }
    }

    /// `cuCtxSetLimit`
    package static func cuCtxSetLimit(_ limit: CUlimit, _ value: Int) -> CUresult {
        withContext { state, _ in
            typealias Request = Request_cuCtxSetLimit
            let status = Session.wait(.cuCtxSetLimit, size: Request.size) {
                Request.encode(
                    to: $0,
                    limit: Int32(truncatingIfNeeded: limit),
                    value: UInt64(truncatingIfNeeded: value)
                )
            }
            // What the driver makes of a value is its own; one limit may also change another.
            state.pointee.limits.clear()
            return status
        }
    }
}
