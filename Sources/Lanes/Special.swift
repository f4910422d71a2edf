import CLanes

/// Clocks that special registers show.
package enum ClockKind: UInt8, Sendable {
    /// Cycles, and their upper half.
    case cycles, cyclesHigh
    /// Nanoseconds of the system's clock, and their upper half.
    case nanoseconds, nanosecondsHigh
}

/// Reads of what changes while a thread runs.
package enum SpecialOps {
    /// d = the clock, in 64 or 32 bits.
    package static func clock(_ kind: ClockKind, wide: Bool) -> Handler {
        switch (kind, wide) {
        case (.cycles, true): { r, i, m, _ in put(r, i.pointee.d, m) { _ in same(lane_clock()) } }
        case (.cycles, false):
            { r, i, m, _ in put(r, i.pointee.d, m) { _ in same(low(lane_clock())) } }
        case (.cyclesHigh, _):
            { r, i, m, _ in put(r, i.pointee.d, m) { _ in same(low(lane_clock() >> 32)) } }
        case (.nanoseconds, true):
            { r, i, m, _ in
                let time = nanoseconds()
                put(r, i.pointee.d, m) { _ in same(time) }
            }
        case (.nanoseconds, false):
            { r, i, m, _ in
                let time = low(nanoseconds())
                put(r, i.pointee.d, m) { _ in same(time) }
            }
        case (.nanosecondsHigh, _):
            { r, i, m, _ in
                let time = low(nanoseconds() >> 32)
                put(r, i.pointee.d, m) { _ in same(time) }
            }
        }
    }
}

@inline(__always)
private func same<T: SIMDScalar>(_ value: T) -> SIMD8<T> { SIMD8(repeating: value) }

@inline(__always)
private func low(_ value: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: value) }

private func nanoseconds() -> UInt64 { lane_nanoseconds() }
