internal import CLinux
internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

/// Loading images: finding out how large one is, sending it, and reading what it holds.
enum Loading {
    typealias State = UnsafeMutablePointer<SessionState>

    /// Sends an image in pieces; the call that names it follows.
    static func send(_ state: State, _ image: UnsafeRawBufferPointer, context: UInt32) {
        var done = 0
        while done < image.count {
            let count = min(image.count - done, WireFormat.maxData)
            let piece = UnsafeRawBufferPointer(rebasing: image[done..<(done + count)])
            CommandStream.writeData(
                state,
                .chunk,
                context: context,
                prefix: ChunkLayout.data,
                data: piece
            ) {
                $0.storeBytes(of: UInt64(done), as: UInt64.self)
                $0.storeBytes(of: UInt64(count), toByteOffset: 8, as: UInt64.self)
            }
            done += count
        }
    }

    /// The image at a pointer that came without a size.
    static func measure(_ pointer: UnsafeRawPointer) throws(ImageError)
        -> (bytes: UnsafeRawBufferPointer, kind: ImageKind)
    {
        let layout = try ImageLayout.find(at: pointer)
        switch layout.kind {
        case .fatbin: return (.init(start: layout.start, count: layout.size), .fatbin)
        case .elf: return (.init(start: layout.start, count: layout.size), .elf)
        case .text: return (.init(start: layout.start, count: layout.size + 1), .ptx)
        }
    }

    /// An image of several parts as one piece of memory, which the caller frees; `nil` for an image
    /// that is none (docs/formats/wire.md, "linked images").
    private static func assemble(
        _ pointer: UnsafeRawPointer,
        _ linked: UnsafeRawBufferPointer
    ) throws(ImageError) -> UnsafeMutableRawBufferPointer? {
        let parts = try ImageLayout.prelinked(at: pointer)
        guard !parts.isEmpty else { return nil }
        guard parts.count < LinkedImageLayout.maxCount else { throw .tooLarge }
        var total = LinkedImageLayout.sizes + 8 * (parts.count + 1)
        var offset = total
        total += WireFormat.padded(linked.count)
        for part in parts { total += WireFormat.padded(part.size) }
        guard total <= WireFormat.maxImage else { throw .tooLarge }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: total, alignment: 8)
        guard let base = memory.baseAddress else { return nil }
        memset(base, 0, total)
        base.storeBytes(of: UInt32(parts.count + 1), as: UInt32.self)
        func add(_ index: Int, _ start: UnsafeRawPointer?, _ size: Int) {
            let slot = LinkedImageLayout.sizes + 8 * index
            base.storeBytes(of: UInt64(size), toByteOffset: slot, as: UInt64.self)
            if let start { memcpy(base + offset, start, size) }
            offset += WireFormat.padded(size)
        }
        add(0, linked.baseAddress, linked.count)
        for index in parts.indices { add(index + 1, parts[index].start, parts[index].size) }
        return memory
    }

    /// Loads an image and remembers its kernels.
    ///
    /// - Parameter handle: Receives the handle of the module or library.
    static func load(
        _ opcode: Opcode,
        _ pointer: UnsafeRawPointer,
        _ options: JITOptions,
        _ handle: inout UInt64
    ) -> Int32 {
        var failure: Int32 = 0
        var context: UInt32 = 0
        guard let state = Session.readyInContext(&failure, &context) else { return failure }
        var image: (bytes: UnsafeRawBufferPointer, kind: ImageKind)
        var assembled: UnsafeMutableRawBufferPointer?
        defer { assembled?.deallocate() }
        do throws(ImageError) {
            image = try measure(pointer)
            assembled = try assemble(pointer, image.bytes)
            if let assembled { image = (UnsafeRawBufferPointer(assembled), .linked) }
        } catch {
            Log.error(
                "an image cannot be loaded: ",
                text: error.text.utf8Start,
                error.text.utf8CodeUnitCount
            )
            return Status.invalidImage
        }
        guard image.bytes.count <= WireFormat.maxImage else { return Status.outOfMemory }
        let entry = ImageEntry(
            context: ContextStack.current,
            isLibrary: opcode == .cuLibraryLoadData,
            functions: .allocate(capacity: 1),
            functionCount: 0
        )
        let made = state.pointee.objectLock.withLock { state.pointee.images.insert(entry) }
        guard let made else { return Status.outOfMemory }
        let status = request(state, opcode, context, made, image, options)
        guard status == 0 else {
            discard(state, opcode, context, made)
            return status
        }
        handle = made
        return Status.success
    }

    /// Forgets an image whose load failed. The server may have loaded it: the error can be that of
    /// an earlier call without a reply.
    private static func discard(
        _ state: State,
        _ opcode: Opcode,
        _ context: UInt32,
        _ handle: UInt64
    ) {
        let isLoaded = (state.pointee.images.find(handle)?.pointee.functionCount ?? 0) > 0
        guard isLoaded else {
            state.pointee.objectLock.withLock { _ = ClientCalls.forget(state, image: handle) }
            return
        }
        let unload: Opcode = opcode == .cuLibraryLoadData ? .cuLibraryUnload : .cuModuleUnload
        _ = Session.sendLast(state, unload, context: context, handle: handle) {
            ClientCalls.forget(state, image: handle)
        }
    }

    /// Sends image and call as one piece of the stream, and reads the reply.
    private static func request(
        _ state: State,
        _ opcode: Opcode,
        _ context: UInt32,
        _ handle: UInt64,
        _ image: (bytes: UnsafeRawBufferPointer, kind: ImageKind),
        _ options: JITOptions
    ) -> Int32 {
        var isWhole = true
        let status = Session.wait(
            state,
            opcode,
            context: context,
            size: LoadLayout.options + options.size,
            readsFailure: true,
            before: { send(state, image.bytes, context: context) }
        ) { body in
            body.storeBytes(of: handle, as: UInt64.self)
            body.storeBytes(of: UInt64(image.bytes.count), toByteOffset: 8, as: UInt64.self)
            body.storeBytes(of: options.logs.infoSize, toByteOffset: 16, as: UInt32.self)
            body.storeBytes(of: options.logs.errorSize, toByteOffset: 20, as: UInt32.self)
            body.storeBytes(of: UInt32(options.forwarded), toByteOffset: 24, as: UInt32.self)
            body.storeBytes(of: image.kind.rawValue, toByteOffset: 28, as: UInt32.self)
            options.encode(to: body + LoadLayout.options)
        } reply: { reply in
            let start = options.logs.take(
                reply,
                lengths: LoadReplyLayout.infoLogLength,
                start: LoadReplyLayout.logs
            )
            let failed = reply.loadUnaligned(as: Int32.self) != 0
            guard !failed else { return }
            guard let start, readKernels(state, handle, reply, start) else {
                isWhole = false
                return
            }
        }
        if status == 0, !isWhole {
            Replies.loseConnection(state)
            return Status.deviceUnavailable
        }
        return status
    }

    /// Reads the kernels of a load's reply.
    ///
    /// - Returns: `false` when the reply does not hold together.
    private static func readKernels(
        _ state: State,
        _ handle: UInt64,
        _ reply: UnsafeRawBufferPointer,
        _ start: Int
    ) -> Bool {
        let count = Int(
            reply.loadUnaligned(fromByteOffset: LoadReplyLayout.kernelCount, as: UInt32.self)
        )
        // Each kernel takes more than 72 bytes, so this bounds the memory.
        guard count <= reply.count / LoadReplyLayout.parameters else { return false }
        let functions = UnsafeMutablePointer<UInt64>.allocate(capacity: max(count, 1))
        var offset = start
        state.pointee.objectLock.lock()
        defer { state.pointee.objectLock.unlock() }
        for index in 0..<count {
            guard let entry = readKernel(handle, reply, &offset),
                let function = state.pointee.functions.insert(entry)
            else { return false }
            functions[index] = function
        }
        guard let image = state.pointee.images.find(handle) else { return false }
        image.pointee.functions.deallocate()
        image.pointee.functions = functions
        image.pointee.functionCount = count
        return true
    }

    private static func readKernel(
        _ image: UInt64,
        _ reply: UnsafeRawBufferPointer,
        _ offset: inout Int
    ) -> FunctionEntry? {
        guard reply.count - offset >= LoadReplyLayout.parameters, let base = reply.baseAddress
        else { return nil }
        let record = base + offset
        let nameLength = Int(
            record.loadUnaligned(fromByteOffset: LoadReplyLayout.nameLength, as: UInt16.self)
        )
        let parameterCount = Int(
            record.loadUnaligned(fromByteOffset: LoadReplyLayout.parameterCount, as: UInt16.self)
        )
        let nameStart = LoadReplyLayout.parameters + 8 * parameterCount
        let size = nameStart + WireFormat.padded(nameLength)
        guard reply.count - offset >= size else { return nil }
        offset += size
        let name = UnsafeMutablePointer<CChar>.allocate(capacity: nameLength + 1)
        memcpy(name, record + nameStart, nameLength)
        name[nameLength] = 0
        let attributes = UnsafeMutablePointer<Int32>.allocate(
            capacity: LoadReplyLayout.attributeCount
        )
        memcpy(attributes, record + LoadReplyLayout.attributes, 4 * LoadReplyLayout.attributeCount)
        let parameters = UnsafeMutablePointer<(offset: UInt32, size: UInt32)>.allocate(
            capacity: max(parameterCount, 1)
        )
        memcpy(parameters, record + LoadReplyLayout.parameters, 8 * parameterCount)
        var bytes = 0
        for index in 0..<parameterCount {
            let end = Int(parameters[index].offset) + Int(parameters[index].size)
            bytes = max(bytes, end)
        }
        let entry = FunctionEntry(
            identifier: record.loadUnaligned(as: UInt32.self),
            image: image,
            name: name,
            attributes: attributes,
            parameters: parameters,
            parameterCount: parameterCount,
            parameterBytes: bytes
        )
        guard bytes <= LaunchLayout.maxParameterBytes else {
            entry.deallocate()
            return nil
        }
        return entry
    }
}
