internal import CLinux
package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuLinkCreate_v2(
        _ optionCount: UInt32,
        _ options: UnsafeMutablePointer<CUjit_option>?,
        _ values: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ state: UnsafeMutablePointer<CUlinkState?>?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let state = try required(state)
            let jit = try JITOptions(count: optionCount, options: options, values: values)
            let session = LinkSession(context: context, options: jit)
            state.pointee = handle(context.driver.links.insert(session))
        }
    }

    package static func cuLinkAddData_v2(
        _ state: CUlinkState?,
        _ type: CUjitInputType,
        _ data: UnsafeMutableRawPointer?,
        _ size: Int,
        _ name: UnsafePointer<CChar>?,
        _ optionCount: UInt32,
        _ options: UnsafeMutablePointer<CUjit_option>?,
        _ values: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let session = try driver.link(state)
            let data = try required(data)
            guard size > 0, size <= 1 << 30 else { throw .invalidValue }
            let label = name.map { String(cString: $0) } ?? "input"
            try session.options.compile { () throws(CodeFailure) in
                let bytes = UnsafeRawBufferPointer(start: data, count: size)
                try session.add(bytes, kind: type, name: label)
            }
        }
    }

    package static func cuLinkAddFile_v2(
        _ state: CUlinkState?,
        _ type: CUjitInputType,
        _ path: UnsafePointer<CChar>?,
        _ optionCount: UInt32,
        _ options: UnsafeMutablePointer<CUjit_option>?,
        _ values: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let session = try driver.link(state)
            let path = try required(path)
            let bytes = try CodeFile.read(path)
            let label = String(cString: path)
            try session.options.compile { () throws(CodeFailure) in
                try bytes.span.bytes.withUnsafeBytes { (bytes) throws(CodeFailure) in
                    try session.add(bytes, kind: type, name: label)
                }
            }
        }
    }

    package static func cuLinkComplete(
        _ state: CUlinkState?,
        _ cubin: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ size: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let session = try driver.link(state)
            let cubin = try required(cubin)
            let bytes = try session.options.compile { () throws(CodeFailure) in
                try session.complete()
            }
            cubin.pointee = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
            size?.pointee = bytes.count
        }
    }

    package static func cuLinkDestroy(_ state: CUlinkState?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            guard driver.links.remove(number(state)) != nil else { throw .invalidHandle }
        }
    }
}

extension SoftDriver {
    /// A link session by its handle.
    func link(_ handle: OpaquePointer?) throws(Failure) -> LinkSession {
        guard let session = links.object(number(handle)) else { throw .invalidHandle }
        return session
    }
}
