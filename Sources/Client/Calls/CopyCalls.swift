internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Copies. What can be wrong with one is checked here; the bytes go in records of up to 128 KiB.

extension ClientCalls {
    /// `cuMemcpyHtoD_v2`: returns when the source may change; nothing is waited for.
    package static func cuMemcpyHtoD_v2(
        _ destination: CUdeviceptr,
        _ source: UnsafeRawPointer?,
        _ bytes: Int
    ) -> CUresult {
        upload(isSynchronous: true, destination, source, bytes, stream: 0)
    }

    /// `cuMemcpyHtoDAsync_v2`
    package static func cuMemcpyHtoDAsync_v2(
        _ destination: CUdeviceptr,
        _ source: UnsafeRawPointer?,
        _ bytes: Int,
        _ stream: CUstream?
    ) -> CUresult {
        guard let handle = Handles.stream(stream) else { return invalidHandle() }
        return upload(isSynchronous: false, destination, source, bytes, stream: handle)
    }

    /// Captures a copy between the program's memory and the GPU.
    ///
    /// - Returns: `nil` when the stream is not captured, and the copy is to be made now.
    static func captureHostCopy(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        _ stream: UInt64,
        host: UInt,
        device: CUdeviceptr,
        bytes: Int,
        isUpload: Bool
    ) -> CUresult? {
        switch Capturing.work(state, stream) {
        case .plain: return nil
        case .refused(let status): return status
        case .captured: break
        }
        let status = HostCopies.capture(
            state,
            context,
            stream,
            host: host,
            device: device,
            bytes: bytes,
            isUpload: isUpload
        )
        if let status {
            state.pointee.hostMemory.keepForGraph(host)
            return status
        }
        Log.notSupported("such a copy of the program's memory in a captured stream")
        return Capturing.forbid(state, stream)
    }

    /// Why a handle has no form on the wire: there is no session, or no such object.
    static func invalidHandle() -> CUresult {
        withContext { _, _ in Status.invalidHandle }
    }

    @inline(__always)
    private static func upload(
        isSynchronous: Bool,
        _ destination: CUdeviceptr,
        _ source: UnsafeRawPointer?,
        _ bytes: Int,
        stream: UInt64
    ) -> CUresult {
        guard let state = Session.live,
            let context = state.pointee.contexts.unwatched(ContextStack.current)
        else { return uploadWatched(isSynchronous, destination, source, bytes, stream) }
        return upload(state, context, isSynchronous, destination, source, bytes, stream)
    }

    /// The same while streams are captured, or there is managed memory.
    @inline(never)
    private static func uploadWatched(
        _ isSynchronous: Bool,
        _ destination: CUdeviceptr,
        _ source: UnsafeRawPointer?,
        _ bytes: Int,
        _ stream: UInt64
    ) -> CUresult {
        withContext { state, context in
            if bytes == 0 { return Status.success }
            guard let source else { return Status.invalidValue }
            guard state.pointee.memory.contains(destination, bytes) else {
                let stream = isSynchronous ? nil : stream
                return copyAnywhere(
                    state,
                    destination,
                    address(source),
                    bytes,
                    stream,
                    named: destination
                )
            }
            if ManagedMemory.contains(state, UInt(bitPattern: source)) {
                let from = CUdeviceptr(UInt(bitPattern: source))
                return isSynchronous
                    ? cuMemcpyDtoD_v2(destination, from, bytes)
                    : cuMemcpyDtoDAsync_v2(destination, from, bytes, Handles.pointer(stream))
            }
            if isSynchronous {
                let refusal = Capturing.checkSynchronous(state)
                guard refusal == Status.success else { return refusal }
            } else {
                let captured = captureHostCopy(
                    state,
                    context,
                    stream,
                    host: UInt(bitPattern: source),
                    device: destination,
                    bytes: bytes,
                    isUpload: true
                )
                if let captured { return captured }
            }
            return upload(state, context, isSynchronous, destination, source, bytes, stream)
        }
    }

    /// Copies to memory of the GPU in a context and a stream that the caller names, whatever is captured.
    @inline(__always)
    private static func upload(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        _ isSynchronous: Bool,
        _ destination: CUdeviceptr,
        _ source: UnsafeRawPointer?,
        _ bytes: Int,
        _ stream: UInt64
    ) -> CUresult {
        if bytes == 0 { return Status.success }
        guard let source else { return Status.invalidValue }
        guard state.pointee.memory.contains(destination, bytes) else {
            let stream = isSynchronous ? nil : stream
            return copyAnywhere(
                state,
                destination,
                address(source),
                bytes,
                stream,
                named: destination
            )
        }
        let data = UnsafeRawBufferPointer(start: source, count: bytes)
        return uploadKnown(state, context, isSynchronous, destination, data, stream)
    }

    /// The same for memory that is known to be the GPU's.
    @inline(__always)
    static func uploadKnown(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        _ isSynchronous: Bool,
        _ destination: CUdeviceptr,
        _ data: UnsafeRawBufferPointer,
        _ stream: UInt64
    ) -> CUresult {
        let bytes = data.count
        let first = UInt(bitPattern: data.baseAddress)
        HostFunctions.awaitWriters(state, stream, first, isSynchronous: isSynchronous)
        if _slowPath(bytes >= BulkLink.threshold) {
            let large = BulkCopies.upload(
                state,
                context: context,
                from: data,
                to: destination,
                stream: stream,
                isSynchronous: isSynchronous
            )
            if let large { return large }
        }
        if !isSynchronous, bytes <= WireFormat.maxData {
            let taken = Staging.taken(by: bytes)
            state.pointee.streamLock.lock()
            if _fastPath(state.pointee.credit.take(stream, taken)) {
                write(state, context, .cuMemcpyHtoDAsync_v2, destination, data, stream)
                state.pointee.streamLock.unlock()
                Flusher.request(state)
                return Status.success
            }
            state.pointee.streamLock.unlock()
        }
        return upload(state, context, isSynchronous, destination, data, stream)
    }

    /// Record after record, each when there is room for it.
    @inline(never)
    private static func upload(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        _ isSynchronous: Bool,
        _ destination: CUdeviceptr,
        _ data: UnsafeRawBufferPointer,
        _ stream: UInt64
    ) -> CUresult {
        var turn = UploadTurn(isSynchronous: isSynchronous, stream)
        var done = 0
        while done < data.count {
            let count = min(data.count - done, WireFormat.maxData)
            let piece = UnsafeRawBufferPointer(rebasing: data[done..<done + count])
            let isLater = turn.begin(state, context, count)
            let opcode: Opcode = isLater ? .cuMemcpyHtoDAsync_v2 : .cuMemcpyHtoD_v2
            write(state, context, opcode, destination + UInt64(done), piece, stream)
            turn.commit(state, context)
            state.pointee.streamLock.unlock()
            done += count
        }
        return turn.end(state, context)
    }

    /// Writes the record of a copy to the GPU. Called with the stream lock held.
    @inline(__always)
    private static func write(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        _ opcode: Opcode,
        _ destination: CUdeviceptr,
        _ data: UnsafeRawBufferPointer,
        _ stream: UInt64
    ) {
        CommandStream.writeData(
            state,
            opcode,
            context: context,
            prefix: HostToDeviceLayout.data,
            data: data
        ) {
            $0.storeBytes(of: destination, as: UInt64.self)
            $0.storeBytes(of: UInt64(data.count), toByteOffset: 8, as: UInt64.self)
            $0.storeBytes(of: stream, toByteOffset: 16, as: UInt64.self)
        }
    }

    /// `cuMemcpyDtoH_v2`
    package static func cuMemcpyDtoH_v2(
        _ destination: UnsafeMutableRawPointer?,
        _ source: CUdeviceptr,
        _ bytes: Int
    ) -> CUresult {
        download(destination, source, bytes, stream: nil)
    }

    /// `cuMemcpyDtoHAsync_v2`: truly asynchronous to page-locked memory only, as with the driver.
    package static func cuMemcpyDtoHAsync_v2(
        _ destination: UnsafeMutableRawPointer?,
        _ source: CUdeviceptr,
        _ bytes: Int,
        _ stream: CUstream?
    ) -> CUresult {
        guard let handle = Handles.stream(stream) else { return invalidHandle() }
        return withContext { state, context in
            if bytes == 0 { return Status.success }
            guard let destination else { return Status.invalidValue }
            guard state.pointee.memory.contains(source, bytes) else {
                return copyAnywhere(
                    state,
                    address(destination),
                    source,
                    bytes,
                    handle,
                    named: source
                )
            }
            if ManagedMemory.contains(state, UInt(bitPattern: destination)) {
                return copyToManaged(destination, source, bytes, stream: handle)
            }
            let captured = captureHostCopy(
                state,
                context,
                handle,
                host: UInt(bitPattern: destination),
                device: source,
                bytes: bytes,
                isUpload: false
            )
            if let captured { return captured }
            let first = UInt(bitPattern: destination)
            guard state.pointee.hostMemory.noteCopy(to: first, bytes) else {
                // To pageable memory the driver's call returns when the bytes are there.
                return download(destination, source, bytes, stream: handle)
            }
            let status = begin(state, context, destination, source, bytes, handle)
            Flusher.request(state)
            return status
        }
    }

    /// Begins a copy to the program's memory, whose bytes come some time; they are there when a reply
    /// of a later call in its stream is. Waits when the worker has no room for so much.
    ///
    /// - Returns: A status that was told meanwhile.
    static func begin(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        _ destination: UnsafeMutableRawPointer,
        _ source: CUdeviceptr,
        _ bytes: Int,
        _ handle: UInt64
    ) -> CUresult {
        let opcode = Opcode.cuMemcpyDtoHAsync_v2
        let size = DeviceToHostLayout.size
        let isLarge = bytes >= BulkLink.threshold && LandingLink.isOpen(state)
        let flags = isLarge ? RecordHeader.Flags.overChannels : 0
        var status = Status.success
        var done = 0
        while done < bytes {
            let count = min(bytes - done, Staging.mostRecord)
            let (place, taken) = (destination + done, Staging.taken(by: count))
            let told = begin(
                state,
                context,
                opcode,
                flags: flags,
                size: size,
                place,
                count,
                handle,
                taken
            ) { encode($0, source + UInt64(done), count, handle) }
            if told != Status.success { status = told }
            done += count
        }
        return status
    }

    /// The same for any call whose bytes come so.
    ///
    /// - Parameters:
    ///   - flags: `RecordHeader.Flags`.
    ///   - stream: Its stream, as it is on the wire.
    ///   - taken: The staging memory that the worker needs for it.
    ///   - encode: Writes the body of `size` bytes.
    @inline(__always)
    static func begin(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        _ opcode: Opcode,
        flags: UInt16,
        size: Int,
        _ destination: UnsafeMutableRawPointer,
        _ bytes: Int,
        _ stream: UInt64,
        _ taken: Int,
        _ encode: (UnsafeMutableRawPointer) -> Void
    ) -> CUresult {
        let copy = UnsafeMutablePointer<PendingCopy>.allocate(capacity: 1)
        copy.initialize(
            to: PendingCopy(
                sequence: 0,
                destination: destination,
                size: bytes,
                isOverChannels: flags & RecordHeader.Flags.overChannels != 0
            )
        )
        Tracing.add(StatisticsLayout.bytesReceived, bytes)
        var status = Status.success
        Session.lockWithRoom(state, context: context, stream: stream, bytes: taken, &status)
        encode(CommandStream.begin(state, opcode, flags: flags, context: context, size: size))
        copy.pointee.sequence = state.pointee.sequence &+ 1
        Replies.register(state, copy)
        CommandStream.commit(state, size: size)
        state.pointee.streamLock.unlock()
        return status
    }

    private static func encode(
        _ body: UnsafeMutableRawPointer,
        _ source: CUdeviceptr,
        _ bytes: Int,
        _ stream: UInt64
    ) {
        body.storeBytes(of: source, as: UInt64.self)
        body.storeBytes(of: UInt64(bytes), toByteOffset: 8, as: UInt64.self)
        body.storeBytes(of: stream, toByteOffset: 16, as: UInt64.self)
    }

    private static func download(
        _ destination: UnsafeMutableRawPointer?,
        _ source: CUdeviceptr,
        _ bytes: Int,
        stream: UInt64?
    ) -> CUresult {
        withContext { state, context in
            if bytes == 0 { return Status.success }
            guard let destination else { return Status.invalidValue }
            guard state.pointee.memory.contains(source, bytes) else {
                return copyAnywhere(
                    state,
                    address(destination),
                    source,
                    bytes,
                    stream,
                    named: source
                )
            }
            if ManagedMemory.contains(state, UInt(bitPattern: destination)) {
                return copyToManaged(destination, source, bytes, stream: stream)
            }
            if stream == nil {
                let refusal = Capturing.checkSynchronous(state)
                guard refusal == Status.success else { return refusal }
            }
            let target = UnsafeMutableRawBufferPointer(start: destination, count: bytes)
            return fetch(state, context, from: source, to: target, stream)
        }
    }

    /// A copy to memory that the GPU has as well: its turn comes when the program looks.
    private static func copyToManaged(
        _ destination: UnsafeMutableRawPointer,
        _ source: CUdeviceptr,
        _ bytes: Int,
        stream: UInt64?
    ) -> CUresult {
        let target = CUdeviceptr(UInt(bitPattern: destination))
        guard let stream else { return cuMemcpyDtoD_v2(target, source, bytes) }
        return cuMemcpyDtoDAsync_v2(target, source, bytes, Handles.pointer(stream))
    }

    /// Copies memory of the GPU and waits for that, in a context that the caller names.
    ///
    /// - Parameter stream: As it is on the wire; `nil`: behind everything that the default stream waits for.
    static func fetch(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        from source: CUdeviceptr,
        to target: UnsafeMutableRawBufferPointer,
        _ stream: UInt64?
    ) -> CUresult {
        let bytes = target.count
        if _slowPath(bytes >= BulkLink.threshold) {
            let large = BulkCopies.download(
                state,
                context: context,
                from: source,
                to: target,
                stream: stream
            )
            if let large { return large }
        }
        return Session.wait(
            state,
            stream == nil ? .cuMemcpyDtoH_v2 : .cuMemcpyDtoHAsync_v2,
            context: context,
            size: DeviceToHostLayout.size,
            destination: target
        ) { encode($0, source, bytes, stream ?? 0) }
    }

    /// `cuMemcpyDtoD_v2`
    package static func cuMemcpyDtoD_v2(
        _ destination: CUdeviceptr,
        _ source: CUdeviceptr,
        _ bytes: Int
    ) -> CUresult {
        withContext { state, context in
            if bytes == 0 { return Status.success }
            guard state.pointee.memory.contains(destination, bytes),
                state.pointee.memory.contains(source, bytes)
            else {
                return copyAnywhere(
                    state,
                    destination,
                    source,
                    bytes,
                    nil,
                    named: destination,
                    source
                )
            }
            let refusal = Capturing.checkSynchronous(state)
            guard refusal == Status.success else { return refusal }
            let size = Request_cuMemcpyDtoD_v2.size
            return Session.send(state, .cuMemcpyDtoD_v2, context: context, size: size) {
                Request_cuMemcpyDtoD_v2.encode(
                    to: $0,
                    dstDevice: destination,
                    srcDevice: source,
                    bytes: UInt64(bytes)
                )
            }
        }
    }

    /// `cuMemcpyDtoDAsync_v2`
    package static func cuMemcpyDtoDAsync_v2(
        _ destination: CUdeviceptr,
        _ source: CUdeviceptr,
        _ bytes: Int,
        _ stream: CUstream?
    ) -> CUresult {
        guard let handle = Handles.stream(stream) else { return invalidHandle() }
        return withContext { state, context in
            if bytes == 0 { return Status.success }
            guard state.pointee.memory.contains(destination, bytes),
                state.pointee.memory.contains(source, bytes)
            else {
                return copyAnywhere(
                    state,
                    destination,
                    source,
                    bytes,
                    handle,
                    named: destination,
                    source
                )
            }
            let refusal = Capturing.check(state, handle)
            guard refusal == Status.success else { return refusal }
            let size = Request_cuMemcpyDtoDAsync_v2.size
            return Session.send(state, .cuMemcpyDtoDAsync_v2, context: context, size: size) {
                Request_cuMemcpyDtoDAsync_v2.encode(
                    to: $0,
                    dstDevice: destination,
                    srcDevice: source,
                    bytes: UInt64(bytes),
                    stream: handle
                )
            }
        }
    }

    /// `cuMemcpy`: the pointers say which way.
    package static func cuMemcpy(
        _ destination: CUdeviceptr,
        _ source: CUdeviceptr,
        _ bytes: Int
    ) -> CUresult {
        withContext { state, _ in
            switch direction(state, destination, source) {
            case (true, true): return cuMemcpyDtoD_v2(destination, source, bytes)
            case (true, false): return cuMemcpyHtoD_v2(destination, host(source), bytes)
            case (false, true): return cuMemcpyDtoH_v2(host(destination), source, bytes)
            case (false, false): return copyHost(destination, source, bytes)
            }
        }
    }

    /// `cuMemcpyAsync`
    package static func cuMemcpyAsync(
        _ destination: CUdeviceptr,
        _ source: CUdeviceptr,
        _ bytes: Int,
        _ stream: CUstream?
    ) -> CUresult {
        withContext { state, _ in
            switch direction(state, destination, source) {
            case (true, true): return cuMemcpyDtoDAsync_v2(destination, source, bytes, stream)
            case (true, false):
                return cuMemcpyHtoDAsync_v2(destination, host(source), bytes, stream)
            case (false, true):
                return cuMemcpyDtoHAsync_v2(host(destination), source, bytes, stream)
            case (false, false):
                let status = cuStreamSynchronize(stream)
                return status == 0 ? copyHost(destination, source, bytes) : status
            }
        }
    }

    /// A copy by a call that names memory of the GPU's which is none: page-locked memory is right in its place, because
    /// its address is one for both sides.
    ///
    /// - Parameters:
    ///   - stream: As on the wire; `nil` for a synchronous copy.
    ///   - named: Where the call wants memory of the GPU's; all of them must be that, or page-locked.
    @inline(never)
    private static func copyAnywhere(
        _ state: UnsafeMutablePointer<SessionState>,
        _ destination: CUdeviceptr,
        _ source: CUdeviceptr,
        _ bytes: Int,
        _ stream: UInt64?,
        named: CUdeviceptr...
    ) -> CUresult {
        for place in named {
            guard
                state.pointee.memory.contains(place, bytes)
                    || ManagedMemory.isPageLockedOnly(state, place, bytes)
            else { return Status.invalidValue }
        }
        guard let stream else { return cuMemcpy(destination, source, bytes) }
        return cuMemcpyAsync(destination, source, bytes, Handles.pointer(stream))
    }

    private static func address(_ memory: UnsafeRawPointer) -> CUdeviceptr {
        CUdeviceptr(UInt(bitPattern: memory))
    }

    private static func direction(
        _ state: UnsafeMutablePointer<SessionState>,
        _ destination: CUdeviceptr,
        _ source: CUdeviceptr
    ) -> (Bool, Bool) {
        (
            state.pointee.memory.find(destination) != nil,
            state.pointee.memory.find(source) != nil
        )
    }

    private static func host(_ address: CUdeviceptr) -> UnsafeMutableRawPointer? {
        UnsafeMutableRawPointer(bitPattern: UInt(address))
    }

    private static func copyHost(
        _ destination: CUdeviceptr,
        _ source: CUdeviceptr,
        _ bytes: Int
    ) -> CUresult {
        guard let to = host(destination), let from = host(source), bytes >= 0 else {
            return Status.invalidValue
        }
        memmove(to, from, bytes)
        return Status.success
    }
}
