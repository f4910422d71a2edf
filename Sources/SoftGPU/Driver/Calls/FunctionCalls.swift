package import CUDAABI
internal import Driver
internal import SoftDevice

extension SoftCalls {
    package static func cuFuncGetAttribute(
        _ value: UnsafeMutablePointer<Int32>?,
        _ attribute: CUfunction_attribute,
        _ function: CUfunction?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let value = try required(value)
            let function = try context.driver.function(function)
            value.pointee = try KernelFacts(function, in: context).attribute(attribute)
        }
    }

    package static func cuFuncSetAttribute(
        _ function: CUfunction?,
        _ attribute: CUfunction_attribute,
        _ value: Int32
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let function = try context.driver.function(function).function(in: context)
            try set(attribute, value, of: function, in: context)
        }
    }

    static func set(
        _ attribute: CUfunction_attribute,
        _ value: Int32,
        of function: DeviceFunction,
        in context: Context
    ) throws(Failure) {
        switch attribute {
        case 8:
            let facts = try KernelFacts(function, in: context)
            let limit = facts.description.resources.sharedPerBlockOptIn
            guard value >= 0, Int(value) + facts.kernel.staticSharedBytes <= limit else {
                throw .invalidValue
            }
            function.set(on: context.device) { $0.maximumDynamicShared = Int(value) }
        case 9:
            guard (-1...100).contains(value) else { throw .invalidValue }
            function.set(on: context.device) { $0.carveout = value }
        case 14, 15: break
        default: throw .invalidValue
        }
    }

    package static func cuFuncSetCacheConfig(
        _ function: CUfunction?,
        _ config: CUfunc_cache
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            _ = try context.driver.function(function)
            guard (0...3).contains(config) else { throw .invalidValue }
        }
    }

    package static func cuFuncSetSharedMemConfig(
        _ function: CUfunction?,
        _ config: CUsharedconfig
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            _ = try context.driver.function(function)
            guard (0...2).contains(config) else { throw .invalidValue }
        }
    }

    package static func cuFuncGetModule(
        _ module: UnsafeMutablePointer<CUmodule?>?,
        _ function: CUfunction?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let module = try required(module)
            switch try context.driver.function(function).owner {
            case .module(let owner, _): module.pointee = handle(owner.handle)
            case .library(let library):
                module.pointee = handle(try library.moduleOrFailure(in: context).handle)
            }
        }
    }

    package static func cuFuncGetName(
        _ name: UnsafeMutablePointer<UnsafePointer<CChar>?>?,
        _ function: CUfunction?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try required(name).pointee = driver.function(function).nameBytes
        }
    }

    package static func cuFuncGetParamCount(
        _ function: CUfunction?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try required(count).pointee = driver.function(function).parameters.count
        }
    }

    package static func cuFuncGetParamInfo(
        _ function: CUfunction?,
        _ index: Int,
        _ offset: UnsafeMutablePointer<Int>?,
        _ size: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let parameters = try driver.function(function).parameters
            guard parameters.indices.contains(index) else { throw .invalidValue }
            try required(offset).pointee = parameters[index].offset
            size?.pointee = parameters[index].size
        }
    }

    package static func cuFuncIsLoaded(
        _ state: UnsafeMutablePointer<CUfunctionLoadingState>?,
        _ function: CUfunction?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            _ = try driver.function(function)
            try required(state).pointee = 1
        }
    }

    package static func cuFuncLoad(_ function: CUfunction?) -> CUresult {
        withContext { (context) throws(Failure) in
            _ = try KernelFacts(context.driver.function(function), in: context)
        }
    }
}
