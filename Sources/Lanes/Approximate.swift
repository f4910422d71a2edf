import CLanes

/// The `.approx` forms. `LaneInstruction.mode` bit 2 is `.ftz`.
package enum ApproximateOps {
    /// `div.approx.f32`: a · (1 / b), so that very large b give 0, as documented.
    package static func divide() -> Handler {
        { r, i, m, _ in
            let flushes = i.pointee.mode & FloatOps.flush != 0
            map2(r, i, m) { (x: SIMD8<Float>, y: SIMD8<Float>) -> SIMD8<Float> in
                let a = flushes ? lane_ftz(x) : x
                let b = flushes ? lane_ftz(y) : y
                let inverse = lane_div_f32(SIMD8(repeating: 1), b)
                let q = lane_mul_f32(a, flushes ? lane_ftz(inverse) : inverse)
                return flushes ? lane_ftz(q) : q
            }
        }
    }

    /// A function of one single.
    package static func function(_ name: String) -> Handler? {
        switch name {
        case "ex2": return { r, i, m, c in array(r, i, m, c, lanes_ex2_f32) }
        case "lg2": return { r, i, m, c in array(r, i, m, c, lanes_lg2_f32) }
        case "sin": return { r, i, m, c in array(r, i, m, c, lanes_sin_f32) }
        case "cos": return { r, i, m, c in array(r, i, m, c, lanes_cos_f32) }
        case "tanh": return { r, i, m, c in array(r, i, m, c, lanes_tanh_f32) }
        case "rsqrt": return { r, i, m, c in array(r, i, m, c, lanes_rsqrt_f32) }
        default: return nil
        }
    }

    /// `rcp.approx.ftz.f64`: the upper half of the reciprocal, the lower is 0.
    package static func reciprocalDouble() -> Handler {
        { r, i, m, _ in
            each1(r, i, m) { (a: Double) -> Double in upperHalf(1 / flushed(a)) }
        }
    }

    /// `rsqrt.approx.f64`, with `.ftz` of which only the upper half is made.
    package static func rsqrtDouble(short: Bool) -> Handler {
        short
            ? { r, i, m, _ in
                each1(r, i, m) { (a: Double) -> Double in
                    upperHalf(1 / flushed(a).squareRoot())
                }
            }
            : { r, i, m, _ in
                each1(r, i, m) { (a: Double) -> Double in 1 / a.squareRoot() }
            }
    }
}

@inline(__always)
private func flushed(_ a: Double) -> Double {
    a.isSubnormal ? Double(bitPattern: a.bitPattern & (1 << 63)) : a
}

@inline(__always)
private func upperHalf(_ a: Double) -> Double {
    a.isNaN ? a : Double(bitPattern: a.bitPattern & 0xffff_ffff_0000_0000)
}

@inline(__always)
private func array(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    _ f: (UnsafeMutablePointer<Float>, UnsafePointer<Float>) -> Void
) {
    let scratch = Scratch<Float>(context)
    let flushes = i.pointee.mode & FloatOps.flush != 0
    let a = vectors(r, i.pointee.a, Float.self)
    for j in 0..<4 { scratch.vectors(0)[j] = flushes ? lane_ftz(a[j]) : a[j] }
    f(scratch.lanes(1), scratch.lanes(0))
    let result = scratch.vectors(1)
    put(r, i.pointee.d, m) { j in
        let v = lane_canonical(result[j])
        return flushes ? lane_ftz(v) : v
    }
}
