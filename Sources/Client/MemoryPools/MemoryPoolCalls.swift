package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Memory pools. Programs make and set them up once, so these calls wait.

extension ClientCalls {
    /// `cuMemPoolCreate`
    package static func cuMemPoolCreate(
        _ pool: UnsafeMutablePointer<CUmemoryPool?>?,
        _ properties: OpaquePointer?
    ) -> CUresult {
        withSession { state in
            guard let pool, let properties else { return Status.invalidValue }
            let wanted = MemoryPoolProperties(UnsafeRawPointer(properties))
            let problem = wanted.problem(state)
            guard problem == Status.success else { return problem }
            let entry = MemoryPoolEntry(device: wanted.location.number, isStandard: false)
            guard let handle = MemoryPools.make(state, entry) else { return Status.outOfMemory }
            let status = ask(state, .cuMemPoolCreate, MemoryPoolLayout.createSize) { body in
                body.storeBytes(of: handle, as: UInt64.self)
                wanted.write(state, to: body)
            }
            if status == Status.success {
                pool.pointee = Handles.pointer(handle)
            } else {
                _ = MemoryPools.remove(state, handle)
            }
            return status
        }
    }

    /// `cuMemPoolDestroy`
    package static func cuMemPoolDestroy(_ pool: CUmemoryPool?) -> CUresult {
        withPool(pool) { state, handle, _ in
            MemoryPools.giveBack(state, pool: handle)
            guard MemoryPools.remove(state, handle) else { return Status.invalidValue }
            let size = MemoryPoolLayout.destroySize
            return Session.send(state, .cuMemPoolDestroy, context: 0, size: size) {
                $0.storeBytes(of: handle, as: UInt64.self)
            }
        }
    }

    /// `cuMemPoolTrimTo`
    package static func cuMemPoolTrimTo(_ pool: CUmemoryPool?, _ least: Int) -> CUresult {
        withPool(pool) { state, handle, _ in
            MemoryPools.giveBack(state, pool: handle)
            return ask(state, .cuMemPoolTrimTo, MemoryPoolLayout.trimSize) { body in
                body.storeBytes(of: handle, as: UInt64.self)
                body.storeBytes(
                    of: UInt64(bitPattern: Int64(least)),
                    toByteOffset: 8,
                    as: UInt64.self
                )
            }
        }
    }

    /// `cuMemPoolGetAttribute`
    package static func cuMemPoolGetAttribute(
        _ pool: CUmemoryPool?,
        _ attribute: CUmemPool_attribute,
        _ value: UnsafeMutableRawPointer?
    ) -> CUresult {
        withPool(pool) { state, handle, entry in
            guard let value else { return Status.invalidValue }
            // What was given back is not in use any more.
            MemoryPools.giveBack(state, pool: handle)
            var found: UInt64 = 0
            let size = MemoryPoolLayout.getAttributeSize
            let status = ask(state, .cuMemPoolGetAttribute, size, &found) { body in
                body.storeBytes(of: handle, as: UInt64.self)
                let wide = UInt64(UInt32(bitPattern: attribute))
                body.storeBytes(of: wide, toByteOffset: MemoryPoolLayout.attribute, as: UInt64.self)
            }
            guard status == Status.success else { return status }
            if attribute == MemoryPoolAttribute.locationNumber {
                found = UInt64(entry.device)
            }
            if MemoryPoolAttribute.isLong(attribute) {
                value.storeBytes(of: found, as: UInt64.self)
            } else {
                value.storeBytes(of: UInt32(truncatingIfNeeded: found), as: UInt32.self)
            }
            return status
        }
    }

    /// `cuMemPoolSetAttribute`
    package static func cuMemPoolSetAttribute(
        _ pool: CUmemoryPool?,
        _ attribute: CUmemPool_attribute,
        _ value: UnsafeMutableRawPointer?
    ) -> CUresult {
        withPool(pool) { state, handle, _ in
            guard let value else { return Status.invalidValue }
            let wanted =
                MemoryPoolAttribute.isLong(attribute)
                ? value.loadUnaligned(as: UInt64.self)
                : UInt64(value.loadUnaligned(as: UInt32.self))
            // The most that was in use is set to what is in use.
            MemoryPools.giveBack(state, pool: handle)
            let size = MemoryPoolLayout.setAttributeSize
            let status = ask(state, .cuMemPoolSetAttribute, size) { body in
                body.storeBytes(of: handle, as: UInt64.self)
                let wide = UInt64(UInt32(bitPattern: attribute))
                body.storeBytes(of: wide, toByteOffset: MemoryPoolLayout.attribute, as: UInt64.self)
                body.storeBytes(of: wanted, toByteOffset: MemoryPoolLayout.value, as: UInt64.self)
            }
            if status == Status.success, attribute == MemoryPoolAttribute.releaseThreshold {
                state.pointee.memoryPoolHandles.find(handle)?.pointee.releaseThreshold = wanted
            }
            return status
        }
    }

    /// `cuMemPoolSetAccess`
    package static func cuMemPoolSetAccess(
        _ pool: CUmemoryPool?,
        _ descriptions: OpaquePointer?,
        _ count: Int
    ) -> CUresult {
        withPool(pool) { state, handle, _ in
            guard let descriptions, count > 0, count <= VirtualMemoryLayout.maxLocations else {
                return Status.invalidValue
            }
            let list = AccessDescriptions(UnsafeRawPointer(descriptions), count)
            guard list.areKnown(state) else { return Status.invalidDevice }
            let size = MemoryPoolLayout.locations + list.wireSize
            return ask(state, .cuMemPoolSetAccess, size) { body in
                body.storeBytes(of: handle, as: UInt64.self)
                list.write(state, to: body + MemoryPoolLayout.locations)
            }
        }
    }

    /// `cuMemPoolGetAccess`
    package static func cuMemPoolGetAccess(
        _ flags: UnsafeMutablePointer<CUmemAccess_flags>?,
        _ pool: CUmemoryPool?,
        _ location: UnsafeMutablePointer<CUmemLocation>?
    ) -> CUresult {
        withPool(pool) { state, handle, _ in
            guard let flags, let location else { return Status.invalidValue }
            let place = Location(UnsafeRawPointer(location))
            guard place.isKnown(state) else { return Status.invalidDevice }
            var found: UInt64 = 0
            let size = MemoryPoolLayout.getAccessSize
            let status = ask(state, .cuMemPoolGetAccess, size, &found) { body in
                body.storeBytes(of: handle, as: UInt64.self)
                place.write(state, to: body + 8)
            }
            if status == Status.success {
                flags.pointee = CUmemAccess_flags(truncatingIfNeeded: found)
            }
            return status
        }
    }

    /// Runs `body` with a pool.
    private static func withPool(
        _ pool: CUmemoryPool?,
        _ body: (UnsafeMutablePointer<SessionState>, UInt64, MemoryPoolEntry) -> CUresult
    ) -> CUresult {
        withSession { state in
            let handle = Handles.raw(pool)
            guard let entry = state.pointee.memoryPoolHandles.find(handle) else {
                return Status.invalidValue
            }
            return body(state, handle, entry.pointee)
        }
    }
}
