package import CUDAABI
internal import Driver
internal import SoftDevice

extension SoftCalls {
    package static func cuLibraryLoadData(
        _ library: UnsafeMutablePointer<CUlibrary?>?,
        _ code: UnsafeRawPointer?,
        _ jitOptions: UnsafeMutablePointer<CUjit_option>?,
        _ jitValues: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ jitCount: UInt32,
        _ options: UnsafeMutablePointer<CUlibraryOption>?,
        _ values: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ optionCount: UInt32
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let (library, code) = (try required(library), try required(code))
            let jit = try JITOptions(count: jitCount, options: jitOptions, values: jitValues)
            library.pointee = try load(driver, jit) { () throws(CodeFailure) in
                try CodeSource(
                    image: code,
                    for: driver.devices[0].description
                )
            }
        }
    }

    package static func cuLibraryLoadFromFile(
        _ library: UnsafeMutablePointer<CUlibrary?>?,
        _ path: UnsafePointer<CChar>?,
        _ jitOptions: UnsafeMutablePointer<CUjit_option>?,
        _ jitValues: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ jitCount: UInt32,
        _ options: UnsafeMutablePointer<CUlibraryOption>?,
        _ values: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ optionCount: UInt32
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let library = try required(library)
            let bytes = try CodeFile.read(required(path))
            let jit = try JITOptions(count: jitCount, options: jitOptions, values: jitValues)
            library.pointee = try load(driver, jit) { () throws(CodeFailure) in
                try bytes.span.bytes.withUnsafeBytes { (bytes) throws(CodeFailure) in
                    try CodeSource(
                        bytes: bytes,
                        for: driver.devices[0].description
                    )
                }
            }
        }
    }

    /// Makes a library, and loads it into the current context if there is one, so that errors in
    /// the code are said by this call.
    private static func load(
        _ driver: SoftDriver,
        _ options: JITOptions,
        _ source: () throws(CodeFailure) -> CodeSource
    ) throws(Failure) -> CUlibrary? {
        let context = try? driver.currentContext()
        let loaded = try options.compile { () throws(CodeFailure) in
            var code = try source()
            code.maximumRegisters = options.maximumRegisters ?? code.maximumRegisters
            let loaded = try LoadedLibrary(code, driver: driver)
            do throws(CodeFailure) {
                if let context { _ = try loaded.module(in: context) }
            } catch {
                loaded.unload()
                throw error
            }
            return loaded
        }
        return handle(loaded.handle)
    }

    package static func cuLibraryUnload(_ library: CUlibrary?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try driver.library(library).unload()
        }
    }

    package static func cuLibraryGetModule(
        _ module: UnsafeMutablePointer<CUmodule?>?,
        _ library: CUlibrary?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let library = try context.driver.library(library)
            try required(module).pointee = handle(library.moduleOrFailure(in: context).handle)
        }
    }

    package static func cuLibraryGetKernel(
        _ kernel: UnsafeMutablePointer<CUkernel?>?,
        _ library: CUlibrary?,
        _ name: UnsafePointer<CChar>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let (kernel, name) = (try required(kernel), try required(name))
            let library = try driver.library(library)
            let found = try library.kernel(String(cString: name))
            kernel.pointee = handle(found.handle)
        }
    }

    package static func cuLibraryGetKernelCount(
        _ count: UnsafeMutablePointer<UInt32>?,
        _ library: CUlibrary?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let library = try driver.library(library)
            try required(count).pointee = UInt32(library.index.entries.count)
        }
    }

    package static func cuLibraryEnumerateKernels(
        _ kernels: UnsafeMutablePointer<CUkernel?>?,
        _ room: UInt32,
        _ library: CUlibrary?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let kernels = try required(kernels)
            let all = try driver.library(library).allKernels()
            for (index, kernel) in all.prefix(Int(room)).enumerated() {
                kernels[index] = handle(kernel.handle)
            }
        }
    }

    /// Needs no context: a managed variable is the same one in all of them.
    package static func cuLibraryGetManaged(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ bytes: UnsafeMutablePointer<Int>?,
        _ library: CUlibrary?,
        _ name: UnsafePointer<CChar>?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let name = try required(name)
            let managed = try driver.library(library).managed
            guard let place = managed.places[String(cString: name)] else { throw .notFound }
            address?.pointee = place.address
            bytes?.pointee = place.size
        }
    }

    package static func cuLibraryGetGlobal(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ bytes: UnsafeMutablePointer<Int>?,
        _ library: CUlibrary?,
        _ name: UnsafePointer<CChar>?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let name = try required(name)
            let module = try context.driver.library(library).moduleOrFailure(in: context)
            let found = try module.global(String(cString: name))
            address?.pointee = found.address
            bytes?.pointee = found.size
        }
    }
}

extension SoftDriver {
    /// A library by its handle.
    func library(_ handle: OpaquePointer?) throws(Failure) -> LoadedLibrary {
        guard let library = libraries.object(number(handle)) else { throw .invalidHandle }
        return library
    }
}
