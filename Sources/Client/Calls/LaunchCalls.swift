internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Launches: what can be wrong with the dimensions is found here, as the driver finds it, and the
// parameters are laid out as the kernel wants them. Nothing is waited for.

extension ClientCalls {
    /// Dimensions and streams of a launch, as they come from the program.
    struct Launch {
        var grid: (UInt32, UInt32, UInt32)
        var block: (UInt32, UInt32, UInt32)
        var sharedBytes: UInt32
        var stream: CUstream?
    }

    /// `cuLaunchKernel`
    package static func cuLaunchKernel(
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
    ) -> CUresult {
        let launch = Launch(
            grid: (gridX, gridY, gridZ),
            block: (blockX, blockY, blockZ),
            sharedBytes: sharedBytes,
            stream: stream
        )
        // With these two known, what is left of the launch needs few registers.
        if _slowPath(extra != nil || UInt(bitPattern: stream) == 2) {
            return launchRarely(.cuLaunchKernel, function, launch, parameters, extra, 0, nil)
        }
        return self.launch(.cuLaunchKernel, function, launch, parameters, nil, 0, nil)
    }

    /// `cuLaunchCooperativeKernel`
    package static func cuLaunchCooperativeKernel(
        _ function: CUfunction?,
        _ gridX: UInt32,
        _ gridY: UInt32,
        _ gridZ: UInt32,
        _ blockX: UInt32,
        _ blockY: UInt32,
        _ blockZ: UInt32,
        _ sharedBytes: UInt32,
        _ stream: CUstream?,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> CUresult {
        let launch = Launch(
            grid: (gridX, gridY, gridZ),
            block: (blockX, blockY, blockZ),
            sharedBytes: sharedBytes,
            stream: stream
        )
        let status = checkCooperative(function, launch)
        guard status == 0 else { return status }
        return launchRarely(
            .cuLaunchCooperativeKernel,
            function,
            launch,
            parameters,
            nil,
            0,
            nil
        )
    }

    /// `cuLaunchKernelEx`
    package static func cuLaunchKernelEx(
        _ config: UnsafePointer<CUlaunchConfig>?,
        _ function: CUfunction?,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ extra: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> CUresult {
        launchEx(config, function, parameters, extra, isPerThread: false)
    }

    /// `cuLaunchKernelEx_ptsz`
    package static func cuLaunchKernelEx_ptsz(
        _ config: UnsafePointer<CUlaunchConfig>?,
        _ function: CUfunction?,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ extra: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> CUresult {
        launchEx(config, function, parameters, extra, isPerThread: true)
    }

    private static func launchEx(
        _ config: UnsafePointer<CUlaunchConfig>?,
        _ function: CUfunction?,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ extra: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        isPerThread: Bool
    ) -> CUresult {
        guard let config = config?.pointee else { return Status.invalidValue }
        let count = Int(config.attributeCount)
        guard count <= LaunchLayout.maxAttributes, count == 0 || config.attributes != nil else {
            return Status.invalidValue
        }
        let launch = Launch(
            grid: (config.gridDimX, config.gridDimY, config.gridDimZ),
            block: (config.blockDimX, config.blockDimY, config.blockDimZ),
            sharedBytes: config.sharedMemBytes,
            stream: isPerThread ? perThread(config.stream) : config.stream
        )
        for index in 0..<count {
            guard let attribute = config.attributes?[index], isCarried(attribute.id) else {
                Log.notSupported("a launch attribute")
                return Status.notSupported
            }
            // Attribute 2 makes the launch cooperative.
            if attribute.id == 2, attribute.value.0 & 0xFFFF_FFFF != 0 {
                let status = checkCooperative(function, launch)
                guard status == 0 else { return status }
            }
        }
        let opcode: Opcode = count == 0 ? .cuLaunchKernel : .cuLaunchKernelEx
        return launchRarely(
            opcode,
            function,
            launch,
            parameters,
            extra,
            count,
            config.attributes.map { UnsafePointer($0) }
        )
    }

    /// Whether all blocks fit on the device at once, as a cooperative launch needs. How many fit is
    /// asked once for each shape of block.
    private static func checkCooperative(_ function: CUfunction?, _ launch: Launch) -> Int32 {
        withContext { state, _ in
            guard let entry = Handles.entry(function) else { return Status.invalidHandle }
            let problem = check(state, entry, launch)
            guard problem == 0 else { return problem }
            var count: Int32 = 0
            let status = cuOccupancyMaxActiveBlocksPerMultiprocessor(
                &count,
                function,
                Int32(launch.block.0 * launch.block.1 * launch.block.2),
                Int(launch.sharedBytes)
            )
            guard status == 0 else { return status }
            let device = state.pointee.contexts.find(ContextStack.current)?.pointee.device ?? 0
            let processors = state.pointee.devices.attribute(device, 16)
            let resident = UInt64(max(0, count)) * UInt64(max(0, processors))
            let plane = UInt64(launch.grid.0) * UInt64(launch.grid.1)
            let (blocks, overflow) = plane.multipliedReportingOverflow(by: UInt64(launch.grid.2))
            return overflow || blocks > resident
                ? Status.cooperativeLaunchTooLarge : Status.success
        }
    }

    /// Attributes whose values are plain numbers, so that they mean the same on the server:
    /// ignore 0, cooperative 2, synchronisation policy 3, cluster dimension 4, cluster scheduling 5,
    /// programmatic serialisation 6, priority 8, memory domains 9 and 10, preferred cluster 11.
    private static func isCarried(_ attribute: Int32) -> Bool {
        switch attribute {
        case 0, 2, 3, 4, 5, 6, 8, 9, 10, 11: true
        default: false
        }
    }

    /// A launch with anything that a launch can have.
    @inline(never)
    private static func launchRarely(
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
        return self.launch(
            opcode,
            function,
            launch,
            parameters,
            extra,
            attributeCount,
            attributes
        )
    }

    /// Writes the record of a launch. The stream is not the calling thread's default one.
    @inline(__always)
    private static func launch(
        _ opcode: Opcode,
        _ function: CUfunction?,
        _ launch: Launch,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ extra: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ attributeCount: Int,
        _ attributes: UnsafePointer<CUlaunchAttribute>?
    ) -> CUresult {
        var failure: Int32 = 0
        var context: UInt32 = 0
        guard let state = Session.readyInContext(&failure, &context) else { return failure }
        guard let entry = Handles.entry(function) else { return Status.invalidHandle }
        let stream = UInt64(UInt(bitPattern: launch.stream))
        if stream > 1 {
            // A kernel runs in the current context only; copies may use the streams of others.
            guard let owner = state.pointee.streams.find(stream)?.pointee.context,
                state.pointee.contexts.isEntry(context, of: owner)
            else { return Status.invalidHandle }
        }
        let problem = check(state, entry, launch)
        guard problem == 0 else { return problem }
        var bytes = entry.pointee.parameterBytes
        var padded = entry.pointee.paddedBytes
        var packed: UnsafeRawPointer?
        if let extra {
            guard parameters == nil else { return Status.invalidValue }
            let status = unpack(extra, entry.pointee.parameterBytes, &packed, &bytes)
            guard status == 0 else { return status }
            padded = WireFormat.padded(bytes)
        }
        let size =
            LaunchLayout.parameters &+ padded &+ attributeCount &* LaunchLayout.attributeSize
        state.pointee.streamLock.lock()
        let body = CommandStream.begin(state, opcode, flags: 0, context: context, size: size)
        body.storeBytes(of: entry.pointee.identifier, as: UInt32.self)
        body.storeBytes(of: UInt32(attributeCount), toByteOffset: 4, as: UInt32.self)
        body.storeBytes(of: launch.grid.0, toByteOffset: 8, as: UInt32.self)
        body.storeBytes(of: launch.grid.1, toByteOffset: 12, as: UInt32.self)
        body.storeBytes(of: launch.grid.2, toByteOffset: 16, as: UInt32.self)
        body.storeBytes(of: launch.block.0, toByteOffset: 20, as: UInt32.self)
        body.storeBytes(of: launch.block.1, toByteOffset: 24, as: UInt32.self)
        body.storeBytes(of: launch.block.2, toByteOffset: 28, as: UInt32.self)
        body.storeBytes(of: launch.sharedBytes, toByteOffset: 32, as: UInt32.self)
        body.storeBytes(of: UInt32(truncatingIfNeeded: bytes), toByteOffset: 36, as: UInt32.self)
        body.storeBytes(of: stream, toByteOffset: 40, as: UInt64.self)
        let blob = body + LaunchLayout.parameters
        var isWhole = true
        if let packed {
            memcpy(blob, packed, bytes)
        } else if extra == nil {
            isWhole = layOut(entry, parameters, blob)
        }
        if attributeCount > 0 { write(attributes, attributeCount, to: blob + padded) }
        // A record that is not committed never was.
        if isWhole { CommandStream.commit(state, size: size) }
        state.pointee.streamLock.unlock()
        guard isWhole else { return Status.invalidValue }
        Flusher.request(state)
        return Status.success
    }

    /// Copies each parameter to its offset. Almost all have four or eight bytes.
    ///
    /// - Returns: `false` when there is no pointer for one: the kernel would get whatever lay in the
    ///   buffer before.
    @inline(__always)
    private static func layOut(
        _ entry: UnsafeMutablePointer<FunctionEntry>,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ blob: UnsafeMutableRawPointer
    ) -> Bool {
        guard let parameters else { return entry.pointee.parameterCount == 0 }
        let moves = entry.pointee.moves
        var index = 0
        // Two at a time: `moves` has an even number of entries that a launch can make.
        while index < entry.pointee.regularCount {
            guard move(parameters[index], moves[index], blob),
                move(parameters[index &+ 1], moves[index &+ 1], blob)
            else { return false }
            index &+= 2
        }
        if _fastPath(index == entry.pointee.parameterCount) { return true }
        return layOutRest(entry, parameters, blob, index)
    }

    /// Copies a parameter of four or eight bytes.
    @inline(__always)
    private static func move(
        _ source: UnsafeMutableRawPointer?,
        _ move: Int32,
        _ blob: UnsafeMutableRawPointer
    ) -> Bool {
        guard let source else { return false }
        if _fastPath(move >= 0) {
            memcpy(blob + Int(truncatingIfNeeded: move), source, 8)
        } else {
            // Four bytes: the sign is all that must go from the offset.
            memcpy(blob + Int(truncatingIfNeeded: move ^ .min), source, 4)
        }
        return true
    }

    /// Copies the parameters from `index` on, of whatever size.
    @inline(never)
    private static func layOutRest(
        _ entry: UnsafeMutablePointer<FunctionEntry>,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
        _ blob: UnsafeMutableRawPointer,
        _ index: Int
    ) -> Bool {
        for index in index..<entry.pointee.parameterCount {
            guard let source = parameters[index] else { return false }
            let slot = entry.pointee.parameters[index]
            memcpy(blob + Int(slot.offset), source, Int(slot.size))
        }
        return true
    }

    private static func write(
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

    /// Reads the `extra` array: 1 buffer, 2 pointer to its size, 0 end.
    private static func unpack(
        _ extra: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
        _ expected: Int,
        _ packed: inout UnsafeRawPointer?,
        _ bytes: inout Int
    ) -> Int32 {
        var index = 0
        var size: Int?
        while let key = extra[index] {
            switch UInt(bitPattern: key) {
            case 1: packed = UnsafeRawPointer(extra[index + 1])
            case 2: size = extra[index + 1]?.load(as: Int.self)
            default: return Status.invalidValue
            }
            index += 2
        }
        guard let size, size >= 0, size <= LaunchLayout.maxParameterBytes,
            packed != nil || size == 0
        else { return Status.invalidValue }
        // A buffer may be longer than the parameters, because of alignment, never shorter.
        guard size >= expected else { return Status.invalidValue }
        bytes = size
        return Status.success
    }

    /// What the driver refuses at once.
    @inline(__always)
    private static func check(
        _ state: UnsafeMutablePointer<SessionState>,
        _ entry: UnsafeMutablePointer<FunctionEntry>,
        _ launch: Launch
    ) -> Int32 {
        // Zero becomes the largest number, so that one comparison finds both ends; what is too large
        // sets a bit that is too high, but for 0xFFFF.
        let block = (launch.block.0 &- 1) | (launch.block.1 &- 1)
        let grid = (launch.grid.1 &- 1) | (launch.grid.2 &- 1)
        if launch.block.2 &- 1 >= 64 || block >= 1024 { return Status.invalidValue }
        if Int32(bitPattern: launch.grid.0) <= 0 { return Status.invalidValue }
        if grid >= 0xFFFF, launch.grid.1 &- 1 >= 0xFFFF || launch.grid.2 &- 1 >= 0xFFFF {
            return Status.invalidValue
        }
        // At most 2²⁶ by now.
        let threads = launch.block.0 &* launch.block.1 &* launch.block.2
        let attributes = entry.pointee.attributes
        if threads > UInt32(bitPattern: attributes[0]) { return Status.invalidValue }
        // Attribute 8: how much dynamic shared memory the function may use; never negative.
        if launch.sharedBytes > UInt32(bitPattern: attributes[8]) { return Status.invalidValue }
        return Status.success
    }
}
