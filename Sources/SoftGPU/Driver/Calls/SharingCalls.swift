internal import CLinux
package import CUDAABI
internal import Driver
internal import SoftDevice

// Memory and events that processes share. Memory can be given away when the configuration says so, because it
// must lie in a file then from its beginning.
extension SoftCalls {
    package static func cuIpcGetMemHandle(
        _ handle: UnsafeMutablePointer<CUipcMemHandle>?,
        _ address: CUdeviceptr
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let handle = try required(handle)
            guard case .device(let device, let base, let size) = context.driver.region(at: address)
            else { throw .invalidValue }
            guard let found = device.allocations.find(base), found.pool == nil, !found.isManaged,
                !found.isOfGraph
            else { throw .invalidValue }
            guard let memory = device.memory, let file = memory.file,
                var made = SharedHandle(.memory, descriptor: file)
            else {
                Diagnostics.note(
                    "memory is shared between processes with FERRY_SOFT_GPU_IPC=1 only"
                )
                throw .notSupported
            }
            made.offset = base - memory.base
            made.bytes = UInt64(size)
            made.gpu = UInt64(device.description.identity.index)
            made.write(to: handle)
        }
    }

    package static func cuIpcOpenMemHandle(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ handle: CUipcMemHandle,
        _ flags: UInt32
    ) -> CUresult {
        cuIpcOpenMemHandle_v2(address, handle, flags)
    }

    package static func cuIpcOpenMemHandle_v2(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ handle: CUipcMemHandle,
        _ flags: UInt32
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let address = try required(address)
            // 1 lets the GPU use the other's memory when it is first needed, and is asked for always
            guard flags == 1 else { throw .invalidValue }
            let handle = try read(handle, .memory)
            guard handle.process != getpid() else { throw Failure(Status.invalidContext) }
            let owner = context.driver.devices.first {
                UInt64($0.description.identity.index) == handle.gpu
            }
            guard let owner else { throw Failure(Status.invalidDevice) }
            address.pointee = try context.driver.opened.open(
                handle,
                of: owner.engine(context.driver).memory,
                for: context.memory
            )
        }
    }

    package static func cuIpcCloseMemHandle(_ address: CUdeviceptr) -> CUresult {
        withContext { (context) throws(Failure) in
            guard context.driver.opened.contains(address) else { throw .invalidValue }
            // Work that may still use the memory comes first.
            for device in context.driver.devices {
                for each in device.liveContexts() { each.synchronize() }
            }
            guard context.driver.opened.close(address) else { throw .invalidValue }
        }
    }

    package static func cuIpcGetEventHandle(
        _ handle: UnsafeMutablePointer<CUipcEventHandle>?,
        _ event: CUevent?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let handle = try required(handle)
            guard let shared = try driver.event(event).shared else { throw .invalidHandle }
            guard var made = SharedHandle(.event, descriptor: shared.file) else {
                throw .invalidValue
            }
            made.bytes = UInt64(SharedEvent.pageSize)
            made.write(to: handle)
        }
    }

    package static func cuIpcOpenEventHandle(
        _ event: UnsafeMutablePointer<CUevent?>?,
        _ handle: CUipcEventHandle
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let event = try required(event)
            let handle = try read(handle, .event)
            // A file that is shorter than what is mapped would end this process.
            guard handle.bytes == UInt64(SharedEvent.pageSize) else { throw .invalidValue }
            guard handle.process != getpid() else { throw Failure(Status.invalidContext) }
            guard let shared = SharedEvent(file: try handle.open()) else { throw .outOfMemory }
            event.pointee = context.add(Event(context: context, hasTiming: false, shared: shared))
        }
    }

    private static func read<T>(
        _ handle: T,
        _ kind: SharedHandle.Kind
    ) throws(Failure) -> SharedHandle {
        let read = withUnsafeBytes(of: handle) { bytes in
            bytes.baseAddress.flatMap { SharedHandle($0, kind) }
        }
        guard let read else { throw .invalidValue }
        return read
    }
}
