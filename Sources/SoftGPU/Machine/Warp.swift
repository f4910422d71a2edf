import CLanes

/// A warp of a resident block.
struct Warp {
    var context: LaneContext
    /// Up to 32 fragments with disjoint masks.
    var fragments: UnsafeMutablePointer<Fragment>
    var count: Int32
    /// The kernel's own frame.
    var entry: UnsafeMutablePointer<Frame>
    /// Index in the block.
    var index: Int32
    /// Lanes that need not wait at their next warp-synchronous instruction.
    var released: UInt32 = 0
}

/// What a turn of a warp came to.
enum Turn {
    /// All its fragments wait or have ended.
    case waiting
    /// It could go on, but others should run now.
    case yielded
    /// A fault is recorded in the context.
    case faulted
}
