internal import CLinux
internal import CUDAABI
internal import Driver
internal import Wire

// Memory and events that processes of a lease share.

/// Memory of another process.
struct OpenedMemory {
    /// How often it was opened.
    var count: Int
    /// Bytes that count against the slice.
    var charge: UInt64
    var device: Int32
}

extension Executor {
    /// What memory of another process counts here: nothing with a whole GPU, where the driver is the limit. With
    /// a slice it counts in each process, because nobody hears when the one that has made it gives it back.
    private func charge(of shared: SharedNames.Shared) -> UInt64? {
        guard isDevice(shared.device) else { return nil }
        var whole = 0
        let status = driver.cuDeviceTotalMem_v2?(&whole, shared.device)
        if status == Status.success, slices.total(shared.device) >= UInt64(max(0, whole)) {
            return 0
        }
        return Slices.charge(shared.bytes)
    }

    /// Calls of this family.
    ///
    /// - Returns: Whether the record was one.
    func executeSharing(_ record: Record) throws(ProtocolViolation) -> Bool {
        switch record.opcode {
        case .cuIpcGetMemHandle: try giveMemory(record)
        case .cuIpcOpenMemHandle_v2: try openMemory(record)
        case .cuIpcCloseMemHandle: try closeMemory(record)
        case .cuIpcGetEventHandle: try giveEvent(record)
        case .cuIpcOpenEventHandle: try openEvent(record)
        case .cuMemExportToShareableHandle: try exportMemory(record)
        case .cuMemImportFromShareableHandle: try importMemory(record)
        default: return false
        }
        return true
    }

    private func giveMemory(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: SharingLayout.numberSize)
        let address = record.load(0, as: UInt64.self)
        guard let call = driver.cuIpcGetMemHandle else { return finish(record, Status.notFound) }
        guard isDeviceMemory(address) else { return finish(record, Status.invalidValue) }
        var handle = CUipcMemHandle()
        let status = call(&handle, address)
        let shared = SharedNames.Shared(
            withUnsafeBytes(of: &handle) { Array($0) },
            bytes: rangeSize(address),
            device: max(0, deviceOrdinal(address))
        )
        give(record, .memory, status, shared)
    }

    private func giveEvent(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: SharingLayout.numberSize)
        guard let call = driver.cuIpcGetEventHandle else { return finish(record, Status.notFound) }
        guard let event = handles.events.find(record.load(0, as: UInt64.self)) else {
            return finish(record, Status.invalidHandle)
        }
        var handle = CUipcEventHandle()
        let status = call(&handle, event)
        let shared = SharedNames.Shared(withUnsafeBytes(of: &handle) { Array($0) })
        give(record, .event, status, shared)
    }

    private func give(
        _ record: Record,
        _ kind: SharedNames.Kind,
        _ status: CUresult,
        _ shared: SharedNames.Shared
    ) {
        guard status == Status.success else { return finish(record, status) }
        guard let names = sharedNames else { return finish(record, Status.notSupported) }
        guard let name = names.name(kind, of: shared) else {
            return finish(record, Status.outOfMemory)
        }
        reply(record, name)
    }

    /// What a client's handle stands for.
    private func given(
        _ record: Record,
        _ kind: SharedNames.Kind,
        at offset: Int = 0
    ) -> SharedNames.Shared? {
        let end = offset + SharingLayout.handleSize
        return sharedNames?.find(kind, named: Array(record.body[offset..<end]))
    }

    private func openMemory(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: SharingLayout.openMemorySize)
        guard let call = driver.cuIpcOpenMemHandle_v2 else {
            return finish(record, Status.notFound)
        }
        guard let given = given(record, .memory), let charge = charge(of: given) else {
            return finish(record, Status.invalidValue)
        }
        guard hasRoom(charge, given.device) else { return finish(record, Status.outOfMemory) }
        var handle = CUipcMemHandle()
        withUnsafeMutableBytes(of: &handle) { $0.copyBytes(from: given.handle) }
        var address: CUdeviceptr = 0
        let status = call(&address, handle, record.load(SharingLayout.flags, as: UInt32.self))
        guard status == Status.success else { return finish(record, status) }
        if openedMemory[address] == nil {
            guard slices.take(charge, of: given.device) else {
                _ = driver.cuIpcCloseMemHandle?(address)
                return finish(record, Status.outOfMemory)
            }
            openedMemory[address] = OpenedMemory(count: 0, charge: charge, device: given.device)
        }
        openedMemory[address]?.count += 1
        let (bytes, device) = (rangeSize(address), deviceOrdinal(address))
        finish(record, status, size: SharingLayout.openMemoryReplySize) { reply in
            reply.storeBytes(of: address, toByteOffset: SharingLayout.address, as: UInt64.self)
            reply.storeBytes(of: bytes, toByteOffset: SharingLayout.bytes, as: UInt64.self)
            reply.storeBytes(of: device, toByteOffset: SharingLayout.device, as: Int32.self)
            reply.storeBytes(of: 0, toByteOffset: SharingLayout.device + 4, as: UInt32.self)
        }
    }

    /// Bytes of the memory that starts at an address.
    private func rangeSize(_ address: CUdeviceptr) -> UInt64 {
        var bytes = 0
        let status = driver.cuMemGetAddressRange_v2?(nil, &bytes, address)
        return status == Status.success ? UInt64(max(0, bytes)) : 0
    }

    private func deviceOrdinal(_ address: CUdeviceptr) -> Int32 {
        let attribute: CUpointer_attribute = 9  // CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL
        var device: Int32 = -1
        let status = driver.cuPointerGetAttribute?(&device, attribute, address)
        return status == Status.success ? device : -1
    }

    private func closeMemory(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: SharingLayout.numberSize)
        let address = record.load(0, as: UInt64.self)
        guard let call = driver.cuIpcCloseMemHandle else {
            return finish(record, Status.notFound)
        }
        guard var opened = openedMemory[address] else {
            return finish(record, Status.invalidValue)
        }
        let status = call(address)
        guard status == Status.success else { return finish(record, status) }
        opened.count -= 1
        openedMemory[address] = opened.count > 0 ? opened : nil
        if opened.count == 0 { slices.giveBack(opened.charge, of: opened.device) }
        finish(record, status, number: UInt64(opened.count))
    }

    private func openEvent(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: SharingLayout.openEventSize)
        let number = record.load(0, as: UInt64.self)
        guard handles.events.accepts(number) else { return finish(record, Status.invalidHandle) }
        guard let call = driver.cuIpcOpenEventHandle else {
            return finish(record, Status.notFound)
        }
        guard let given = given(record, .event, at: SharingLayout.given) else {
            return finish(record, Status.invalidValue)
        }
        var handle = CUipcEventHandle()
        withUnsafeMutableBytes(of: &handle) { $0.copyBytes(from: given.handle) }
        var event: CUevent?
        let status = call(&event, handle)
        if status == Status.success {
            handles.events.insert(number, event, context: record.context)
        }
        finish(record, status)
    }

    /// The driver's handle becomes a file here; the client gets a name for it.
    private func exportMemory(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: SharingLayout.exportSize)
        guard let call = driver.cuMemExportToShareableHandle else {
            return finish(record, Status.notFound)
        }
        guard let files = sharedFiles else { return finish(record, Status.notSupported) }
        let handle = record.load(0, as: UInt64.self)
        let flags = record.load(8, as: UInt64.self)
        guard let memory = physicalMemory.memory(of: handle), flags == 0 else {
            return finish(record, Status.invalidValue)
        }
        var name = files.name(of: memory)
        if name == nil {
            var file: Int32 = -1
            let status = call(&file, handle, SharingLayout.fileDescriptor, flags)
            guard status == Status.success else { return finish(record, status) }
            let extent = physicalMemory.extent(of: memory) ?? (0, 0)
            name = files.give(file, of: memory, bytes: extent.bytes, device: extent.device)
        }
        guard let name else { return finish(record, Status.outOfMemory) }
        reply(record, name)
    }

    private func importMemory(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: SharingLayout.handleSize)
        guard let call = driver.cuMemImportFromShareableHandle else {
            return finish(record, Status.notFound)
        }
        guard !physicalMemory.isFull else { return finish(record, Status.outOfMemory) }
        guard let given = given(record, .file), let charge = charge(of: given) else {
            return finish(record, Status.invalidValue)
        }
        guard hasRoom(charge, given.device) else { return finish(record, Status.outOfMemory) }
        guard let file = sharedFiles?.fetch(given) else {
            return finish(record, Status.invalidValue)
        }
        defer { closeFile(file) }
        var handle: CUmemGenericAllocationHandle = 0
        let pointer = UnsafeMutableRawPointer(bitPattern: Int(file))
        let status = call(&handle, pointer, SharingLayout.fileDescriptor)
        if status == Status.success, !physicalMemory.useAgain(handle) {
            guard slices.take(charge, of: given.device) else {
                _ = driver.cuMemRelease?(handle)
                return finish(record, Status.outOfMemory)
            }
            physicalMemory.insert(
                handle,
                charge: charge,
                device: given.device,
                bytes: given.bytes
            )
        }
        finish(record, status, number: handle)
    }

    private func reply(_ record: Record, _ name: SharedNames.Handle) {
        finish(record, Status.success, size: SharingLayout.handleReplySize) { reply in
            for (index, byte) in name.enumerated() {
                let offset = ReplyLayout.values + index
                reply.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
            }
        }
    }
}

private func closeFile(_ file: Int32) { close(file) }
