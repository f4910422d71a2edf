internal import CUDAABI
internal import Driver
internal import Wire

/// A loaded module or library.
struct ImageEntry {
    /// A `CUmodule` or a `CUlibrary`.
    var object: OpaquePointer?
    var isLibrary: Bool
    var handle: UInt64
    /// Identifiers of its functions.
    var functions: [UInt32]
    /// Handles of its texture and surface references that were asked for.
    var references: [UInt64] = []
}

// Loading and unloading of images, and their global variables.
extension Executor {
    func load(_ record: Record) throws(ProtocolViolation) {
        try record.expect(atLeast: LoadLayout.options)
        let optionCount = Int(record.load(LoadLayout.optionCount, as: UInt32.self))
        guard optionCount <= LoadLayout.maxOptions else { throw .malformed(record.opcode) }
        try record.expect(size: LoadLayout.options + optionCount * LoadLayout.optionSize)
        guard record.load(LoadLayout.imageSize, as: UInt64.self) == UInt64(image.count) else {
            throw .malformed(record.opcode)
        }
        defer { image.clear() }
        let handle = record.load(LoadLayout.handle, as: UInt64.self)
        guard handles.images.accepts(handle) else { return finish(record, Status.invalidHandle) }
        guard let bytes = image.bytes() else { return finish(record, ImageName.missing) }
        let isLinked = record.load(LoadLayout.kind, as: UInt32.self) == ImageKind.linked.rawValue
        let linked = isLinked ? LinkedImage(bytes) : nil
        let check = isLinked ? Status.success : ImageCheck.check(bytes)
        guard check == Status.success else { return finish(record, check) }
        guard let start = isLinked ? linked?.wrapper : bytes.baseAddress else {
            return finish(record, Status.invalidImage)
        }
        guard
            let options = JITOptions(
                record,
                at: LoadLayout.options,
                count: optionCount,
                infoLogSize: Int(record.load(LoadLayout.infoLogSize, as: UInt32.self)),
                errorLogSize: Int(record.load(LoadLayout.errorLogSize, as: UInt32.self))
            )
        else { return finish(record, Status.invalidValue) }
        defer { options.destroy() }
        withExtendedLifetime(linked) { load(record, handle, start, options) }
    }

    private func load(
        _ record: Record,
        _ handle: UInt64,
        _ data: UnsafeRawPointer,
        _ options: JITOptions
    ) {
        var entry = ImageEntry(
            object: nil,
            isLibrary: record.opcode == .cuLibraryLoadData,
            handle: handle,
            functions: []
        )
        var reply = ReplyBuilder()
        var status = load(&entry, data, options)
        if status != Status.success { WorkerLog.failure(record.opcode, status, options.errorLine) }
        reply.logs(
            at: LoadReplyLayout.infoLogLength,
            from: LoadReplyLayout.logs,
            information: options.informationText,
            error: options.errorText
        )
        if status == Status.success {
            let reader = KernelReader(driver: driver, device: device(of: record) ?? 0)
            status = reader.read(&entry, handles.functions, &reply)
            if status == Status.success { keep(entry, record) } else { unload(entry) }
        }
        if status != Status.success { reply.dropKernels() }
        let bytes = reply.bytes
        finish(record, status, size: max(bytes.count, LoadReplyLayout.logs)) { body in
            reply.copyValues(to: body)
        }
        if status == Status.success { image.keep() }
    }

    private func load(
        _ entry: inout ImageEntry,
        _ data: UnsafeRawPointer,
        _ options: JITOptions
    ) -> CUresult {
        let count = UInt32(options.count)
        if entry.isLibrary {
            guard let call = driver.cuLibraryLoadData else { return Status.notFound }
            return call(
                &entry.object,
                data,
                options.identifiers,
                options.values,
                count,
                nil,
                nil,
                0
            )
        }
        guard let call = driver.cuModuleLoadDataEx else { return Status.notFound }
        return call(&entry.object, data, count, options.identifiers, options.values)
    }

    private func keep(_ entry: ImageEntry, _ record: Record) {
        let pointer = UnsafeMutablePointer<ImageEntry>.allocate(capacity: 1)
        pointer.initialize(to: entry)
        // A library belongs to no context and outlives them all.
        let context = entry.isLibrary ? UInt32.max : record.context
        handles.images.insert(entry.handle, pointer, context: context)
    }

    private func unload(_ entry: ImageEntry) {
        for identifier in entry.functions { handles.functions.remove(identifier) }
        _ =
            entry.isLibrary
            ? driver.cuLibraryUnload?(entry.object) : driver.cuModuleUnload?(entry.object)
    }

    func unload(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: 8)
        let handle = record.load(0, as: UInt64.self)
        guard let entry = handles.images.find(handle),
            entry.pointee.isLibrary == (record.opcode == .cuLibraryUnload)
        else { return finish(record, Status.invalidHandle) }
        let object = entry.pointee.object
        let status =
            (entry.pointee.isLibrary
                ? driver.cuLibraryUnload?(object) : driver.cuModuleUnload?(object))
            ?? Status.notFound
        handles.images.remove(handle)
        forget(entry)
        answers.forwardPrintedText()
        finish(record, status)
    }

    /// Forgets an image and everything that was in it.
    func forget(_ entry: UnsafeMutablePointer<ImageEntry>) {
        for identifier in entry.pointee.functions { handles.functions.remove(identifier) }
        for reference in entry.pointee.references { handles.references.remove(reference) }
        let handle = entry.pointee.handle
        allocations.removeAll { $0.image == handle }
        entry.deinitialize(count: 1)
        entry.deallocate()
    }

    func global(_ record: Record) throws(ProtocolViolation) {
        try record.expect(atLeast: GlobalLayout.name)
        let length = Int(record.load(GlobalLayout.nameLength, as: UInt32.self))
        guard length <= GlobalLayout.maxName else { throw .malformed(record.opcode) }
        try record.expect(size: GlobalLayout.name + WireFormat.padded(length))
        let handle = record.load(GlobalLayout.image, as: UInt64.self)
        // Either call may name either kind: old runtimes load a library and ask its module.
        guard let entry = handles.images.find(handle) else {
            return finish(record, Status.invalidHandle)
        }
        var address: CUdeviceptr = 0
        var bytes = 0
        let status = record.withName(at: GlobalLayout.name, length: length) { name in
            find(name, in: entry, managed: record.opcode == .cuLibraryGetManaged, &address, &bytes)
        }
        if status == Status.success { keep(global: address, bytes, handle, record) }
        let isShared = status == Status.success && isManaged(address)
        finish(record, status, size: GlobalLayout.replySize) { reply in
            reply.storeBytes(of: address, toByteOffset: GlobalLayout.address, as: UInt64.self)
            reply.storeBytes(
                of: UInt64(bytes),
                toByteOffset: GlobalLayout.bytes,
                as: UInt64.self
            )
            reply.storeBytes(
                of: isShared ? 1 : 0,
                toByteOffset: GlobalLayout.isManaged,
                as: UInt64.self
            )
        }
    }

    private func find(
        _ name: UnsafePointer<CChar>?,
        in entry: UnsafeMutablePointer<ImageEntry>,
        managed: Bool,
        _ address: inout CUdeviceptr,
        _ bytes: inout Int
    ) -> CUresult {
        let object = entry.pointee.object
        guard entry.pointee.isLibrary else {
            guard !managed else { return Status.invalidHandle }
            return driver.cuModuleGetGlobal_v2?(&address, &bytes, object, name) ?? Status.notFound
        }
        let call = managed ? driver.cuLibraryGetManaged : driver.cuLibraryGetGlobal
        return call?(&address, &bytes, object, name) ?? Status.notFound
    }

    /// Whether a variable is for the program as well (`__managed__`).
    private func isManaged(_ address: CUdeviceptr) -> Bool {
        var isManaged: UInt32 = 0
        // 8: CU_POINTER_ATTRIBUTE_IS_MANAGED.
        let status = driver.cuPointerGetAttribute?(&isManaged, 8, address)
        return status == Status.success && isManaged != 0
    }

    private func keep(global address: CUdeviceptr, _ bytes: Int, _ image: UInt64, _ record: Record)
    {
        guard address != 0, bytes > 0, !allocations.isFull, allocations.find(address) == nil else {
            return
        }
        allocations.insert(
            Allocation(
                address: address,
                bytes: UInt64(bytes),
                charge: 0,
                device: device(of: record) ?? 0,
                context: .max,
                image: image
            )
        )
    }
}

extension Record {
    /// Calls `body` with a name of the record's body, NUL-terminated.
    func withName<Result>(
        at offset: Int,
        length: Int,
        _ body: (UnsafePointer<CChar>?) -> Result
    ) -> Result {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: length + 1) { name in
            for index in 0..<length { name[index] = load(offset + index, as: CChar.self) }
            name[length] = 0
            return body(name.baseAddress)
        }
    }
}
