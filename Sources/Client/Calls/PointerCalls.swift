internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend

// What a pointer is: answered from what the program allocated.

extension ClientCalls {
    /// CUpointer_attribute, the ones that have an answer here.
    private enum Attribute {
        static let context: Int32 = 1
        static let memoryType: Int32 = 2
        static let devicePointer: Int32 = 3
        static let hostPointer: Int32 = 4
        static let syncMemoryOperations: Int32 = 6
        static let bufferIdentifier: Int32 = 7
        static let isManaged: Int32 = 8
        static let deviceOrdinal: Int32 = 9
        static let isLegacyIPCCapable: Int32 = 10
        static let rangeStart: Int32 = 11
        static let rangeSize: Int32 = 12
        static let isMapped: Int32 = 13
        static let allowedHandleTypes: Int32 = 14
        static let isGPUDirectCapable: Int32 = 15
        static let accessFlags: Int32 = 16
        static let memoryPool: Int32 = 17
    }

    /// `cuPointerGetAttribute`
    package static func cuPointerGetAttribute(
        _ data: UnsafeMutableRawPointer?,
        _ attribute: CUpointer_attribute,
        _ pointer: CUdeviceptr
    ) -> CUresult {
        withSession { state in
            guard let data else { return Status.invalidValue }
            if let found = state.pointee.memory.find(pointer), found.sharing != .pageLocked {
                return describe(state, found, pointer, attribute, data)
            }
            if let range = state.pointee.hostMemory.find(UInt(pointer)) {
                return describe(range, pointer, attribute, data)
            }
            return Status.invalidValue
        }
    }

    private static func describe(
        _ state: UnsafeMutablePointer<SessionState>,
        _ memory: Allocation,
        _ pointer: CUdeviceptr,
        _ attribute: CUpointer_attribute,
        _ data: UnsafeMutableRawPointer
    ) -> CUresult {
        switch attribute {
        case Attribute.context: data.storeBytes(of: memory.context, as: UInt64.self)
        case Attribute.memoryType: data.storeBytes(of: 2, as: UInt32.self)
        case Attribute.devicePointer: data.storeBytes(of: pointer, as: UInt64.self)
        case Attribute.hostPointer:
            guard memory.isManaged else { return Status.invalidValue }
            data.storeBytes(of: pointer, as: UInt64.self)
        case Attribute.isManaged:
            data.storeBytes(of: memory.isManaged ? 1 : 0, as: UInt32.self)
        case Attribute.deviceOrdinal:
            let pool = state.pointee.memoryPoolHandles.find(memory.pool)
            let context = state.pointee.contexts.find(memory.context)
            let device = pool?.pointee.device ?? context?.pointee.device ?? 0
            data.storeBytes(of: device, as: Int32.self)
        case Attribute.rangeStart: data.storeBytes(of: memory.address, as: UInt64.self)
        case Attribute.rangeSize: data.storeBytes(of: UInt64(memory.size), as: UInt64.self)
        case Attribute.bufferIdentifier: data.storeBytes(of: memory.address >> 8, as: UInt64.self)
        case Attribute.memoryPool: data.storeBytes(of: memory.pool, as: UInt64.self)
        default: return describeAny(attribute, data)
        }
        return Status.success
    }

    private static func describe(
        _ range: HostRange,
        _ pointer: CUdeviceptr,
        _ attribute: CUpointer_attribute,
        _ data: UnsafeMutableRawPointer
    ) -> CUresult {
        switch attribute {
        case Attribute.context: data.storeBytes(of: ContextStack.current, as: UInt64.self)
        case Attribute.memoryType: data.storeBytes(of: 1, as: UInt32.self)
        case Attribute.devicePointer:
            // What cannot be reached from a kernel has no device address.
            guard range.isMapped || range.isAdoptable else { return Status.invalidValue }
            data.storeBytes(of: pointer, as: UInt64.self)
        case Attribute.hostPointer: data.storeBytes(of: pointer, as: UInt64.self)
        case Attribute.deviceOrdinal: data.storeBytes(of: 0, as: Int32.self)
        case Attribute.rangeStart: data.storeBytes(of: UInt64(range.address), as: UInt64.self)
        case Attribute.rangeSize: data.storeBytes(of: UInt64(range.size), as: UInt64.self)
        case Attribute.bufferIdentifier:
            data.storeBytes(of: UInt64(range.address) >> 8, as: UInt64.self)
        default: return describeAny(attribute, data)
        }
        return Status.success
    }

    private static func describeAny(
        _ attribute: CUpointer_attribute,
        _ data: UnsafeMutableRawPointer
    ) -> CUresult {
        switch attribute {
        case Attribute.syncMemoryOperations, Attribute.isManaged, Attribute.isLegacyIPCCapable,
            Attribute.isGPUDirectCapable:
            data.storeBytes(of: 0, as: UInt32.self)
        case Attribute.isMapped: data.storeBytes(of: 1, as: UInt32.self)
        case Attribute.allowedHandleTypes, Attribute.memoryPool:
            data.storeBytes(of: 0, as: UInt64.self)
        case Attribute.accessFlags: data.storeBytes(of: 3, as: UInt32.self)
        default: return Status.invalidValue
        }
        return Status.success
    }

    /// `cuPointerGetAttributes`: for a pointer that is none of CUDA's, zeros and success.
    package static func cuPointerGetAttributes(
        _ count: UInt32,
        _ attributes: UnsafeMutablePointer<CUpointer_attribute>?,
        _ data: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ pointer: CUdeviceptr
    ) -> CUresult {
        withSession { _ in
            guard let attributes, let data, count > 0 else { return Status.invalidValue }
            for index in 0..<Int(count) {
                guard let target = data[index] else { return Status.invalidValue }
                if cuPointerGetAttribute(target, attributes[index], pointer) != 0 {
                    clear(attributes[index], target)
                }
            }
            return Status.success
        }
    }

    private static func clear(_ attribute: CUpointer_attribute, _ data: UnsafeMutableRawPointer) {
        switch attribute {
        case Attribute.deviceOrdinal: data.storeBytes(of: -2, as: Int32.self)
        case Attribute.memoryType, Attribute.syncMemoryOperations, Attribute.isManaged,
            Attribute.isLegacyIPCCapable, Attribute.isMapped, Attribute.isGPUDirectCapable,
            Attribute.accessFlags:
            data.storeBytes(of: 0, as: UInt32.self)
        default: data.storeBytes(of: 0, as: UInt64.self)
        }
    }

    /// `cuPointerSetAttribute`: only SYNC_MEMOPS can be set, and every copy is in order anyway.
    package static func cuPointerSetAttribute(
        _ value: UnsafeRawPointer?,
        _ attribute: CUpointer_attribute,
        _ pointer: CUdeviceptr
    ) -> CUresult {
        withContext { state, _ in
            guard value != nil, attribute == Attribute.syncMemoryOperations,
                state.pointee.memory.find(pointer) != nil
            else { return Status.invalidValue }
            return Status.success
        }
    }
}
