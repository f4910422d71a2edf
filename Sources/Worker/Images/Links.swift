internal import CLinux
internal import CUDAABI
internal import Driver
internal import Wire

/// A linker in use.
struct LinkEntry {
    var state: CUlinkState?
    /// The options that it was created with; the linker writes its logs there.
    var options: JITOptions
}

// The driver's linker.
extension Executor {
    func createLink(_ record: Record) throws(ProtocolViolation) {
        try record.expect(atLeast: LoadLayout.options)
        let count = Int(record.load(LoadLayout.optionCount, as: UInt32.self))
        guard count <= LoadLayout.maxOptions else { throw .malformed(record.opcode) }
        try record.expect(size: LoadLayout.options + count * LoadLayout.optionSize)
        let handle = record.load(LinkLayout.handle, as: UInt64.self)
        guard handles.links.accepts(handle) else { return finish(record, Status.invalidHandle) }
        guard let create = driver.cuLinkCreate_v2 else { return finish(record, Status.notFound) }
        guard
            let options = JITOptions(
                record,
                at: LoadLayout.options,
                count: count,
                infoLogSize: Int(record.load(LoadLayout.infoLogSize, as: UInt32.self)),
                errorLogSize: Int(record.load(LoadLayout.errorLogSize, as: UInt32.self))
            )
        else { return finish(record, Status.invalidValue) }
        var entry = LinkEntry(state: nil, options: options)
        let status = create(
            UInt32(options.count),
            options.identifiers,
            options.values,
            &entry.state
        )
        guard status == Status.success else {
            options.destroy()
            return finish(record, status)
        }
        let pointer = UnsafeMutablePointer<LinkEntry>.allocate(capacity: 1)
        pointer.initialize(to: entry)
        handles.links.insert(handle, pointer, context: record.context)
        finish(record, status, entry.options)
    }

    func addToLink(_ record: Record) throws(ProtocolViolation) {
        try record.expect(atLeast: LinkLayout.options)
        let count = Int(record.load(LinkLayout.optionCount, as: UInt32.self))
        let nameLength = Int(record.load(LinkLayout.nameLength, as: UInt32.self))
        guard count <= LoadLayout.maxOptions, nameLength <= GlobalLayout.maxName,
            record.load(LinkLayout.dataSize, as: UInt64.self) == UInt64(image.count)
        else { throw .malformed(record.opcode) }
        let nameOffset = LinkLayout.options + count * LoadLayout.optionSize
        try record.expect(size: nameOffset + WireFormat.padded(nameLength))
        defer { image.clear() }
        guard let link = handles.links.find(record.load(LinkLayout.handle, as: UInt64.self)) else {
            return finish(record, Status.invalidHandle)
        }
        guard let add = driver.cuLinkAddData_v2 else { return finish(record, Status.notFound) }
        guard let bytes = image.bytes() else { return finish(record, ImageName.missing) }
        let type = record.load(LinkLayout.inputType, as: Int32.self)
        let check = checkInput(type, bytes)
        guard check == Status.success else { return finish(record, check, link.pointee.options) }
        guard
            let options = JITOptions(
                record,
                at: LinkLayout.options,
                count: count,
                infoLogSize: 0,
                errorLogSize: 0
            )
        else { return finish(record, Status.invalidValue) }
        defer { options.destroy() }
        let data = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
        let ptx: Int32 = 1
        // The NUL behind a text is part of it for the driver; behind the image there are zeros.
        let size = bytes.count + (type == ptx && bytes.last != 0 ? 1 : 0)
        let status = record.withName(at: nameOffset, length: nameLength) { name in
            add(
                link.pointee.state,
                type,
                data,
                size,
                name,
                UInt32(options.count),
                options.identifiers,
                options.values
            )
        }
        finish(record, status, link.pointee.options)
        if status == Status.success { image.keep() }
    }

    /// Checks what the driver would read without bounds of its own. Types: 0 cubin, 1 PTX,
    /// 2 fatbin, 3 object, 4 library, 5 NVVM.
    private func checkInput(_ type: Int32, _ bytes: UnsafeRawBufferPointer) -> CUresult {
        switch type {
        case 0...2: ImageCheck.check(bytes)
        case 3...5: bytes.count > 0 ? Status.success : Status.invalidValue
        default: Status.invalidValue
        }
    }

    /// The finished image comes in the reply, behind the logs.
    func completeLink(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: 8)
        guard let link = handles.links.find(record.load(0, as: UInt64.self)) else {
            return finish(record, Status.invalidHandle)
        }
        guard let complete = driver.cuLinkComplete else {
            return finish(record, Status.notFound)
        }
        var data: UnsafeMutableRawPointer?
        var size = 0
        var status = complete(link.pointee.state, &data, &size)
        // Logs are at most 64 KiB each.
        let most = WireFormat.maxReply - 4 * LoadLayout.maxLog
        if status == Status.success, size > most { status = Status.outOfMemory }
        guard status == Status.success, let data, size > 0 else {
            return finish(record, status, link.pointee.options)
        }
        let image = UnsafeRawBufferPointer(start: data, count: size)
        finish(record, status, link.pointee.options, image: image)
    }

    func destroyLink(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: 8)
        let handle = record.load(0, as: UInt64.self)
        guard let link = handles.links.find(handle) else {
            return finish(record, Status.invalidHandle)
        }
        handles.links.remove(handle)
        finish(record, destroyEntry(link))
    }

    /// Ends a linker and frees what belongs to it.
    @discardableResult
    func destroyEntry(_ link: UnsafeMutablePointer<LinkEntry>) -> CUresult {
        let status = driver.cuLinkDestroy?(link.pointee.state) ?? Status.notFound
        link.pointee.options.destroy()
        link.deinitialize(count: 1)
        link.deallocate()
        return status
    }

    /// Replies with the linker's logs and its image, if there is one.
    private func finish(
        _ record: Record,
        _ status: CUresult,
        _ options: JITOptions,
        image: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) {
        if status != Status.success { WorkerLog.failure(record.opcode, status, options.errorLine) }
        var reply = ReplyBuilder()
        reply.logs(
            at: ReplyLayout.values,
            from: LinkLayout.replyLogs,
            information: options.informationText,
            error: options.errorText
        )
        reply.store(UInt64(image.count), at: ReplyLayout.values + 8)
        if let base = image.baseAddress {
            memcpy(reply.extend(WireFormat.padded(image.count)), base, image.count)
        }
        let count = reply.bytes.count
        finish(record, status, size: count) { reply.copyValues(to: $0) }
    }
}
