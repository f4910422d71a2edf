internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// The records of launches: parameters are laid out as the kernel wants them, nothing is waited for.

extension ClientCalls {
    /// `cuLaunchKernel`, if the function was launched before in the same way, and nothing is counted.
    ///
    /// - Returns: A status, or `nil` when it is not; then nothing was done.
    @inline(__always)
    package static func cuLaunchKernelAgain(
        _ function: CUfunction?,
        _ gridX: UInt32,
        _ gridY: UInt32,
        _ gridZ: UInt32,
        _ blockX: UInt32,
        _ blockY: UInt32,
        _ blockZ: UInt32,
        _ sharedBytes: UInt32,
        _ stream: CUstream?,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ extra: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> CUresult? {
        guard extra == nil else { return nil }
        let launch = Launch(
            grid: (gridX, gridY, gridZ),
            block: (blockX, blockY, blockZ),
            sharedBytes: sharedBytes,
            stream: stream
        )
        return launchAgain(function, launch, parameters)
    }

    /// Writes the record of a launch that is as the function's last one was, but for its parameters and
    /// perhaps its dimensions.
    ///
    /// - Returns: A status, or `nil` when it is not; then nothing was done.
    @inline(__always)
    static func launchAgain(
        _ function: CUfunction?,
        _ launch: Launch,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> CUresult? {
        guard let parameters, let state = Session.live,
            let entry = state.pointee.functions.find(unsafeBitCast(function, to: UInt64.self))
        else { return nil }
        // Whoever has to wait has the time to make the launch as the first one.
        guard state.pointee.streamLock.tryLock() else { return nil }
        guard entry.pointee.template.isLike(launch) else {
            return launchReshaped(state, function, launch, parameters)
        }
        // The dimensions are in the template: nothing of them needs a register any more.
        return write(state, entry, function, parameters)
    }

    /// `writeAgain`, or `writeChecked` if there is need.
    @inline(__always)
    private static func write(
        _ state: UnsafeMutablePointer<SessionState>,
        _ entry: UnsafeMutablePointer<FunctionEntry>,
        _ function: CUfunction?,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    ) -> CUresult {
        if _slowPath(state.pointee.pageLocked.hasAny) {
            return writeChecked(state, entry, function, parameters)
        }
        return writeAgain(state, entry, function, parameters)
    }

    /// The same as `writeAgain` while there is page-locked memory, which the GPU may not have yet.
    @inline(never)
    private static func writeChecked(
        _ state: UnsafeMutablePointer<SessionState>,
        _ entry: UnsafeMutablePointer<FunctionEntry>,
        _ function: CUfunction?,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    ) -> CUresult {
        writeAgain(state, entry, function, parameters, isChecked: true)
    }

    /// The same with other dimensions, which become the template's. Called with the stream lock held,
    /// which it gives back.
    ///
    /// - Returns: `nil` when there is no template yet, or something else is to be said or done about the
    ///   launch; then nothing has changed.
    @inline(never)
    private static func launchReshaped(
        _ state: UnsafeMutablePointer<SessionState>,
        _ function: CUfunction?,
        _ launch: Launch,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    ) -> CUresult? {
        guard let entry = Handles.entry(function), entry.pointee.template.context != 0,
            UInt(bitPattern: launch.stream) != 2,
            check(entry, launch) == Status.success
        else {
            CommandStream.unlock(state)
            return nil
        }
        entry.pointee.template.reshape(launch)
        return write(state, entry, function, parameters)
    }

    /// Writes the record of a launch that is as the function's template says. Called with the stream
    /// lock held, which it gives back.
    ///
    /// - Parameter isChecked: Whether parameters that name page-locked memory are noticed.
    @inline(__always)
    private static func writeAgain(
        _ state: UnsafeMutablePointer<SessionState>,
        _ entry: UnsafeMutablePointer<FunctionEntry>,
        _ function: CUfunction?,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
        isChecked: Bool = false
    ) -> CUresult {
        let current = ContextStack.current
        guard state.pointee.contexts.isUsable(entry.pointee.template.context, current),
            isStream(state, entry.pointee.template.stream, of: current)
        else { return launchElsewhere(state, function, parameters) }
        let size = Int(truncatingIfNeeded: entry.pointee.template.recordSize)
        let record = CommandStream.space(state, size)
        entry.pointee.template.write(to: record, sequence: state.pointee.sequence &+ 1)
        let isWhole = withUnsafePointer(to: &entry.pointee.parameters) {
            ParameterLayout.copy($0, parameters, to: record + LaunchTemplate.size)
        }
        guard isWhole else {
            // A record that is not committed never was.
            CommandStream.unlock(state)
            return Status.invalidValue
        }
        if isChecked {
            let blob = UnsafeRawBufferPointer(
                start: record + LaunchTemplate.size,
                count: size &- LaunchTemplate.size
            )
            if ManagedMemory.namesPageLocked(state, blob) {
                return launchElsewhere(state, function, parameters)
            }
        }
        CommandStream.commit(state, total: size)
        CommandStream.unlock(state)
        Flusher.request(state)
        return Status.success
    }

    /// A launch with the dimensions of the last time, but not in the same context. Called with the
    /// stream lock held, which it gives back.
    @inline(never)
    private static func launchElsewhere(
        _ state: UnsafeMutablePointer<SessionState>,
        _ function: CUfunction?,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    ) -> CUresult {
        let launch = Handles.entry(function)?.pointee.template.launch
        state.pointee.streamLock.unlock()
        guard let launch else { return Status.invalidHandle }
        return self.launch(.cuLaunchKernel, function, launch, parameters, nil, 0, nil)
    }

    /// Lays out the parameters of a launch that has a pointer to each.
    static func layOut(
        _ entry: UnsafeMutablePointer<FunctionEntry>,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ blob: UnsafeMutableRawPointer
    ) -> Bool {
        guard let parameters else { return entry.pointee.parameters.count == 0 }
        return withUnsafePointer(to: &entry.pointee.parameters) {
            ParameterLayout.copy($0, parameters, to: blob)
        }
    }

    /// Whether a stream is a default one or one of this context: a kernel runs in the current one only;
    /// copies may use the streams of others.
    @inline(__always)
    private static func isStream(
        _ state: UnsafeMutablePointer<SessionState>,
        _ stream: UInt64,
        of context: UInt64
    ) -> Bool {
        stream <= 1 || state.pointee.streams.find(stream)?.pointee.context == context
    }

    /// A launch with anything that a launch can have.
    @inline(never)
    static func launch(
        _ opcode: Opcode,
        _ function: CUfunction?,
        _ launch: Launch,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ extra: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ attributeCount: Int,
        _ attributes: UnsafePointer<CUlaunchAttribute>?
    ) -> CUresult {
        var launch = launch
        if UInt(bitPattern: launch.stream) == 2 {
            // Making a stream needs a session; without one the launch says what is wrong.
            var failure: Int32 = 0
            guard let state = Session.ready(&failure) else { return failure }
            guard let stream = PerThreadStream.current(state) else { return Status.invalidHandle }
            launch.stream = OpaquePointer(bitPattern: UInt(stream))
        }
        var failure: Int32 = 0
        var context: UInt32 = 0
        guard let state = Session.readyInContext(&failure, &context) else { return failure }
        guard let entry = Handles.entry(function) else { return Status.invalidHandle }
        let stream = UInt64(UInt(bitPattern: launch.stream))
        guard isStream(state, stream, of: ContextStack.current) else {
            return Status.invalidHandle
        }
        let problem = check(entry, launch)
        guard problem == 0 else { return problem }
        let refusal = Capturing.check(state, stream)
        guard refusal == 0 else { return refusal }
        var bytes = entry.pointee.parameters.bytes
        var packed = UnsafeRawBufferPointer(start: nil, count: 0)
        if let extra {
            guard parameters == nil, let found = unpack(extra) else { return Status.invalidValue }
            packed = found
            bytes = max(bytes, packed.count)
        }
        // Reading managed memory may need the session, which cannot be while its lock is held.
        var gathered = GatheredParameters()
        defer { gathered.free() }
        let isShared = ManagedMemory.isAny(state) || state.pointee.pageLocked.hasAny
        if isShared, parameters != nil || packed.baseAddress != nil {
            guard gathered.fill(entry, parameters, packed, bytes) else {
                return Status.invalidValue
            }
            packed = UnsafeRawBufferPointer(start: gathered.memory, count: bytes)
            ManagedMemory.adopt(state, in: packed)
        }
        let padded = WireFormat.padded(bytes)
        let size =
            LaunchLayout.parameters &+ padded &+ attributeCount &* LaunchLayout.attributeSize
        state.pointee.streamLock.lock()
        let body = CommandStream.begin(state, opcode, flags: 0, context: context, size: size)
        encode(launch, of: entry.pointee.identifier, attributeCount, bytes, to: body)
        let blob = body + LaunchLayout.parameters
        var isWhole = true
        if extra != nil || packed.baseAddress != nil {
            write(packed, to: blob, bytes)
        } else {
            isWhole = layOut(entry, parameters, blob)
        }
        if attributeCount > 0 { write(attributes, attributeCount, to: blob + padded) }
        // A record that is not committed never was.
        if isWhole {
            CommandStream.commit(state, size: size)
            if opcode == .cuLaunchKernel, extra == nil, Tracing.counts == nil {
                entry.pointee.template.remember(body - WireFormat.headerSize)
            }
        }
        state.pointee.streamLock.unlock()
        guard isWhole else { return Status.invalidValue }
        Flusher.request(state)
        return Status.success
    }

    /// Writes what comes before the parameters.
    @inline(__always)
    static func encode(
        _ launch: Launch,
        of function: UInt32,
        _ attributeCount: Int,
        _ parameterBytes: Int,
        to body: UnsafeMutableRawPointer
    ) {
        let parameterBytes = UInt32(truncatingIfNeeded: parameterBytes)
        let stream = UInt64(UInt(bitPattern: launch.stream))
        body.storeBytes(of: function, as: UInt32.self)
        body.storeBytes(of: UInt32(attributeCount), toByteOffset: 4, as: UInt32.self)
        body.storeBytes(of: launch.grid.0, toByteOffset: 8, as: UInt32.self)
        body.storeBytes(of: launch.grid.1, toByteOffset: 12, as: UInt32.self)
        body.storeBytes(of: launch.grid.2, toByteOffset: 16, as: UInt32.self)
        body.storeBytes(of: launch.block.0, toByteOffset: 20, as: UInt32.self)
        body.storeBytes(of: launch.block.1, toByteOffset: 24, as: UInt32.self)
        body.storeBytes(of: launch.block.2, toByteOffset: 28, as: UInt32.self)
        body.storeBytes(of: launch.sharedBytes, toByteOffset: 32, as: UInt32.self)
        body.storeBytes(of: parameterBytes, toByteOffset: 36, as: UInt32.self)
        body.storeBytes(of: stream, toByteOffset: 40, as: UInt64.self)
    }

    static func write(
        _ attributes: UnsafePointer<CUlaunchAttribute>?,
        _ count: Int,
        to body: UnsafeMutableRawPointer
    ) {
        guard let attributes else { return }
        for index in 0..<count {
            let target = body + index * LaunchLayout.attributeSize
            var attribute = attributes[index]
            target.storeBytes(of: UInt64(UInt32(bitPattern: attribute.id)), as: UInt64.self)
            withUnsafeBytes(of: &attribute.value) { value in
                if let base = value.baseAddress { memcpy(target + 8, base, 64) }
            }
        }
    }

    /// Writes parameters that are in one piece, and zeros in place of those that are left out.
    static func write(
        _ packed: UnsafeRawBufferPointer,
        to blob: UnsafeMutableRawPointer,
        _ bytes: Int
    ) {
        if let base = packed.baseAddress { memcpy(blob, base, packed.count) }
        memset(blob + packed.count, 0, bytes - packed.count)
    }

    /// Reads the `extra` array: 1 buffer, 2 pointer to its size, 0 end.
    ///
    /// The buffer may be longer than the parameters, because of alignment, and shorter: NCCL's kernels have
    /// 4 KiB, of which it passes what is in use.
    ///
    /// - Returns: `nil` when it is none.
    static func unpack(
        _ extra: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    ) -> UnsafeRawBufferPointer? {
        var index = 0
        var size: Int?
        var packed: UnsafeRawPointer?
        while let key = extra[index] {
            switch UInt(bitPattern: key) {
            case 1: packed = UnsafeRawPointer(extra[index + 1])
            case 2: size = extra[index + 1]?.load(as: Int.self)
            default: return nil
            }
            index += 2
        }
        guard let size, size >= 0, size <= LaunchLayout.maxParameterBytes,
            packed != nil || size == 0
        else { return nil }
        return UnsafeRawBufferPointer(start: packed, count: size)
    }
}

/// The parameters of a launch in one piece, in memory of their own.
struct GatheredParameters {
    private(set) var memory: UnsafeMutableRawPointer?

    /// - Parameter packed: Where they are in one piece; nowhere: there is a pointer to each.
    /// - Returns: Whether all could be read.
    mutating func fill(
        _ entry: UnsafeMutablePointer<FunctionEntry>,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ packed: UnsafeRawBufferPointer,
        _ bytes: Int
    ) -> Bool {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: max(WireFormat.padded(bytes), 8),
            alignment: 16
        )
        self.memory = memory
        guard packed.baseAddress != nil else {
            return ClientCalls.layOut(entry, parameters, memory)
        }
        ClientCalls.write(packed, to: memory, bytes)
        return true
    }

    func free() { memory?.deallocate() }
}
