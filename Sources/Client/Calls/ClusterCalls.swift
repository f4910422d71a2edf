package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// How many clusters of blocks fit: asked of the server each time, which libraries do when they choose a
// kernel and not when they launch one.

extension ClientCalls {
    /// `cuOccupancyMaxActiveClusters`
    package static func cuOccupancyMaxActiveClusters(
        _ clusters: UnsafeMutablePointer<Int32>?,
        _ function: CUfunction?,
        _ config: UnsafePointer<CUlaunchConfig>?
    ) -> CUresult {
        ask(.cuOccupancyMaxActiveClusters, clusters, function, config)
    }

    /// `cuOccupancyMaxPotentialClusterSize`
    package static func cuOccupancyMaxPotentialClusterSize(
        _ size: UnsafeMutablePointer<Int32>?,
        _ function: CUfunction?,
        _ config: UnsafePointer<CUlaunchConfig>?
    ) -> CUresult {
        ask(.cuOccupancyMaxPotentialClusterSize, size, function, config)
    }

    private static func ask(
        _ opcode: Opcode,
        _ answer: UnsafeMutablePointer<Int32>?,
        _ function: CUfunction?,
        _ config: UnsafePointer<CUlaunchConfig>?
    ) -> CUresult {
        guard let answer, let config = config?.pointee else { return Status.invalidValue }
        let count = Int(config.attributeCount)
        guard count <= LaunchLayout.maxAttributes, count == 0 || config.attributes != nil else {
            return Status.invalidValue
        }
        for index in 0..<count {
            guard let attribute = config.attributes?[index], isCarried(attribute.id) else {
                Log.notSupported("a launch attribute")
                return Status.notSupported
            }
        }
        // cuBLASLt asks without a function, about the GPU as such.
        var identifier = LaunchLayout.noFunction
        if let function {
            guard let entry = Handles.entry(function) else { return Status.invalidHandle }
            identifier = entry.pointee.identifier
        }
        // The stream says nothing about what fits.
        let launch = Launch(
            grid: (config.gridDimX, config.gridDimY, config.gridDimZ),
            block: (config.blockDimX, config.blockDimY, config.blockDimZ),
            sharedBytes: config.sharedMemBytes,
            stream: nil
        )
        let size = LaunchLayout.parameters + count * LaunchLayout.attributeSize
        return Session.wait(opcode, size: size, replySize: ReplyLayout.values + 8) { body in
            encode(launch, of: identifier, count, 0, to: body)
            let attributes = config.attributes.map { UnsafePointer($0) }
            write(attributes, count, to: body + LaunchLayout.parameters)
        } reply: { reply in
            answer.pointee = reply.loadUnaligned(
                fromByteOffset: ReplyLayout.values,
                as: Int32.self
            )
        }
    }
}
