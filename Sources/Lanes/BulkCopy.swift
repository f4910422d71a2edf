import CLanes

/// `cp.async.bulk`: copies as many bytes as a register says, and tells a barrier.
package enum BulkCopyOps {
    /// Copies from the address a (+ `immediate`, `mode`) to the address b (+ `h`, mode `count`) as many bytes as the
    /// 32-bit register c says; when e ≥ 0, the `mbarrier` at the address e (+ `k`, mode `aux`) is told of them. All
    /// addresses and the size are multiples of 16, but the barrier's, of 8.
    package static func handler() -> Handler {
        { r, i, m, c in copy(r, i, m, c) }
    }
}

private func copy(_ r: Registers, _ i: Instruction, _ m: UInt32, _ context: Context) {
    guard let from = AddressMode(rawValue: i.pointee.mode),
        let to = AddressMode(rawValue: i.pointee.count),
        let barrierMode = AddressMode(rawValue: UInt8(truncatingIfNeeded: i.pointee.aux))
    else { return }
    eachLane(m) { lane in
        // The machine stops the kernel at the first fault.
        guard context.pointee.faultCode == 0 else { return }
        let size = UInt64(lanes(r, i.pointee.c, UInt32.self)[lane])
        let (source, target) = (
            laneAddress(r, i, from, lane),
            laneAddress(r, i.pointee.b, Int64(i.pointee.h), to, lane)
        )
        if size > 0 {
            // A size that is no multiple of 16 is refused as an address that is none.
            let bend = size & 15
            guard
                let origin = hostAddress(context, i, from, source | bend, lane, size, 16, false),
                let place = hostAddress(context, i, to, target, lane, size, 16, true)
            else { return }
            place.copyMemory(from: origin, byteCount: Int(truncatingIfNeeded: size))
        }
        guard i.pointee.e >= 0 else { return }
        let address = laneAddress(r, i.pointee.e, Int64(i.pointee.k), barrierMode, lane)
        guard let barrier = hostAddress(context, i, barrierMode, address, lane, 8, 8, true) else {
            return
        }
        MbarrierOps.complete(barrier, bytes: Int64(size))
    }
}
