internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Modules and libraries: one namespace of images.

extension ClientCalls {
    private static func raw(_ handle: OpaquePointer?) -> UInt64 { UInt64(UInt(bitPattern: handle)) }

    /// `cuModuleLoadDataEx`: since CUDA 12.3 also while anything is captured (NVIDIA's Warp counts on it).
    package static func cuModuleLoadDataEx(
        _ module: UnsafeMutablePointer<CUmodule?>?,
        _ image: UnsafeRawPointer?,
        _ count: UInt32,
        _ options: UnsafeMutablePointer<CUjit_option>?,
        _ values: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> CUresult {
        guard let module, let image, let parsed = JITOptions(count, options, values) else {
            return Status.invalidValue
        }
        var handle: UInt64 = 0
        let status = Loading.load(.cuModuleLoadDataEx, image, parsed, &handle)
        if status == 0 { module.pointee = Handles.pointer(handle) }
        return status
    }

    /// `cuModuleLoadData`
    package static func cuModuleLoadData(
        _ module: UnsafeMutablePointer<CUmodule?>?,
        _ image: UnsafeRawPointer?
    ) -> CUresult {
        cuModuleLoadDataEx(module, image, 0, nil, nil)
    }

    /// `cuModuleLoadFatBinary`
    package static func cuModuleLoadFatBinary(
        _ module: UnsafeMutablePointer<CUmodule?>?,
        _ image: UnsafeRawPointer?
    ) -> CUresult {
        cuModuleLoadData(module, image)
    }

    /// `cuModuleLoad`: the file is the program's, so it is read here (rule 11).
    package static func cuModuleLoad(
        _ module: UnsafeMutablePointer<CUmodule?>?,
        _ path: UnsafePointer<CChar>?
    ) -> CUresult {
        withFile(path) { cuModuleLoadData(module, $0) }
    }

    /// Reads a whole file, with a NUL behind it.
    static func withFile(
        _ path: UnsafePointer<CChar>?,
        _ body: (UnsafeRawPointer) -> CUresult
    ) -> CUresult {
        withFileBytes(path) { bytes in
            bytes.baseAddress.map(body) ?? Status.invalidValue
        }
    }

    /// Reads a whole file; one byte behind the bytes there is a NUL.
    static func withFileBytes(
        _ path: UnsafePointer<CChar>?,
        _ body: (UnsafeRawBufferPointer) -> CUresult
    ) -> CUresult {
        guard let path else { return Status.invalidValue }
        let descriptor = ferry_open(path, O_RDONLY | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return Status.fileNotFound }
        defer { _ = close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_size > 0,
            info.st_size <= WireFormat.maxImage
        else { return Status.invalidImage }
        let size = Int(info.st_size)
        guard let memory = malloc(size + 8) else { return Status.outOfMemory }
        defer { free(memory) }
        var done = 0
        while done < size {
            let count = read(descriptor, memory + done, size - done)
            guard count > 0 else { return Status.invalidImage }
            done += count
        }
        memset(memory + size, 0, 8)
        return body(UnsafeRawBufferPointer(start: memory, count: size))
    }

    /// `cuLibraryLoadData`
    package static func cuLibraryLoadData(
        _ library: UnsafeMutablePointer<CUlibrary?>?,
        _ code: UnsafeRawPointer?,
        _ options: UnsafeMutablePointer<CUjit_option>?,
        _ values: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ count: UInt32,
        _ libraryOptions: UnsafeMutablePointer<CUlibraryOption>?,
        _ libraryValues: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ libraryCount: UInt32
    ) -> CUresult {
        guard let library, let code, let parsed = JITOptions(count, options, values) else {
            return Status.invalidValue
        }
        // Library options say how the client keeps the image; a copy is always made.
        var handle: UInt64 = 0
        let status = withAnyContext { Loading.load(.cuLibraryLoadData, code, parsed, &handle) }
        if status == 0 { library.pointee = Handles.pointer(handle) }
        return status
    }

    /// Libraries belong to no context, but the server needs one to load it for: that of device 0
    /// when the thread has none.
    private static func withAnyContext(_ body: () -> CUresult) -> CUresult {
        guard ContextStack.current == 0 else { return body() }
        var context: CUcontext?
        let status = cuDevicePrimaryCtxRetain(&context, 0)
        guard status == 0 else { return status }
        ContextStack.replace(raw(context))
        defer { ContextStack.drop(raw(context)) }
        return body()
    }

    /// `cuLibraryLoadFromFile`
    package static func cuLibraryLoadFromFile(
        _ library: UnsafeMutablePointer<CUlibrary?>?,
        _ path: UnsafePointer<CChar>?,
        _ options: UnsafeMutablePointer<CUjit_option>?,
        _ values: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ count: UInt32,
        _ libraryOptions: UnsafeMutablePointer<CUlibraryOption>?,
        _ libraryValues: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ libraryCount: UInt32
    ) -> CUresult {
        withFile(path) {
            cuLibraryLoadData(
                library,
                $0,
                options,
                values,
                count,
                libraryOptions,
                libraryValues,
                libraryCount
            )
        }
    }

    /// `cuModuleUnload`
    package static func cuModuleUnload(_ module: CUmodule?) -> CUresult {
        unload(.cuModuleUnload, raw(module))
    }

    /// `cuLibraryUnload`
    package static func cuLibraryUnload(_ library: CUlibrary?) -> CUresult {
        unload(.cuLibraryUnload, raw(library))
    }

    private static func unload(_ opcode: Opcode, _ handle: UInt64) -> CUresult {
        withSession { state in
            guard let image = state.pointee.images.find(handle) else {
                return Status.invalidHandle
            }
            let refusal = Capturing.checkUnsafeCall(state)
            guard refusal == Status.success || image.pointee.isLibrary else { return refusal }
            let context = state.pointee.contexts.identifier(image.pointee.context) ?? 0
            let status = Session.sendLast(state, opcode, context: context, handle: handle) {
                forget(state, image: handle)
            }
            ManagedMemory.removeVariables(state)
            return status
        }
    }

    /// Forgets an image and its functions. Called with the object lock held.
    @discardableResult
    static func forget(_ state: UnsafeMutablePointer<SessionState>, image handle: UInt64) -> Bool {
        guard let image = state.pointee.images.remove(handle) else { return false }
        state.pointee.memory.removeAll(image: handle)
        forgetReferences(state, of: handle)
        // Handles are used again in the end.
        state.pointee.occupancy.clear()
        for index in 0..<image.functionCount {
            state.pointee.functions.remove(image.functions[index])?.deallocate()
        }
        image.functions.deallocate()
        return true
    }

    /// The image of a handle.
    static func withImage(
        _ handle: OpaquePointer?,
        _ body: (UnsafeMutablePointer<SessionState>, UnsafeMutablePointer<ImageEntry>) -> CUresult
    ) -> CUresult {
        withSession { state in
            guard let image = state.pointee.images.find(raw(handle)) else {
                return Status.invalidHandle
            }
            return body(state, image)
        }
    }

    /// `cuModuleGetFunction`
    package static func cuModuleGetFunction(
        _ function: UnsafeMutablePointer<CUfunction?>?,
        _ module: CUmodule?,
        _ name: UnsafePointer<CChar>?
    ) -> CUresult {
        withImage(module) { state, image in
            guard let function, let name, name.pointee != 0 else { return Status.invalidValue }
            for index in 0..<image.pointee.functionCount {
                let handle = image.pointee.functions[index]
                guard let entry = state.pointee.functions.find(handle) else { continue }
                if strcmp(entry.pointee.name, name) == 0 {
                    function.pointee = Handles.pointer(handle)
                    return Status.success
                }
            }
            return Status.notFound
        }
    }

    /// `cuLibraryGetKernel`
    package static func cuLibraryGetKernel(
        _ kernel: UnsafeMutablePointer<CUkernel?>?,
        _ library: CUlibrary?,
        _ name: UnsafePointer<CChar>?
    ) -> CUresult {
        cuModuleGetFunction(kernel, library, name)
    }

    /// `cuLibraryGetModule`: a library is its own module.
    package static func cuLibraryGetModule(
        _ module: UnsafeMutablePointer<CUmodule?>?,
        _ library: CUlibrary?
    ) -> CUresult {
        withImage(library) { _, _ in
            guard let module else { return Status.invalidValue }
            module.pointee = library
            return Status.success
        }
    }

    /// `cuModuleGetFunctionCount`
    package static func cuModuleGetFunctionCount(
        _ count: UnsafeMutablePointer<UInt32>?,
        _ module: CUmodule?
    ) -> CUresult {
        withImage(module) { _, image in
            guard let count else { return Status.invalidValue }
            count.pointee = UInt32(image.pointee.functionCount)
            return Status.success
        }
    }

    /// `cuLibraryGetKernelCount`
    package static func cuLibraryGetKernelCount(
        _ count: UnsafeMutablePointer<UInt32>?,
        _ library: CUlibrary?
    ) -> CUresult {
        cuModuleGetFunctionCount(count, library)
    }

    /// `cuModuleEnumerateFunctions`
    package static func cuModuleEnumerateFunctions(
        _ functions: UnsafeMutablePointer<CUfunction?>?,
        _ count: UInt32,
        _ module: CUmodule?
    ) -> CUresult {
        withImage(module) { _, image in
            guard let functions, count > 0 else { return Status.invalidValue }
            for index in 0..<min(Int(count), image.pointee.functionCount) {
                functions[index] = Handles.pointer(image.pointee.functions[index])
            }
            return Status.success
        }
    }

    /// `cuLibraryEnumerateKernels`
    package static func cuLibraryEnumerateKernels(
        _ kernels: UnsafeMutablePointer<CUkernel?>?,
        _ count: UInt32,
        _ library: CUlibrary?
    ) -> CUresult {
        cuModuleEnumerateFunctions(kernels, count, library)
    }

    /// The `index`-th function of a module, for the export tables.
    static func function(of module: CUmodule?, at index: Int) -> CUfunction? {
        guard let image = Session.state?.pointee.images.find(raw(module)),
            index < image.pointee.functionCount
        else { return nil }
        return Handles.pointer(image.pointee.functions[index])
    }

    /// `cuModuleGetGlobal_v2`
    package static func cuModuleGetGlobal_v2(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ bytes: UnsafeMutablePointer<Int>?,
        _ module: CUmodule?,
        _ name: UnsafePointer<CChar>?
    ) -> CUresult {
        global(.cuModuleGetGlobal_v2, address, bytes, module, name)
    }

    /// `cuLibraryGetGlobal`
    package static func cuLibraryGetGlobal(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ bytes: UnsafeMutablePointer<Int>?,
        _ library: CUlibrary?,
        _ name: UnsafePointer<CChar>?
    ) -> CUresult {
        global(.cuLibraryGetGlobal, address, bytes, library, name)
    }

    /// `cuLibraryGetManaged`
    package static func cuLibraryGetManaged(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ bytes: UnsafeMutablePointer<Int>?,
        _ library: CUlibrary?,
        _ name: UnsafePointer<CChar>?
    ) -> CUresult {
        global(.cuLibraryGetManaged, address, bytes, library, name)
    }

    private static func global(
        _ opcode: Opcode,
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ bytes: UnsafeMutablePointer<Int>?,
        _ image: OpaquePointer?,
        _ name: UnsafePointer<CChar>?
    ) -> CUresult {
        guard let name else { return Status.invalidValue }
        let length = strlen(name)
        guard length > 0, length <= GlobalLayout.maxName else { return Status.notFound }
        return withImage(image) { state, _ in
            var found: (address: UInt64, size: UInt64, isManaged: Bool) = (0, 0, false)
            let size = GlobalLayout.name + WireFormat.padded(length)
            let replySize = GlobalLayout.replySize
            var context: UInt32 = 0
            // A library has its managed variables without any context.
            if opcode != .cuLibraryGetManaged {
                var failure = Status.success
                let ready = Session.readyInContext(&failure, &context, givesWork: false)
                guard ready != nil else { return failure }
            } else if state.pointee.lostStatus != 0 {
                return state.pointee.lostStatus
            }
            let status = Session.wait(
                state,
                opcode,
                context: context,
                size: size,
                replySize: replySize
            ) { body in
                body.storeBytes(of: raw(image), as: UInt64.self)
                body.storeBytes(of: UInt64(length), toByteOffset: 8, as: UInt64.self)
                memset(body + GlobalLayout.name, 0, WireFormat.padded(length))
                memcpy(body + GlobalLayout.name, name, length)
            } reply: { reply in
                found.address = reply.loadUnaligned(
                    fromByteOffset: GlobalLayout.address,
                    as: UInt64.self
                )
                found.size = reply.loadUnaligned(
                    fromByteOffset: GlobalLayout.bytes,
                    as: UInt64.self
                )
                let isManaged = reply.loadUnaligned(
                    fromByteOffset: GlobalLayout.isManaged,
                    as: UInt64.self
                )
                found.isManaged = isManaged != 0
            }
            guard status == 0 else { return status }
            guard found.size <= UInt64(Int.max) else { return Status.unknown }
            if found.isManaged {
                let image = raw(image)
                let status = ManagedMemory.share(state, found.address, Int(found.size), image)
                guard status == Status.success else { return status }
            }
            state.pointee.memory.insert(
                Allocation(
                    address: found.address,
                    size: Int(found.size),
                    context: ContextStack.current,
                    image: raw(image),
                    sharing: found.isManaged ? .managed : .none
                )
            )
            address?.pointee = found.address
            bytes?.pointee = Int(found.size)
            return Status.success
        }
    }
}
