import Testing

/// Floating-point arithmetic against Swift's, and against exact arithmetic for directed rounding.
@Suite struct FloatInstructionTests {
    private func canonical(_ x: Float) -> UInt64 {
        x.isNaN ? 0x7fff_ffff : UInt64(x.bitPattern)
    }

    private func float(_ bits: UInt64) -> Float { Float(bitPattern: UInt32(bits)) }

    private func flushed(_ x: Float) -> Float {
        x.isSubnormal ? (x.sign == .minus ? -0.0 : 0.0) : x
    }

    private func clamped(_ x: Float) -> Float { x.isNaN || x <= 0 ? 0 : min(x, 1) }

    private func check(
        _ text: String,
        flush: Bool = false,
        saturate: Bool = false,
        _ f: (Float, Float, Float) -> Float
    ) throws {
        let a = Operands.singles(1)
        let b = Operands.singles(2)
        let c = Operands.singles(3)
        let found = try Probe(text, .f32, [.f32, .f32, .f32]).run(a, b, c)
        let expected = (0..<a.count).map { k -> UInt64 in
            var x = [float(a[k]), float(b[k]), float(c[k])]
            if flush { x = x.map(flushed) }
            var d = f(x[0], x[1], x[2])
            if flush { d = flushed(d) }
            if saturate { d = clamped(d) }
            return canonical(d)
        }
        let wrong = difference(found, expected, [a, b, c])
        #expect(wrong == nil, "\(text)")
    }

    @Test func nearest() throws {
        for (suffix, flush, sat) in [
            ("", false, false), (".ftz", true, false), (".sat", false, true),
            (".ftz.sat", true, true),
        ] {
            func run(_ name: String, _ f: (Float, Float, Float) -> Float) throws {
                try check(name, flush: flush, saturate: sat, f)
            }
            try run("add\(suffix).f32 %d, %a, %b;") { a, b, _ in a + b }
            try run("sub\(suffix).f32 %d, %a, %b;") { a, b, _ in a - b }
            try run("mul\(suffix).f32 %d, %a, %b;") { a, b, _ in a * b }
            try run("fma.rn\(suffix).f32 %d, %a, %b, %c;") { a, b, c in c.addingProduct(a, b) }
        }
        try check("div.rn.f32 %d, %a, %b;") { a, b, _ in a / b }
        try check("div.rn.ftz.f32 %d, %a, %b;", flush: true) { a, b, _ in a / b }
        try check("sqrt.rn.f32 %d, %a;") { a, _, _ in a.squareRoot() }
        try check("rcp.rn.f32 %d, %a;") { a, _, _ in 1 / a }
        try check("rcp.rn.ftz.f32 %d, %a;", flush: true) { a, _, _ in 1 / a }
    }

    @Test func extremes() throws {
        func least(_ a: Float, _ b: Float) -> Float {
            if a.isNaN { return b }
            if b.isNaN { return a }
            if a == b { return a.sign == .minus ? a : b }
            return a < b ? a : b
        }
        try check("min.f32 %d, %a, %b;") { a, b, _ in least(a, b) }
        try check("max.f32 %d, %a, %b;") { a, b, _ in -least(-a, -b) }
        try check("min.ftz.f32 %d, %a, %b;", flush: true) { a, b, _ in least(a, b) }
        try check("min.NaN.f32 %d, %a, %b;") { a, b, _ in
            a.isNaN || b.isNaN ? .nan : least(a, b)
        }
        try check("max.xorsign.abs.f32 %d, %a, %b;") { a, b, _ in
            let d = -least(-abs(a), -abs(b))
            return a.sign == b.sign ? d : -d
        }
    }

    @Test func signs() throws {
        let a = Operands.singles(4)
        let b = Operands.singles(5)
        func run(_ text: String, _ f: (UInt64, UInt64) -> UInt64) throws {
            let found = try Probe(text, .f32, [.f32, .f32]).run(a, b)
            let wrong = difference(found, zip(a, b).map(f), [a, b])
            #expect(wrong == nil, "\(text)")
        }
        try run("neg.f32 %d, %a;") { x, _ in x ^ 0x8000_0000 }
        try run("abs.f32 %d, %a;") { x, _ in x & 0x7fff_ffff }
        try run("copysign.f32 %d, %a, %b;") { x, y in x & 0x8000_0000 | y & 0x7fff_ffff }
    }

    @Test(arguments: ["rz", "rm", "rp"]) func directedSingles(_ rounding: String) throws {
        let a = Operands.singles(6)
        let b = Operands.singles(7)
        func run(_ text: String, _ f: (Double, Double) -> ExactSum) throws {
            let found = try Probe(text, .f32, [.f32, .f32]).run(a, b)
            let expected = zip(a, b).map { x, y -> UInt64 in
                canonical(f(Double(float(x)), Double(float(y))).rounded(rounding))
            }
            let wrong = difference(found, expected, [a, b])
            #expect(wrong == nil, "\(text)")
        }
        try run("add.\(rounding).f32 %d, %a, %b;") { ExactSum($0, $1) }
        try run("sub.\(rounding).f32 %d, %a, %b;") { ExactSum($0, -$1) }
        try run("mul.\(rounding).f32 %d, %a, %b;") { ExactSum(exact: $0 * $1) }
        try run("div.\(rounding).f32 %d, %a, %b;") { ExactSum(quotient: $0, $1) }
        try run("sqrt.\(rounding).f32 %d, %a;") { x, _ in ExactSum(root: x) }
        try run("rcp.\(rounding).f32 %d, %a;") { x, _ in ExactSum(quotient: 1, x) }
        try run("fma.\(rounding).f32 %d, %a, %b, %a;") { ExactSum($0 * $1, $0) }
    }

    @Test func doubles() throws {
        let a = Operands.doubles(1)
        let b = Operands.doubles(2)
        func run(_ text: String, _ f: (Double, Double) -> Double) throws {
            let found = try Probe(text, .f64, [.f64, .f64]).run(a, b)
            let expected = zip(a, b).map {
                f(Double(bitPattern: $0), Double(bitPattern: $1))
            }
            var wrong: String?
            for k in 0..<a.count where wrong == nil {
                let x = Double(bitPattern: found[k])
                if x.isNaN && expected[k].isNaN { continue }
                if found[k] != expected[k].bitPattern { wrong = "lane \(k): \(x) \(expected[k])" }
            }
            #expect(wrong == nil, "\(text)")
        }
        try run("add.f64 %d, %a, %b;") { $0 + $1 }
        try run("sub.f64 %d, %a, %b;") { $0 - $1 }
        try run("mul.f64 %d, %a, %b;") { $0 * $1 }
        try run("div.rn.f64 %d, %a, %b;") { $0 / $1 }
        try run("fma.rn.f64 %d, %a, %b, %a;") { $0.addingProduct($0, $1) }
        try run("sqrt.rn.f64 %d, %a;") { a, _ in a.squareRoot() }
        try run("rcp.rn.f64 %d, %a;") { a, _ in 1 / a }
        try run("neg.f64 %d, %a;") { a, _ in -a }
        try run("abs.f64 %d, %a;") { a, _ in abs(a) }
    }

    @Test func approximations() throws {
        var random = Random(9)
        let a = (0..<3000).map { _ in
            UInt64(Float.random(in: -3.1...3.1, using: &random).bitPattern)
        }
        func run(_ name: String, _ tolerance: Double, relative: Bool, _ f: (Double) -> Double)
            throws
        {
            let found = try Probe("\(name).f32 %d, %a;", .f32, [.f32]).run(a)
            var worst = 0.0
            for (x, y) in zip(a, found) {
                let exact = f(Double(float(x)))
                let value = Double(float(y))
                if exact.isNaN {
                    #expect(value.isNaN, "\(name)")
                    continue
                }
                let error = abs(value - exact)
                let isRelative = relative || abs(exact) > 1
                worst = max(worst, isRelative ? error / abs(exact) : error)
            }
            #expect(worst <= tolerance, "\(name)")
        }
        try run("ex2.approx", 0x1p-22, relative: true) { Series.exp($0 * Series.ln2) }
        try run("lg2.approx", 0x1p-22, relative: false) { Series.log2($0) }
        try run("sin.approx", 7e-7, relative: false) { Series.sine($0) }
        try run("cos.approx", 7e-7, relative: false) { Series.cosine($0) }
        try run("tanh.approx", 0x1p-11, relative: true) { Series.tanh($0) }
        try run("rsqrt.approx", 0x1p-22, relative: true) { 1 / $0.squareRoot() }
        try run("rcp.approx", 0x1p-23, relative: true) { 1 / $0 }
        try run("sqrt.approx", 0x1p-23, relative: true) { $0.squareRoot() }
    }
}

/// A value as the sum of a double and a much smaller rest of which the sign is enough.
private struct ExactSum {
    var value: Double
    var rest: Double
    /// Whether it is a sum of two numbers that cancel: its sign depends on the rounding.
    var cancels = false

    /// x + y
    init(_ x: Double, _ y: Double) {
        value = x + y
        let t = value - x
        rest = value.isFinite ? (x - (value - t)) + (y - t) : 0
        cancels = value == 0 && rest == 0 && (x != 0 || x.sign != y.sign)
    }

    init(exact: Double) {
        value = exact
        rest = 0
    }

    /// x / y
    init(quotient x: Double, _ y: Double) {
        value = x / y
        rest = 0
        guard value.isFinite, y.isFinite, value != 0 else { return }
        let left = x.addingProduct(-value, y)
        if left != 0 { rest = (left < 0) == (y < 0) ? value.ulp / 4 : -value.ulp / 4 }
    }

    init(root x: Double) {
        value = x.squareRoot()
        rest = 0
        guard value.isFinite, value > 0 else { return }
        let left = x.addingProduct(-value, value)
        if left != 0 { rest = left > 0 ? value.ulp / 4 : -value.ulp / 4 }
    }

    /// To single precision.
    func rounded(_ rounding: String) -> Float {
        guard value.isFinite else { return Float(value) }
        if cancels { return rounding == "rm" ? -0.0 : 0.0 }
        let nearest = Float(value)
        let away = value - Double(nearest)
        let sign = away != 0 ? away : rest
        let isDown =
            rounding == "rm" || (rounding == "rz" && (value > 0 || (value == 0 && rest > 0)))
        if sign > 0, !isDown { return nearest.nextUp }
        if sign < 0, isDown { return nearest.nextDown }
        return nearest
    }
}

/// Functions by their series, for small arguments.
private enum Series {
    static func exp(_ x: Double) -> Double {
        var term = 1.0
        var sum = 1.0
        for k in 1..<60 {
            term *= x / Double(k)
            sum += term
        }
        return sum
    }

    static func sine(_ x: Double) -> Double {
        var term = x
        var sum = x
        for k in 1..<30 {
            term *= -x * x / Double((2 * k) * (2 * k + 1))
            sum += term
        }
        return sum
    }

    static func cosine(_ x: Double) -> Double {
        var term = 1.0
        var sum = 1.0
        for k in 1..<30 {
            term *= -x * x / Double((2 * k - 1) * (2 * k))
            sum += term
        }
        return sum
    }

    static let ln2 = 0.693_147_180_559_945_309_417_232_121_458

    static func log2(_ x: Double) -> Double {
        guard x > 0 else { return x == 0 ? -.infinity : .nan }
        let m = x.significand
        let z = (m - 1) / (m + 1)
        var term = z
        var sum = 0.0
        for k in 0..<60 {
            sum += term / Double(2 * k + 1)
            term *= z * z
        }
        return Double(x.exponent) + 2 * sum / ln2
    }

    static func tanh(_ x: Double) -> Double {
        let e = exp(2 * x)
        return (e - 1) / (e + 1)
    }
}
