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
        return self.launch(.cuLaunchKernel, function, launch, parameters, extra, 0, nil)
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
        return self.launch(
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
        if count == 0, extra == nil, let status = launchAgain(function, launch, parameters) {
            return status
        }
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
        return self.launch(
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
            let problem = check(entry, launch)
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

    /// Attributes whose values are plain numbers or addresses of the GPU, so that they mean the same on
    /// the server: ignore 0, access policy 1, cooperative 2, synchronisation policy 3, cluster dimension 4,
    /// cluster scheduling 5, programmatic serialisation 6, priority 8, memory domains 9 and 10, preferred
    /// cluster 11, shared memory carve-out 14, NVLink scheduling 16.
    static func isCarried(_ attribute: Int32) -> Bool {
        switch attribute {
        case 0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 14, 16: true
        default: false
        }
    }

    /// What the driver refuses at once.
    static func check(
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
