package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuKernelGetFunction(
        _ function: UnsafeMutablePointer<CUfunction?>?,
        _ kernel: CUkernel?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let found = try context.driver.function(kernel).function(in: context)
            try required(function).pointee = handle(found.handle)
        }
    }

    package static func cuKernelGetLibrary(
        _ library: UnsafeMutablePointer<CUlibrary?>?,
        _ kernel: CUkernel?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let library = try required(library)
            switch try driver.function(kernel).owner {
            case .library(let owner): library.pointee = handle(owner.handle)
            case .module(let module, _):
                guard let owner = module.library else { throw .invalidHandle }
                library.pointee = handle(owner.handle)
            }
        }
    }

    package static func cuKernelGetName(
        _ name: UnsafeMutablePointer<UnsafePointer<CChar>?>?,
        _ kernel: CUkernel?
    ) -> CUresult {
        cuFuncGetName(name, kernel)
    }

    package static func cuKernelGetParamCount(
        _ kernel: CUkernel?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        cuFuncGetParamCount(kernel, count)
    }

    package static func cuKernelGetParamInfo(
        _ kernel: CUkernel?,
        _ index: Int,
        _ offset: UnsafeMutablePointer<Int>?,
        _ size: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        cuFuncGetParamInfo(kernel, index, offset, size)
    }

    package static func cuKernelGetAttribute(
        _ value: UnsafeMutablePointer<Int32>?,
        _ attribute: CUfunction_attribute,
        _ kernel: CUkernel?,
        _ device: CUdevice
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let value = try required(value)
            let kernel = try driver.function(kernel)
            let context = try driver.context(of: device)
            value.pointee = try KernelFacts(kernel, in: context).attribute(attribute)
        }
    }

    package static func cuKernelSetAttribute(
        _ attribute: CUfunction_attribute,
        _ value: Int32,
        _ kernel: CUkernel?,
        _ device: CUdevice
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let kernel = try driver.function(kernel)
            try set(attribute, value, of: kernel, in: driver.context(of: device))
        }
    }

    package static func cuKernelSetCacheConfig(
        _ kernel: CUkernel?,
        _ config: CUfunc_cache,
        _ device: CUdevice
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            _ = try driver.device(device)
            _ = try driver.function(kernel)
            guard (0...3).contains(config) else { throw .invalidValue }
        }
    }
}

extension SoftDriver {
    /// A context of a GPU: the current one if it is of that GPU, else any that lives.
    func context(of ordinal: Int32) throws(Failure) -> Context {
        let device = try device(ordinal)
        if let current = try? currentContext(), current.device === device { return current }
        guard let context = device.liveContexts().first(where: { $0.status == 0 }) else {
            throw .invalidContext
        }
        return context
    }
}
