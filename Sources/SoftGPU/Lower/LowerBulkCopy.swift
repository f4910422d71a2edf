import CLanes
import Lanes
import PTX

extension FunctionLowering {
    /// `cp.async.bulk` between global and shared memory. A block is a cluster of its own, so that `shared::cluster` is
    /// `shared::cta`, and a copy is complete at once, so that there is no group to wait for.
    mutating func lowerBulkCopy() throws(CompileError) {
        if name.has(.prefetch) || name.has(.commitGroup) || name.has(.waitGroup) { return }
        guard !name.has(.reduce), !name.has(.tensor), !name.has(.cpMask),
            !name.has(.multicastCluster), !name.has(.multicastClusterAll)
        else { throw unsupported() }
        let spaces = name.modifiers.compactMap { modifier -> Space? in
            switch modifier {
            case .global: .global
            case .shared, .sharedCta, .sharedCluster: .shared
            default: nil
            }
        }
        guard spaces == [.shared, .global] || spaces == [.global, .shared] else {
            throw unsupported()
        }
        let target = try location(try operand(0), spaces[0])
        let origin = try location(try operand(1), spaces[1])
        var i = try copyDraft(BulkCopyOps.handler(), from: origin, to: target)
        i.c = try source(2, .u32)
        i.e = -1
        i.aux = Int32(AddressMode.shared64.rawValue)
        if name.has(.mbarrierCompleteTxBytes) {
            let barrier = try location(try operand(3), .shared)
            i.e = barrier.base
            i.k = try small(barrier.displacement)
            i.aux = Int32(barrier.mode.rawValue)
        }
        append(i)
    }

    /// A copy: source a (+ `immediate`, `mode`), destination b (+ `h`, mode `count`).
    func copyDraft(
        _ handler: LaneHandler,
        from origin: Location,
        to target: Location
    ) throws(CompileError) -> LaneInstruction {
        var i = draft(handler)
        i.a = origin.base
        i.immediate = origin.displacement
        i.mode = origin.mode.rawValue
        i.b = target.base
        i.h = try small(target.displacement)
        i.count = target.mode.rawValue
        return i
    }

    /// A displacement for which there are 32 bits.
    private func small(_ displacement: Int64) throws(CompileError) -> Int32 {
        guard let displacement = Int32(exactly: displacement) else {
            throw failure("the displacement is too large")
        }
        return displacement
    }
}
