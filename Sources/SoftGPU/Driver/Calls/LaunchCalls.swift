package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import SoftDevice

extension SoftCalls {
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
        let configuration = LaunchConfiguration(
            grid: Dimensions(gridX, gridY, gridZ),
            block: Dimensions(blockX, blockY, blockZ),
            dynamicSharedBytes: Int(sharedBytes)
        )
        return launch(function, configuration, stream, parameters, extra)
    }

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
        let configuration = LaunchConfiguration(
            grid: Dimensions(gridX, gridY, gridZ),
            block: Dimensions(blockX, blockY, blockZ),
            dynamicSharedBytes: Int(sharedBytes),
            cooperative: true
        )
        return launch(function, configuration, stream, parameters, nil)
    }

    package static func cuLaunchKernelEx(
        _ config: UnsafePointer<CUlaunchConfig>?,
        _ function: CUfunction?,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ extra: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> CUresult {
        launch(config, function, parameters, extra, isPerThread: false)
    }

    package static func cuLaunchKernelEx_ptsz(
        _ config: UnsafePointer<CUlaunchConfig>?,
        _ function: CUfunction?,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ extra: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> CUresult {
        launch(config, function, parameters, extra, isPerThread: true)
    }

    private static func launch(
        _ config: UnsafePointer<CUlaunchConfig>?,
        _ function: CUfunction?,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ extra: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        isPerThread: Bool
    ) -> CUresult {
        guard let config = config?.pointee else { return Status.invalidValue }
        let attributes: LaunchAttributes
        do {
            attributes = try LaunchAttributes(config)
        } catch {
            return error.status
        }
        let configuration = LaunchConfiguration(
            grid: Dimensions(config.gridDimX, config.gridDimY, config.gridDimZ),
            block: Dimensions(config.blockDimX, config.blockDimY, config.blockDimZ),
            dynamicSharedBytes: Int(config.sharedMemBytes),
            cooperative: attributes.isCooperative
        )
        let stream = isPerThread ? perThread(config.stream) : config.stream
        if attributes.cluster.count > 1 {
            let status = withContext { (context) throws(Failure) in
                guard context.launches == .run else { return }
                Diagnostics.note("clusters of more than one block are not supported")
                throw Failure(FERRY_CUDA_ERROR_INVALID_CLUSTER_SIZE)
            }
            guard status == Status.success else { return status }
        }
        let list = UnsafeBufferPointer(
            start: UnsafePointer(config.attributes),
            count: Int(config.attributeCount)
        )
        return launch(function, configuration, stream, parameters, extra, list)
    }

    /// Checks a launch, copies its parameters and gives it to the stream.
    private static func launch(
        _ handle: CUfunction?,
        _ configuration: LaunchConfiguration,
        _ stream: CUstream?,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ extra: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ attributes: UnsafeBufferPointer<CUlaunchAttribute>? = nil
    ) -> CUresult {
        let launch = RememberedLaunches.Key(
            context: ContextStack.current,
            function: handle,
            stream: stream,
            configuration
        )
        if extra == nil, SoftDriver.isReady, !Captures.isAny,
            let answer = RememberedLaunches.find(launch)
        {
            return PretendedLaunch.again(answer, parameters)
        }
        return withContext { (context) throws(Failure) in
            let pretended = PretendedLaunch(context.launches)
            let epoch = RememberedLaunches.epoch
            let function = try context.driver.function(handle)
            let stream = try context.stream(stream)
            let facts = try KernelFacts(function, in: context)
            try facts.check(configuration)
            let kernel = facts.kernel
            if Captures.isAny {
                let work = KernelWork(
                    function: function,
                    kernel: kernel,
                    context: context,
                    configuration: configuration,
                    parameters: try LaunchParameters.copy(
                        for: kernel,
                        parameters: parameters,
                        extra: extra
                    ),
                    attributes: attributes.map { NodeAttributes($0) } ?? NodeAttributes()
                )
                if try stream.captures(.kernel(work)) { return }
            }
            if LaunchLog.isWanted {
                let copied = try LaunchParameters.copy(
                    for: kernel,
                    parameters: parameters,
                    extra: extra
                )
                LaunchLog.note(kernel, configuration, copied.bytes)
            }
            if let pretended {
                return try pretended.finish(
                    launch,
                    kernel,
                    parameters: parameters,
                    extra: extra,
                    since: epoch
                )
            }
            let copied = try LaunchParameters.copy(
                for: kernel,
                parameters: parameters,
                extra: extra
            )
            try context.submit(to: stream) {
                do throws(LaunchFault) {
                    try context.machine.run(
                        kernel,
                        configuration,
                        parameters: copied.bytes,
                        output: context.output
                    )
                    return Status.success
                } catch {
                    Diagnostics.note("\(error)")
                    return error.code
                }
            }
        }
    }
}

/// Attributes of `cuLaunchKernelEx`.
struct LaunchAttributes {
    var isCooperative = false
    /// Blocks of a cluster; more than one only launches that are not executed may have.
    var cluster = Dimensions(1, 1, 1)

    /// Reads them: those that only tune are left out, those that change what a kernel sees and
    /// that the machine has not are refused.
    init(_ config: CUlaunchConfig) throws(Failure) {
        guard config.attributeCount > 0 else { return }
        let attributes = try required(config.attributes)
        for index in 0..<Int(config.attributeCount) {
            let attribute = attributes[index]
            switch attribute.id {
            case 2: isCooperative = UInt32(truncatingIfNeeded: attribute.value.0) != 0
            case 4, 11:  // cluster extents, preferred cluster extents
                let extents = Dimensions(
                    UInt32(truncatingIfNeeded: attribute.value.0),
                    UInt32(truncatingIfNeeded: attribute.value.0 >> 32),
                    UInt32(truncatingIfNeeded: attribute.value.1)
                )
                guard extents.x <= 1024, extents.y <= 1024, extents.z <= 1024 else {
                    throw Failure(FERRY_CUDA_ERROR_INVALID_CLUSTER_SIZE)
                }
                guard extents.count > 0 else { continue }
                if attribute.id == 4 || cluster.count == 1 { cluster = extents }
            // 0 ignored, 1 access policy, 3 synchronisation policy, 5 cluster scheduling,
            // 8 priority, 9, 10 memory domains, 14 shared memory carveout
            case 0, 1, 3, 5, 8, 9, 10, 14: break
            // 6 a kernel may start before the one before it ends: it need not
            case 6: break
            default:
                Diagnostics.note("launch attribute \(attribute.id) is not supported")
                throw .notSupported
            }
        }
    }
}

extension SoftDriver {
    /// A function or kernel by its handle.
    func function(_ handle: OpaquePointer?) throws(Failure) -> DeviceFunction {
        guard let function = functions.object(number(handle)) else { throw .invalidHandle }
        return function
    }
}
