import Lanes
import PTX
extension FunctionLowering {
    mutating func lowerAtomic() throws(CompileError) { throw unsupported() }
    mutating func lowerWarp() throws(CompileError) { throw unsupported() }
    mutating func lowerMbarrier() throws(CompileError) { throw unsupported() }
    mutating func lowerVideo() throws(CompileError) { throw unsupported() }
    mutating func lowerHalf(_ type: LaneType) throws(CompileError) { throw unsupported() }
}
