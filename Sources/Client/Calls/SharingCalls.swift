internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Memory and events that other processes of the lease use, too.

extension ClientCalls {
    /// `cuIpcGetMemHandle`
    package static func cuIpcGetMemHandle(
        _ handle: UnsafeMutablePointer<CUipcMemHandle>?,
        _ address: CUdeviceptr
    ) -> CUresult {
        withContext { state, context in
            guard let handle else { return Status.invalidValue }
            return askHandle(state, .cuIpcGetMemHandle, context, address, to: handle)
        }
    }

    /// `cuIpcGetEventHandle`
    package static func cuIpcGetEventHandle(
        _ handle: UnsafeMutablePointer<CUipcEventHandle>?,
        _ event: CUevent?
    ) -> CUresult {
        withContext { state, context in
            let number = UInt64(UInt(bitPattern: event))
            guard let entry = state.pointee.events.find(number), entry.pointee.isShared else {
                return Status.invalidHandle
            }
            guard let handle else { return Status.invalidValue }
            return askHandle(state, .cuIpcGetEventHandle, context, number, to: handle)
        }
    }

    private static func askHandle(
        _ state: UnsafeMutablePointer<SessionState>,
        _ opcode: Opcode,
        _ context: UInt32,
        _ number: UInt64,
        to handle: UnsafeMutableRawPointer
    ) -> CUresult {
        Session.wait(
            state,
            opcode,
            context: context,
            size: SharingLayout.numberSize,
            replySize: SharingLayout.handleReplySize
        ) {
            $0.storeBytes(of: number, as: UInt64.self)
        } reply: { reply in
            guard let base = reply.baseAddress else { return }
            memcpy(handle, base + ReplyLayout.values, SharingLayout.handleSize)
        }
    }

    /// `cuIpcOpenMemHandle`
    package static func cuIpcOpenMemHandle(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ handle: CUipcMemHandle,
        _ flags: UInt32
    ) -> CUresult {
        cuIpcOpenMemHandle_v2(address, handle, flags)
    }

    /// `cuIpcOpenMemHandle_v2`
    package static func cuIpcOpenMemHandle_v2(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ handle: CUipcMemHandle,
        _ flags: UInt32
    ) -> CUresult {
        withContext { state, context in
            guard let address else { return Status.invalidValue }
            var handle = handle
            var found = Allocation(address: 0, size: 0, context: ContextStack.current)
            let status = Session.wait(
                state,
                .cuIpcOpenMemHandle_v2,
                context: context,
                size: SharingLayout.openMemorySize,
                replySize: SharingLayout.openMemoryReplySize
            ) {
                memcpy($0, &handle, SharingLayout.handleSize)
                $0.storeBytes(of: flags, toByteOffset: SharingLayout.flags, as: UInt32.self)
                $0.storeBytes(of: 0, toByteOffset: SharingLayout.flags + 4, as: UInt32.self)
            } reply: { reply in
                func number(_ offset: Int) -> UInt64 {
                    reply.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                }
                found = opened(
                    state,
                    at: number(SharingLayout.address),
                    bytes: number(SharingLayout.bytes),
                    on: reply.loadUnaligned(fromByteOffset: SharingLayout.device, as: Int32.self)
                )
            }
            guard status == Status.success else { return status }
            state.pointee.memory.insert(found)
            address.pointee = found.address
            return status
        }
    }

    /// What is known of memory that was opened: it belongs to its GPU, whichever one has opened it.
    private static func opened(
        _ state: UnsafeMutablePointer<SessionState>,
        at address: UInt64,
        bytes: UInt64,
        on serverDevice: Int32
    ) -> Allocation {
        var context = ContextStack.current
        for device in 0..<state.pointee.devices.count
        where state.pointee.devices.serverOrdinal(device) == serverDevice {
            let owner = state.pointee.objectLock.withLock {
                state.pointee.contexts.primary(device).pointee.handle
            }
            let current = state.pointee.contexts.find(context)
            if current.map({ $0.pointee.device != device }) ?? true { context = owner }
        }
        return Allocation(
            address: address,
            size: Int(truncatingIfNeeded: bytes),
            context: context,
            image: Allocation.opened
        )
    }

    /// `cuIpcCloseMemHandle`
    package static func cuIpcCloseMemHandle(_ address: CUdeviceptr) -> CUresult {
        withContext { state, _ in
            var left: UInt64 = 0
            let status = ask(state, .cuIpcCloseMemHandle, SharingLayout.numberSize, &left) {
                $0.storeBytes(of: address, as: UInt64.self)
            }
            if status == Status.success, left == 0 { state.pointee.memory.removeOpened(address) }
            return status
        }
    }

    /// `cuIpcOpenEventHandle`
    package static func cuIpcOpenEventHandle(
        _ event: UnsafeMutablePointer<CUevent?>?,
        _ handle: CUipcEventHandle
    ) -> CUresult {
        withContext { state, _ in
            guard let event else { return Status.invalidValue }
            let entry = EventEntry(context: ContextStack.current, flags: EventEntry.sharedFlags)
            let made = state.pointee.objectLock.withLock { state.pointee.events.insert(entry) }
            guard let made else { return Status.outOfMemory }
            var given = handle
            let status = ask(state, .cuIpcOpenEventHandle, SharingLayout.openEventSize) {
                $0.storeBytes(of: made, as: UInt64.self)
                memcpy($0 + SharingLayout.given, &given, SharingLayout.handleSize)
            }
            guard status == Status.success else {
                state.pointee.objectLock.withLock { _ = state.pointee.events.remove(made) }
                return status
            }
            event.pointee = Handles.pointer(made)
            return status
        }
    }

    /// `cuMemExportToShareableHandle`: a file with the server's name for the memory, which means nothing
    /// outside of the run.
    package static func cuMemExportToShareableHandle(
        _ shareable: UnsafeMutableRawPointer?,
        _ handle: CUmemGenericAllocationHandle,
        _ type: CUmemAllocationHandleType,
        _ flags: UInt64
    ) -> CUresult {
        withContext { state, context in
            guard let shareable else { return Status.invalidValue }
            guard type == SharingLayout.fileDescriptor else {
                return notSupported("cuMemExportToShareableHandle to anything but a file")
            }
            var content: InlineArray<72, UInt8> = .init(repeating: 0)
            var status = Status.success
            withUnsafeMutableBytes(of: &content) { bytes in
                guard let base = bytes.baseAddress else { return }
                memcpy(base, SharingLayout.magic.utf8Start, SharingLayout.magicSize)
                status = Session.wait(
                    state,
                    .cuMemExportToShareableHandle,
                    context: context,
                    size: SharingLayout.exportSize,
                    replySize: SharingLayout.handleReplySize
                ) {
                    $0.storeBytes(of: handle, as: UInt64.self)
                    $0.storeBytes(of: flags, toByteOffset: 8, as: UInt64.self)
                } reply: { reply in
                    guard let start = reply.baseAddress else { return }
                    memcpy(
                        base + SharingLayout.magicSize,
                        start + ReplyLayout.values,
                        SharingLayout.handleSize
                    )
                }
            }
            guard status == Status.success else { return status }
            let file = ferry_memfd("ferry-shared-memory", 1)  // MFD_CLOEXEC
            guard file >= 0 else { return Status.operatingSystem }
            let written = withUnsafeBytes(of: &content) {
                CLinux.write(file, $0.baseAddress, $0.count)
            }
            guard written == SharingLayout.fileSize else {
                close(file)
                return Status.operatingSystem
            }
            shareable.storeBytes(of: file, as: Int32.self)
            return Status.success
        }
    }

    /// `cuMemImportFromShareableHandle`
    package static func cuMemImportFromShareableHandle(
        _ handle: UnsafeMutablePointer<CUmemGenericAllocationHandle>?,
        _ shareable: UnsafeMutableRawPointer?,
        _ type: CUmemAllocationHandleType
    ) -> CUresult {
        withContext { state, _ in
            guard let handle else { return Status.invalidValue }
            guard type == SharingLayout.fileDescriptor else {
                return notSupported("cuMemImportFromShareableHandle from anything but a file")
            }
            let file = Int32(truncatingIfNeeded: Int(bitPattern: shareable))
            var content: InlineArray<72, UInt8> = .init(repeating: 0)
            let isOurs = withUnsafeMutableBytes(of: &content) { bytes in
                guard let base = bytes.baseAddress else { return false }
                return pread(file, base, bytes.count, 0) == bytes.count
                    && memcmp(base, SharingLayout.magic.utf8Start, SharingLayout.magicSize) == 0
            }
            guard isOurs else { return Status.invalidValue }
            var found: UInt64 = 0
            let size = SharingLayout.handleSize
            let status = ask(state, .cuMemImportFromShareableHandle, size, &found) { body in
                withUnsafeBytes(of: &content) { bytes in
                    guard let base = bytes.baseAddress else { return }
                    memcpy(body, base + SharingLayout.magicSize, size)
                }
            }
            if status == Status.success { handle.pointee = found }
            return status
        }
    }
}
