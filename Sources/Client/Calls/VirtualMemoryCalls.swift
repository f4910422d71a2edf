internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Virtual memory management. Every call waits: programs make these when they take more memory, not in
// their loops, and go by what each of them says. No call needs a context.

extension ClientCalls {
    /// `cuMemGetAllocationGranularity`
    package static func cuMemGetAllocationGranularity(
        _ granularity: UnsafeMutablePointer<Int>?,
        _ properties: OpaquePointer?,
        _ option: CUmemAllocationGranularity_flags
    ) -> CUresult {
        withSession { state in
            guard let granularity else { return Status.invalidValue }
            var found: UInt64 = 0
            let status = withProperties(state, properties) { properties in
                let size = VirtualMemoryLayout.granularitySize
                return ask(state, .cuMemGetAllocationGranularity, size, &found) { body in
                    let option = UInt64(UInt32(bitPattern: option))
                    body.storeBytes(of: option, as: UInt64.self)
                    properties.write(to: body + 8)
                }
            }
            if status == 0 { granularity.pointee = Int(truncatingIfNeeded: found) }
            return status
        }
    }

    /// `cuMemAddressReserve`
    package static func cuMemAddressReserve(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ size: Int,
        _ alignment: Int,
        _ wanted: CUdeviceptr,
        _ flags: UInt64
    ) -> CUresult {
        withSession { state in
            guard let address, size > 0, alignment >= 0 else { return Status.invalidValue }
            var found: UInt64 = 0
            let bytes = VirtualMemoryLayout.reserveSize
            let status = ask(state, .cuMemAddressReserve, bytes, &found) { body in
                body.storeBytes(of: UInt64(size), as: UInt64.self)
                body.storeBytes(of: UInt64(alignment), toByteOffset: 8, as: UInt64.self)
                body.storeBytes(of: wanted, toByteOffset: 16, as: UInt64.self)
                body.storeBytes(of: flags, toByteOffset: 24, as: UInt64.self)
            }
            if status == 0 { address.pointee = found }
            return status
        }
    }

    /// `cuMemAddressFree`
    package static func cuMemAddressFree(_ address: CUdeviceptr, _ size: Int) -> CUresult {
        withSession { state in
            guard size > 0 else { return Status.invalidValue }
            return ask(state, .cuMemAddressFree, address, size)
        }
    }

    /// `cuMemCreate`
    package static func cuMemCreate(
        _ handle: UnsafeMutablePointer<CUmemGenericAllocationHandle>?,
        _ size: Int,
        _ properties: OpaquePointer?,
        _ flags: UInt64
    ) -> CUresult {
        withSession { state in
            guard let handle, size > 0 else { return Status.invalidValue }
            var found: UInt64 = 0
            let status = withProperties(state, properties) { properties in
                // 1: a file descriptor
                guard properties.handleTypes & ~1 == 0 else {
                    Log.notSupported("memory that is shared between processes")
                    return Status.notSupported
                }
                let bytes = VirtualMemoryLayout.createSize
                return MemoryPools.retrying(state) {
                    ask(state, .cuMemCreate, bytes, &found) { body in
                        body.storeBytes(of: UInt64(size), as: UInt64.self)
                        body.storeBytes(of: flags, toByteOffset: 8, as: UInt64.self)
                        properties.write(to: body + 16)
                    }
                }
            }
            if status == 0 { handle.pointee = found }
            return status
        }
    }

    /// `cuMemRelease`
    package static func cuMemRelease(_ handle: CUmemGenericAllocationHandle) -> CUresult {
        withSession { state in
            ask(state, .cuMemRelease, VirtualMemoryLayout.releaseSize) { body in
                body.storeBytes(of: handle, as: UInt64.self)
            }
        }
    }

    /// `cuMemMap`
    package static func cuMemMap(
        _ address: CUdeviceptr,
        _ size: Int,
        _ offset: Int,
        _ handle: CUmemGenericAllocationHandle,
        _ flags: UInt64
    ) -> CUresult {
        withSession { state in
            guard size > 0, offset >= 0 else { return Status.invalidValue }
            let status = ask(state, .cuMemMap, VirtualMemoryLayout.mapSize) { body in
                body.storeBytes(of: address, as: UInt64.self)
                body.storeBytes(of: UInt64(size), toByteOffset: 8, as: UInt64.self)
                body.storeBytes(of: UInt64(offset), toByteOffset: 16, as: UInt64.self)
                body.storeBytes(of: handle, toByteOffset: 24, as: UInt64.self)
                body.storeBytes(of: flags, toByteOffset: 32, as: UInt64.self)
            }
            guard status == 0 else { return status }
            let primary = state.pointee.contexts.primary(0).pointee.handle
            let context = ContextStack.current == 0 ? primary : ContextStack.current
            state.pointee.memory.insert(
                Allocation(address: address, size: size, context: context, isMapping: true)
            )
            return Status.success
        }
    }

    /// `cuMemUnmap`
    package static func cuMemUnmap(_ address: CUdeviceptr, _ size: Int) -> CUresult {
        withSession { state in
            guard size > 0 else { return Status.invalidValue }
            let status = ask(state, .cuMemUnmap, address, size)
            if status == 0 { state.pointee.memory.removeMappings(address, size) }
            return status
        }
    }

    /// `cuMemSetAccess`
    package static func cuMemSetAccess(
        _ address: CUdeviceptr,
        _ size: Int,
        _ descriptions: OpaquePointer?,
        _ count: Int
    ) -> CUresult {
        withSession { state in
            guard let descriptions, size > 0, count > 0,
                count <= VirtualMemoryLayout.maxLocations
            else { return Status.invalidValue }
            let list = AccessDescriptions(UnsafeRawPointer(descriptions), count)
            guard list.areKnown(state) else { return Status.invalidDevice }
            let bytes = VirtualMemoryLayout.accessSize + list.wireSize
            return ask(state, .cuMemSetAccess, bytes) { body in
                body.storeBytes(of: address, as: UInt64.self)
                body.storeBytes(of: UInt64(size), toByteOffset: 8, as: UInt64.self)
                list.write(state, to: body + VirtualMemoryLayout.accessSize)
            }
        }
    }

    /// `cuMemGetAccess`
    package static func cuMemGetAccess(
        _ flags: UnsafeMutablePointer<UInt64>?,
        _ location: UnsafePointer<CUmemLocation>?,
        _ address: CUdeviceptr
    ) -> CUresult {
        withSession { state in
            guard let flags, let location else { return Status.invalidValue }
            let place = Location(UnsafeRawPointer(location))
            guard place.isKnown(state) else { return Status.invalidDevice }
            var found: UInt64 = 0
            let size = VirtualMemoryLayout.getAccessSize
            let status = ask(state, .cuMemGetAccess, size, &found) { body in
                body.storeBytes(of: address, as: UInt64.self)
                place.write(state, to: body + 8)
            }
            if status == 0 { flags.pointee = found }
            return status
        }
    }

    /// `cuMemRetainAllocationHandle`
    package static func cuMemRetainAllocationHandle(
        _ handle: UnsafeMutablePointer<CUmemGenericAllocationHandle>?,
        _ address: UnsafeMutableRawPointer?
    ) -> CUresult {
        withSession { state in
            guard let handle else { return Status.invalidValue }
            var found: UInt64 = 0
            let size = VirtualMemoryLayout.retainSize
            let status = ask(state, .cuMemRetainAllocationHandle, size, &found) { body in
                body.storeBytes(of: UInt64(UInt(bitPattern: address)), as: UInt64.self)
            }
            if status == 0 { handle.pointee = found }
            return status
        }
    }

    /// `cuMemGetAllocationPropertiesFromHandle`
    package static func cuMemGetAllocationPropertiesFromHandle(
        _ properties: OpaquePointer?,
        _ handle: CUmemGenericAllocationHandle
    ) -> CUresult {
        withSession { state in
            guard let properties else { return Status.invalidValue }
            let lost = state.pointee.lostStatus
            guard lost == 0 else { return lost }
            let size = VirtualMemoryLayout.getPropertiesSize
            let replySize = ReplyLayout.values + VirtualMemoryLayout.propertiesSize
            return Session.wait(
                state,
                .cuMemGetAllocationPropertiesFromHandle,
                context: currentOrNone(state),
                size: size,
                replySize: replySize
            ) { body in
                body.storeBytes(of: handle, as: UInt64.self)
            } reply: { reply in
                guard let values = reply.baseAddress else { return }
                AllocationProperties(wire: values + ReplyLayout.values)
                    .write(state, asCUDA: UnsafeMutableRawPointer(properties))
            }
        }
    }

    /// Calls `body` with what a program's `CUmemAllocationProp` says, if it is about a GPU of its own.
    private static func withProperties(
        _ state: UnsafeMutablePointer<SessionState>,
        _ pointer: OpaquePointer?,
        _ body: (AllocationProperties) -> CUresult
    ) -> CUresult {
        guard let pointer else { return Status.invalidValue }
        let properties = AllocationProperties(cuda: UnsafeRawPointer(pointer))
        guard properties.location.isKnown(state) else { return Status.invalidDevice }
        return body(properties.forServer(state))
    }

    /// Asks about a range of addresses.
    private static func ask(
        _ state: UnsafeMutablePointer<SessionState>,
        _ opcode: Opcode,
        _ address: CUdeviceptr,
        _ size: Int
    ) -> CUresult {
        ask(state, opcode, VirtualMemoryLayout.rangeSize) { body in
            body.storeBytes(of: address, as: UInt64.self)
            body.storeBytes(of: UInt64(size), toByteOffset: 8, as: UInt64.self)
        }
    }
}
