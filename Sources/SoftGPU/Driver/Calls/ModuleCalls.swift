package import CUDAABI
internal import Driver
internal import SoftDevice

extension SoftCalls {
    package static func cuModuleGetLoadingMode(
        _ mode: UnsafeMutablePointer<CUmoduleLoadingMode>?
    ) -> CUresult {
        withDriver { (_) throws(Failure) in
            // 2: kernels are compiled when they are first used.
            try required(mode).pointee = 2
        }
    }

    package static func cuModuleLoad(
        _ module: UnsafeMutablePointer<CUmodule?>?,
        _ path: UnsafePointer<CChar>?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let module = try required(module)
            let bytes = try CodeFile.read(required(path))
            module.pointee = try load(context, JITOptions.none) { () throws(CodeFailure) in
                try bytes.span.bytes.withUnsafeBytes { (bytes) throws(CodeFailure) in
                    try CodeSource(
                        bytes: bytes,
                        for: context.device.description
                    )
                }
            }
        }
    }

    package static func cuModuleLoadData(
        _ module: UnsafeMutablePointer<CUmodule?>?,
        _ image: UnsafeRawPointer?
    ) -> CUresult {
        cuModuleLoadDataEx(module, image, 0, nil, nil)
    }

    package static func cuModuleLoadDataEx(
        _ module: UnsafeMutablePointer<CUmodule?>?,
        _ image: UnsafeRawPointer?,
        _ optionCount: UInt32,
        _ options: UnsafeMutablePointer<CUjit_option>?,
        _ values: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let (module, image) = (try required(module), try required(image))
            let options = try JITOptions(count: optionCount, options: options, values: values)
            module.pointee = try load(context, options) { () throws(CodeFailure) in
                try CodeSource(
                    image: image,
                    for: context.device.description
                )
            }
        }
    }

    package static func cuModuleLoadFatBinary(
        _ module: UnsafeMutablePointer<CUmodule?>?,
        _ image: UnsafeRawPointer?
    ) -> CUresult {
        cuModuleLoadDataEx(module, image, 0, nil, nil)
    }

    private static func load(
        _ context: Context,
        _ options: JITOptions,
        _ source: () throws(CodeFailure) -> CodeSource
    ) throws(Failure) -> CUmodule? {
        let loaded = try options.compile { () throws(CodeFailure) in
            var code = try source()
            code.maximumRegisters = options.maximumRegisters ?? code.maximumRegisters
            return try LoadedModule(CodeIndex(code), context: context, library: nil)
        }
        return handle(loaded.handle)
    }

    package static func cuModuleUnload(_ module: CUmodule?) -> CUresult {
        withContext { (context) throws(Failure) in
            let module = try context.driver.module(module)
            guard module.library == nil else { throw Failure(Status.notPermitted) }
            try context.driver.checkUnsafeCall()
            module.context.synchronize()
            module.unload()
        }
    }

    package static func cuModuleGetFunction(
        _ function: UnsafeMutablePointer<CUfunction?>?,
        _ module: CUmodule?,
        _ name: UnsafePointer<CChar>?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let (function, name) = (try required(function), try required(name))
            let found = try context.driver.module(module).function(String(cString: name))
            function.pointee = handle(found.handle)
        }
    }

    package static func cuModuleGetFunctionCount(
        _ count: UnsafeMutablePointer<UInt32>?,
        _ module: CUmodule?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let kernels = try context.driver.module(module).program.kernels
            try required(count).pointee = UInt32(kernels.count)
        }
    }

    package static func cuModuleEnumerateFunctions(
        _ functions: UnsafeMutablePointer<CUfunction?>?,
        _ room: UInt32,
        _ module: CUmodule?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let functions = try required(functions)
            let all = try context.driver.module(module).allFunctions()
            for (index, function) in all.prefix(Int(room)).enumerated() {
                functions[index] = handle(function.handle)
            }
        }
    }

    package static func cuModuleGetGlobal_v2(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ bytes: UnsafeMutablePointer<Int>?,
        _ module: CUmodule?,
        _ name: UnsafePointer<CChar>?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let name = try required(name)
            let found = try context.driver.module(module).global(String(cString: name))
            address?.pointee = found.address
            bytes?.pointee = found.size
        }
    }
}

extension SoftDriver {
    /// A module by its handle.
    func module(_ handle: OpaquePointer?) throws(Failure) -> LoadedModule {
        guard let module = modules.object(number(handle)) else { throw .invalidHandle }
        return module
    }
}
