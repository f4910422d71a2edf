internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Functions and kernels: one namespace. All came with the load's reply, so nothing is asked.

extension ClientCalls {
    /// What is known of a function.
    private static func withFunction(
        _ function: OpaquePointer?,
        _ body: (UnsafeMutablePointer<FunctionEntry>) -> CUresult
    ) -> CUresult {
        withSession { _ in
            guard let entry = Handles.entry(function) else { return Status.invalidHandle }
            return body(entry)
        }
    }

    /// `cuFuncGetAttribute`
    package static func cuFuncGetAttribute(
        _ value: UnsafeMutablePointer<Int32>?,
        _ attribute: CUfunction_attribute,
        _ function: CUfunction?
    ) -> CUresult {
        withFunction(function) { entry in
            guard let value, attribute >= 0, attribute < Int32(LoadReplyLayout.attributeCount)
            else { return Status.invalidValue }
            value.pointee = entry.pointee.attributes[Int(attribute)]
            return Status.success
        }
    }

    /// `cuKernelGetAttribute`
    package static func cuKernelGetAttribute(
        _ value: UnsafeMutablePointer<Int32>?,
        _ attribute: CUfunction_attribute,
        _ kernel: CUkernel?,
        _ device: CUdevice
    ) -> CUresult {
        withDevice(device) { _ in cuFuncGetAttribute(value, attribute, kernel) }
    }

    /// `cuFuncSetAttribute`
    package static func cuFuncSetAttribute(
        _ function: CUfunction?,
        _ attribute: CUfunction_attribute,
        _ value: Int32
    ) -> CUresult {
        set(function, attribute, value, device: 0)
    }

    /// - Parameter device: Number of a device on the server + 1, for a kernel's value there; 0 for the
    ///   current context's.
    private static func set(
        _ function: CUfunction?,
        _ attribute: CUfunction_attribute,
        _ value: Int32,
        device: UInt32
    ) -> CUresult {
        withFunction(function) { entry in
            guard attribute >= 0, attribute < Int32(LoadReplyLayout.attributeCount) else {
                return Status.invalidValue
            }
            if isSet(entry, attribute, value) { return Status.success }
            let status = Session.wait(.cuFuncSetAttribute, size: FunctionAttributeLayout.size) {
                $0.storeBytes(of: entry.pointee.identifier, as: UInt32.self)
                $0.storeBytes(of: attribute, toByteOffset: 4, as: Int32.self)
                $0.storeBytes(of: value, toByteOffset: 8, as: Int32.self)
                $0.storeBytes(
                    of: device,
                    toByteOffset: FunctionAttributeLayout.device,
                    as: UInt32.self
                )
            }
            guard let state = Session.state, status == 0 else { return status }
            entry.pointee.attributes[Int(attribute)] = value
            // What a launch may have has changed.
            state.pointee.streamLock.withLock { entry.pointee.template.forget() }
            state.pointee.occupancy.clear()
            return status
        }
    }

    /// Whether a function has this value already, so that nothing need be asked: cuBLASLt sets what its
    /// kernels need before each launch. Kernels have a value for each GPU, of which only one is
    /// kept here.
    private static func isSet(
        _ entry: UnsafeMutablePointer<FunctionEntry>,
        _ attribute: CUfunction_attribute,
        _ value: Int32
    ) -> Bool {
        switch attribute {
        // Dynamic shared memory, carve-out, large clusters, scheduling of clusters. What is left can be set
        // under conditions that the driver knows.
        case 8, 9, 14, 15: break
        default: return false
        }
        guard entry.pointee.attributes[Int(attribute)] == value, let state = Session.live,
            state.pointee.devices.count == 1
        else { return false }
        return Session.usableContext(state) != nil
    }

    /// `cuKernelSetAttribute`
    package static func cuKernelSetAttribute(
        _ attribute: CUfunction_attribute,
        _ value: Int32,
        _ kernel: CUkernel?,
        _ device: CUdevice
    ) -> CUresult {
        withDevice(device) { state in
            let ordinal = UInt32(bitPattern: state.pointee.devices.serverOrdinal(device))
            return set(kernel, attribute, value, device: ordinal + 1)
        }
    }

    /// `cuFuncSetCacheConfig`: a preference that no GPU of today has.
    package static func cuFuncSetCacheConfig(
        _ function: CUfunction?,
        _ config: CUfunc_cache
    ) -> CUresult {
        withFunction(function) { _ in
            config >= 0 && config <= 3 ? Status.success : Status.invalidValue
        }
    }

    /// `cuKernelSetCacheConfig`
    package static func cuKernelSetCacheConfig(
        _ kernel: CUkernel?,
        _ config: CUfunc_cache,
        _ device: CUdevice
    ) -> CUresult {
        withDevice(device) { _ in cuFuncSetCacheConfig(kernel, config) }
    }

    /// `cuFuncSetSharedMemConfig`: bank sizes cannot be chosen any more.
    package static func cuFuncSetSharedMemConfig(
        _ function: CUfunction?,
        _ config: CUsharedconfig
    ) -> CUresult {
        withFunction(function) { _ in
            config >= 0 && config <= 2 ? Status.success : Status.invalidValue
        }
    }

    /// `cuFuncGetModule`
    package static func cuFuncGetModule(
        _ module: UnsafeMutablePointer<CUmodule?>?,
        _ function: CUfunction?
    ) -> CUresult {
        withFunction(function) { entry in
            guard let module else { return Status.invalidValue }
            module.pointee = Handles.pointer(entry.pointee.image)
            return Status.success
        }
    }

    /// `cuKernelGetLibrary`
    package static func cuKernelGetLibrary(
        _ library: UnsafeMutablePointer<CUlibrary?>?,
        _ kernel: CUkernel?
    ) -> CUresult {
        cuFuncGetModule(library, kernel)
    }

    /// `cuKernelGetFunction`: a kernel is its own function.
    package static func cuKernelGetFunction(
        _ function: UnsafeMutablePointer<CUfunction?>?,
        _ kernel: CUkernel?
    ) -> CUresult {
        withFunction(kernel) { _ in
            guard let function else { return Status.invalidValue }
            function.pointee = kernel
            return Status.success
        }
    }

    /// `cuFuncGetName`
    package static func cuFuncGetName(
        _ name: UnsafeMutablePointer<UnsafePointer<CChar>?>?,
        _ function: CUfunction?
    ) -> CUresult {
        withFunction(function) { entry in
            guard let name else { return Status.invalidValue }
            name.pointee = UnsafePointer(entry.pointee.name)
            return Status.success
        }
    }

    /// `cuKernelGetName`
    package static func cuKernelGetName(
        _ name: UnsafeMutablePointer<UnsafePointer<CChar>?>?,
        _ kernel: CUkernel?
    ) -> CUresult {
        cuFuncGetName(name, kernel)
    }

    /// `cuFuncGetParamInfo`: "invalid value" past the last parameter.
    package static func cuFuncGetParamInfo(
        _ function: CUfunction?,
        _ index: Int,
        _ offset: UnsafeMutablePointer<Int>?,
        _ size: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        withFunction(function) { entry in
            guard let offset, index >= 0, index < entry.pointee.parameters.count else {
                return Status.invalidValue
            }
            offset.pointee = Int(entry.pointee.parameters[index].offset)
            size?.pointee = Int(entry.pointee.parameters[index].size)
            return Status.success
        }
    }

    /// `cuKernelGetParamInfo`
    package static func cuKernelGetParamInfo(
        _ kernel: CUkernel?,
        _ index: Int,
        _ offset: UnsafeMutablePointer<Int>?,
        _ size: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        cuFuncGetParamInfo(kernel, index, offset, size)
    }

    /// `cuFuncGetParamCount`
    package static func cuFuncGetParamCount(
        _ function: CUfunction?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        withFunction(function) { entry in
            guard let count else { return Status.invalidValue }
            count.pointee = entry.pointee.parameters.count
            return Status.success
        }
    }

    /// `cuKernelGetParamCount`
    package static func cuKernelGetParamCount(
        _ kernel: CUkernel?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        cuFuncGetParamCount(kernel, count)
    }

    /// `cuFuncIsLoaded`: every function is.
    package static func cuFuncIsLoaded(
        _ state: UnsafeMutablePointer<CUfunctionLoadingState>?,
        _ function: CUfunction?
    ) -> CUresult {
        withFunction(function) { _ in
            guard let state else { return Status.invalidValue }
            state.pointee = 1
            return Status.success
        }
    }

    /// `cuFuncLoad`: every function is loaded.
    package static func cuFuncLoad(_ function: CUfunction?) -> CUresult {
        withFunction(function) { _ in Status.success }
    }
}
