/// Chooses GPUs for a wish. Pure and deterministic: the same state gives the same answer.
enum Placement {
    /// The grants for `request`, or why there are none.
    ///
    /// Whole GPUs go by number. Slices go to the GPU with the least free memory that still fits
    /// (best fit), so that unused GPUs stay whole for those who need them.
    static func place(_ request: LeaseRequest, on gpus: [FreeGPU]) -> Result<[Grant], Refusal> {
        if let reason = impossible(request, on: gpus.map(\.gpu)) {
            return .failure(.never(reason))
        }
        let fitting = gpus.filter { fits(request.share, on: $0) }
        guard fitting.count >= request.gpus else { return .failure(.notEnough(gpus)) }
        let chosen = fitting.sorted { (key($0), $0.gpu.index) < (key($1), $1.gpu.index) }
            .prefix(request.gpus)
            .sorted { $0.gpu.index < $1.gpu.index }
        return .success(chosen.map { grant(request.share, of: $0.gpu) })

        func key(_ free: FreeGPU) -> Int64 { request.share == .whole ? 0 : free.freeMiB }
    }

    private static func fits(_ share: Share, on free: FreeGPU) -> Bool {
        guard let slice = share.slice(ofMiB: free.gpu.memoryMiB) else { return free.isUnused }
        return slice >= 1 && slice <= free.freeMiB
    }

    private static func grant(_ share: Share, of gpu: GPU) -> Grant {
        let slice = share.slice(ofMiB: gpu.memoryMiB)
        return Grant(
            gpuIndex: gpu.index,
            gpuUUID: gpu.uuid,
            memoryBytes: slice.map { $0 << 20 } ?? gpu.memoryBytes,
            isWhole: slice == nil
        )
    }

    /// Why these GPUs could not grant `request` even if all of them were unused.
    private static func impossible(_ request: LeaseRequest, on gpus: [GPU]) -> String? {
        guard request.gpus <= gpus.count else {
            return "\(request.gpus) GPUs were asked for and this server has \(gpus.count)"
        }
        let able = gpus.filter {
            guard let slice = request.share.slice(ofMiB: $0.memoryMiB) else { return true }
            return slice >= 1 && slice <= $0.memoryMiB
        }
        guard able.count < request.gpus else { return nil }
        let largest = gpus.map(\.memoryMiB).max() ?? 0
        switch request.share {
        case .mebibytes(let amount):
            return "\(amount) MiB of each of \(request.gpus) GPUs were asked for; \(able.count) of "
                + "this server's GPUs are that large, the largest has \(largest) MiB"
        case .billionths, .whole:
            return "the fraction is less than 1 MiB of a GPU here (the largest has \(largest) MiB)"
        }
    }
}
