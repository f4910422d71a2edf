package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuGetErrorName(
        _ error: CUresult,
        _ string: UnsafeMutablePointer<UnsafePointer<CChar>?>?
    ) -> CUresult {
        describe(error, string) { $0.name }
    }

    package static func cuGetErrorString(
        _ error: CUresult,
        _ string: UnsafeMutablePointer<UnsafePointer<CChar>?>?
    ) -> CUresult {
        describe(error, string) { $0.text }
    }

    private static func describe(
        _ error: CUresult,
        _ string: UnsafeMutablePointer<UnsafePointer<CChar>?>?,
        _ choose: ((name: StaticString, text: StaticString)) -> StaticString
    ) -> CUresult {
        guard let string else { return Status.invalidValue }
        guard let known = describeResult(error) else {
            string.pointee = nil
            return Status.invalidValue
        }
        string.pointee = UnsafeRawPointer(choose(known).utf8Start)
            .assumingMemoryBound(to: CChar.self)
        return Status.success
    }
}
