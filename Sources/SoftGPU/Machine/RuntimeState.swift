/// What blocks of one launch have in common, as one host thread sees it.
struct RuntimeState {
    var grid: Dimensions
    var blockSize: Dimensions
    var dynamicSharedBytes: UInt32
    var totalSharedBytes: UInt32
    /// The zeroed memory by which blocks of a cooperative grid wait for one another; 0 when not
    /// cooperative.
    var workspace: UInt64
    var multiprocessor: UInt32
    var multiprocessorCount: UInt32
    var gridNumber: UInt32
    /// The launch, for built-in functions; valid as long as the launch runs.
    var launch: Unmanaged<Launch>
    /// Whether, since this was last cleared, a turn ended that did more than wait.
    var computed = false

    /// A special register that is the same in all threads of a block.
    @inline(__always)
    func uniform(_ kind: Special, _ block: UnsafeMutablePointer<Block>) -> UInt32? {
        switch kind {
        case .ctaidX: block.pointee.x
        case .ctaidY: block.pointee.y
        case .ctaidZ: block.pointee.z
        case .ntidX: blockSize.x
        case .ntidY: blockSize.y
        case .ntidZ: blockSize.z
        case .nctaidX: grid.x
        case .nctaidY: grid.y
        case .nctaidZ: grid.z
        case .nwarpid: UInt32((blockSize.count + 31) / 32)
        case .smid: multiprocessor
        case .nsmid: multiprocessorCount
        case .gridid: gridNumber
        case .dynamicSharedBytes: dynamicSharedBytes
        case .totalSharedBytes: totalSharedBytes
        case .gridWorkspaceHigh: UInt32(truncatingIfNeeded: workspace >> 32)
        case .gridWorkspaceLow: UInt32(truncatingIfNeeded: workspace)
        case .zero: 0
        case .one: 1
        default: nil
        }
    }

    /// A special register of one thread.
    func perLane(_ kind: Special, warp: Int, lane: Int) -> UInt32 {
        let thread = UInt32(truncatingIfNeeded: warp &* 32 &+ lane)
        let bit = UInt32(1) << UInt32(lane)
        switch kind {
        case .tidX: return thread % blockSize.x
        case .tidY: return thread / blockSize.x % blockSize.y
        case .tidZ: return thread / (blockSize.x &* blockSize.y)
        case .laneid: return UInt32(lane)
        case .warpid: return UInt32(warp)
        case .lanemaskEq: return bit
        case .lanemaskLt: return bit &- 1
        case .lanemaskLe: return bit | (bit &- 1)
        case .lanemaskGt: return ~(bit | (bit &- 1))
        case .lanemaskGe: return ~(bit &- 1)
        default: return 0
        }
    }
}
