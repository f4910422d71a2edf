internal import CLinux
internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

/// Loading images: finding out how large one is, sending it, and reading what it holds.
enum Loading {
    typealias State = UnsafeMutablePointer<SessionState>

    /// The image at a pointer that came without a size.
    private static func measure(
        _ pointer: UnsafeRawPointer
    ) throws(ImageError) -> OutgoingImage {
        let layout = try ImageLayout.find(at: pointer)
        let bytes = UnsafeRawBufferPointer(start: layout.start, count: layout.size)
        if let assembled = try assemble(pointer, bytes) {
            return OutgoingImage(.init(assembled), .linked, memory: assembled)
        }
        switch layout.kind {
        case .fatbin: return OutgoingImage(bytes, .fatbin)
        case .elf: return OutgoingImage(bytes, .elf)
        case .text:
            // With its NUL.
            return OutgoingImage(.init(start: layout.start, count: layout.size + 1), .ptx)
        }
    }

    /// What of an image the server's GPUs can use; `nil` when that is all of it.
    private static func select(
        _ state: State,
        _ image: borrowing OutgoingImage,
        _ options: JITOptions
    ) -> OutgoingImage? {
        guard image.kind == .fatbin, !options.mayChangeChoice, let bytes = image.pieces.first,
            let start = bytes.baseAddress
        else { return nil }
        let layout = ImageLayout(kind: .fatbin, start: start, size: bytes.count)
        let gpus = state.pointee.devices.codeTargets
        return FatbinSelection(layout, for: gpus).flatMap { OutgoingImage(bytes, $0) }
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
        guard let state = Session.readyInContext(&failure, &context, givesWork: false) else {
            return failure
        }
        do throws(ImageError) {
            let image = try measure(pointer)
            guard image.count <= WireFormat.maxImage else { return Status.outOfMemory }
            return load(state, opcode, context, image, options, &handle)
        } catch {
            Log.error(
                "an image cannot be loaded: ",
                text: error.text.utf8Start,
                error.text.utf8CodeUnitCount
            )
            return Status.invalidImage
        }
    }

    private static func load(
        _ state: State,
        _ opcode: Opcode,
        _ context: UInt32,
        _ image: borrowing OutgoingImage,
        _ options: JITOptions,
        _ handle: inout UInt64
    ) -> Int32 {
        let entry = ImageEntry(
            context: ContextStack.current,
            isLibrary: opcode == .cuLibraryLoadData,
            functions: .allocate(capacity: 1),
            functionCount: 0
        )
        let made = state.pointee.objectLock.withLock { state.pointee.images.insert(entry) }
        guard let made else { return Status.outOfMemory }
        let request = LoadRequest(
            state: state,
            opcode: opcode,
            context: context,
            handle: made,
            options: options
        )
        let status = perform(request, image)
        guard status == 0 else {
            discard(state, opcode, context, made)
            return status
        }
        handle = made
        return Status.success
    }

    /// Loads what of the image is for the server's GPUs. A driver that does not take that gets the
    /// whole, so that whatever it says, it says of what the program gave.
    private static func perform(_ request: LoadRequest, _ image: borrowing OutgoingImage) -> Int32 {
        guard let selection = select(request.state, image, request.options) else {
            return request.perform(image).status
        }
        let result = request.perform(selection)
        let isExpected = !selection.isUsable && result.own == Status.noBinaryForGPU
        guard result.isRefused, !isExpected else { return result.status }
        return request.perform(image).status
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
}
