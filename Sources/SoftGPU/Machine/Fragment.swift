/// Why a fragment does not run.
enum FragmentState: UInt8 {
    /// It can run.
    case ready
    /// It has used its turn up; it runs when no other can.
    case yielded
    /// At a barrier of the block.
    case barrier
    /// At an instruction that waits for the other lanes of its mask.
    case synchronizing
    /// At `bar.warp.sync`.
    case warpBarrier
}

/// Lanes of a warp that are at the same place of the same call.
struct Fragment {
    var frame: UnsafeMutablePointer<Frame>
    var pc: Int32
    var mask: UInt32
    var state: FragmentState = .ready
    /// The barrier's number, kind and whether it has a count of threads.
    var barrier: UInt8 = 0
    /// The lanes that a `bar.warp.sync` waits for; the threads that a barrier waits for.
    var wanted: UInt32 = 0
}
