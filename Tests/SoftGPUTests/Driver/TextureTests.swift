import CUDAABI
import SoftGPU
import Testing

/// Textures: addressing and filtering as in the CUDA C++ Programming Guide, "Texture Fetching",
/// worked out here over lists of texels; formats; references; refusals.
@Suite struct TextureTests {
    private typealias Size = (Int, Int, Int)

    /// The texel list of one axis that a coordinate reaches, with weights; nil is the border.
    private func taps(
        _ x: Float,
        _ size: Int,
        _ mode: Int32,
        normalized: Bool,
        linear: Bool
    ) -> [(Int?, Double)] {
        func at(_ i: Int) -> Int? {
            if (0..<size).contains(i) { return i }
            if mode == 3 { return nil }
            if mode == 0, normalized { return (i % size + size) % size }
            return i < 0 ? 0 : size - 1
        }
        var p = Double(x)
        if normalized, mode == 0 { p -= p.rounded(.down) }
        if normalized, mode == 2 {
            // Reflected at every whole number.
            let period = p - 2 * (p / 2).rounded(.down)
            p = period < 1 ? period : 2 - period
            if p == 1 { p = 1.0.nextDown }
        }
        if normalized { p *= Double(size) }
        guard linear else { return [(at(Int(p.rounded(.down))), 1)] }
        p -= 0.5
        let i = Int(p.rounded(.down))
        let alpha = ((p - Double(i)) * 256).rounded(.toNearestOrAwayFromZero) / 256
        return [(at(i), 1 - alpha), (at(i + 1), alpha)]
    }

    @Test(arguments: [Int32](0...3), [false, true])
    func addressing(_ mode: Int32, _ normalized: Bool) throws {
        try Harness.inContext { _ in
            let size: Size = (5, 4, 3)
            var random = Random(UInt64(mode) * 2 + (normalized ? 1 : 0))
            let texels = (0..<60).map { _ in Float(Int(random.next() % 2000)) / 8 - 100 }
            let bytes = texels.flatMap { withUnsafeBytes(of: $0) { Array($0) } }
            for dimensions in 1...3 {
                let extents: Size = (
                    size.0, dimensions > 1 ? size.1 : 0, dimensions > 2 ? size.2 : 0
                )
                let count = dimensions == 1 ? 5 : dimensions == 2 ? 20 : 60
                let array = try Textures.array(
                    Textures.description(extents, .f32),
                    Array(bytes.prefix(count * 4))
                )
                for linear in [false, true] {
                    let texture = try Textures.texture(
                        Textures.resource(array),
                        Textures.settings(
                            [mode, mode, mode],
                            filter: linear ? 1 : 0,
                            flags: normalized ? 2 : 0,
                            border: 7
                        )
                    )
                    let places: [[Float]] = (0..<256).map { (_: Int) -> [Float] in
                        (0..<3).map { (_: Int) -> Float in
                            let number = Float(Int(random.next() % 4096) - 1600) / 128
                            return (number + 0.002) / (normalized ? 4 : 1)
                        }
                    }
                    let words: [UInt32] = places.flatMap { (p: [Float]) -> [UInt32] in
                        p.map(\.bitPattern) + [0]
                    }
                    let names = ["{%c0}", "{%c0, %c1}", "{%c0, %c1, %c2, %c2}"]
                    let found = try Textures.run(
                        Textures.kernel(
                            "tex.\(dimensions)d.v4.f32.f32",
                            "%rd1, \(names[dimensions - 1])"
                        ),
                        texture,
                        words
                    )
                    for (k, place) in places.enumerated() {
                        let wanted = sum(
                            place,
                            size,
                            dimensions,
                            mode,
                            normalized,
                            linear,
                            texels
                        )
                        let got = Double(Float(bitPattern: found[k * 4]))
                        #expect(
                            abs(got - wanted) <= 1e-3,
                            "\(dimensions)d mode \(mode) linear \(linear) at \(place)"
                        )
                    }
                    try Harness.check(SoftCalls.cuTexObjectDestroy(texture))
                }
                try Harness.check(SoftCalls.cuArrayDestroy(array))
            }
        }
    }

    private func sum(
        _ place: [Float],
        _ size: Size,
        _ dimensions: Int,
        _ mode: Int32,
        _ normalized: Bool,
        _ linear: Bool,
        _ texels: [Float]
    ) -> Double {
        let extents = [size.0, size.1, size.2]
        var axes: [[(Int?, Double)]] = [[(0, 1)], [(0, 1)], [(0, 1)]]
        for k in 0..<dimensions {
            axes[k] = taps(
                place[k],
                extents[k],
                mode,
                normalized: normalized,
                linear: linear
            )
        }
        var total = 0.0
        for (x, wx) in axes[0] {
            for (y, wy) in axes[1] {
                for (z, wz) in axes[2] {
                    var texel = 7.0
                    if let x, let y, let z {
                        texel = Double(texels[(z * size.1 + y) * size.0 + x])
                    }
                    total += wx * wy * wz * texel
                }
            }
        }
        return total
    }

    /// Every format and number of channels, as integers and as numbers.
    @Test(arguments: Textures.Format.allCases, [UInt32(1), 2, 4])
    func formats(_ format: Textures.Format, _ channels: UInt32) throws {
        try Harness.inContext { _ in
            var random = Random(UInt64(format.rawValue) + UInt64(channels))
            let texel = format.bytes * Int(channels)
            var bytes = (0..<texel * 16).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            if format == .f16 {
                // No NaNs: their payload is not said.
                for k in stride(from: 1, to: bytes.count, by: 2) { bytes[k] &= 0xbb }
            }
            let array = try Textures.array(
                Textures.description((16, 0, 0), format, channels: channels),
                bytes
            )
            for flags in [UInt32(0), 1] {
                let texture = try Textures.texture(
                    Textures.resource(array),
                    Textures.settings(flags: flags)
                )
                let words: [UInt32] = (0..<16).flatMap { (k: Int) -> [UInt32] in
                    [UInt32(k), 0, 0, 0]
                }
                let found = try Textures.run(
                    Textures.kernel("tex.1d.v4.u32.s32", "%rd1, {%c0}"),
                    texture,
                    words
                )
                for index in 0..<16 {
                    for channel in 0..<Int(channels) {
                        let first = index * texel + channel * format.bytes
                        let raw = (0..<format.bytes).reversed().reduce(UInt32(0)) {
                            $0 << 8 | UInt32(bytes[first + $1])
                        }
                        let wanted = value(raw, format, integers: flags == 1)
                        #expect(found[index * 4 + channel] == wanted)
                    }
                }
            }
        }
    }

    private func value(_ raw: UInt32, _ format: Textures.Format, integers: Bool) -> UInt32 {
        func number(_ x: Double) -> UInt32 { Float(x).bitPattern }
        switch format {
        case .u8: return integers ? raw : number(Double(raw) / 255)
        case .u16: return integers ? raw : number(Double(raw) / 65535)
        case .s8:
            let whole = Int32(Int8(bitPattern: UInt8(raw)))
            return integers
                ? UInt32(bitPattern: whole) : number(max(Double(whole) / 127, -1))
        case .s16:
            let whole = Int32(Int16(bitPattern: UInt16(raw)))
            return integers
                ? UInt32(bitPattern: whole) : number(max(Double(whole) / 32767, -1))
        case .f16: return number(Double(Float16(bitPattern: UInt16(raw))))
        case .u32, .s32, .f32: return raw
        }
    }

    /// Layers and the faces of a cube: each direction meets the middle of its face.
    @Test func layersAndCubes() throws {
        try Harness.inContext { _ in
            let texels = (0..<6).flatMap { face in [Float](repeating: Float(face * 10), count: 4) }
            let bytes = texels.flatMap { withUnsafeBytes(of: $0) { Array($0) } }
            let layers = try Textures.array(
                Textures.description((2, 2, 6), .f32, flags: 1),
                bytes
            )
            let texture = try Textures.texture(Textures.resource(layers), Textures.settings())
            let numbers: [Int32] = [-3, 0, 1, 5, 6, 100]
            let words = numbers.flatMap { (k: Int32) -> [UInt32] in
                [UInt32(bitPattern: k), 0, 0, 0]
            }
            let found = try Textures.run(
                Textures.kernel("tex.a2d.v4.f32.f32", "%rd1, {%c0, %c1, %c2, %c3}"),
                texture,
                words
            )
            let wanted: [Float] = [0, 0, 10, 50, 50, 50]
            #expect((0..<6).map { Float(bitPattern: found[$0 * 4]) } == wanted)

            let cube = try Textures.array(
                Textures.description((2, 2, 6), .f32, flags: 4),
                bytes
            )
            let object = try Textures.texture(Textures.resource(cube), Textures.settings(flags: 2))
            let directions: [[Float]] = [
                [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -2, 0], [0, 0, 3], [0.1, 0, -1],
            ]
            let coordinates: [UInt32] = directions.flatMap { (d: [Float]) -> [UInt32] in
                d.map(\.bitPattern) + [0]
            }
            let faces = try Textures.run(
                Textures.kernel("tex.cube.v4.f32.f32", "%rd1, {%c0, %c1, %c2, %c3}"),
                object,
                coordinates
            )
            #expect((0..<6).map { Float(bitPattern: faces[$0 * 4]) } == [0, 10, 20, 30, 40, 50])
        }
    }

    /// A `.texref` of the module, bound to memory, then to an array, through the older calls.
    @Test func references() throws {
        try Harness.inContext { _ in
            let text = Textures.kernel(
                "tex.1d.v4.f32.s32",
                "image, {%c0}",
                global: ".global .texref image;"
            )
            var module: OpaquePointer?
            try Harness.check(text.withCString { SoftCalls.cuModuleLoadData(&module, $0) })
            var function: OpaquePointer?
            try Harness.check(SoftCalls.cuModuleGetFunction(&function, module, "read"))
            let kernel = try #require(function)
            var reference: OpaquePointer?
            #expect(SoftCalls.cuModuleGetTexRef(&reference, module, "other") == 500)
            try Harness.check(SoftCalls.cuModuleGetTexRef(&reference, module, "image"))
            let memory = try Harness.allocate(64)
            let values = (0..<16).map { Float($0) * 1.5 }
            try Harness.check(SoftCalls.cuMemcpyHtoD_v2(memory, values, 64))
            try Harness.check(SoftCalls.cuTexRefSetFormat(reference, 0x20, 1))
            var offset = 1
            try Harness.check(SoftCalls.cuTexRefSetAddress_v2(&offset, reference, memory, 64))
            #expect(offset == 0)
            let words: [UInt32] = [3, 0, 0, 0, 16, 0, 0, 0, .max, 0, 0, 0]
            var found = try Textures.run(kernel, 0, words)
            #expect([0, 4, 8].map { Float(bitPattern: found[$0]) } == [4.5, 0, 0])
            let bytes =
                [UInt8](repeating: 0, count: 12) + withUnsafeBytes(of: Float(9)) { Array($0) }
            let array = try Textures.array(Textures.description((4, 0, 0), .f32), bytes)
            try Harness.check(SoftCalls.cuTexRefSetArray(reference, array, 1))
            found = try Textures.run(kernel, 0, words)
            #expect([0, 4, 8].map { Float(bitPattern: found[$0]) } == [9, 9, 0])
            var bound: OpaquePointer?
            try Harness.check(SoftCalls.cuTexRefGetArray(&bound, reference))
            #expect(bound == array)
            try Harness.check(SoftCalls.cuModuleUnload(module))
            #expect(SoftCalls.cuTexRefSetFlags(reference, 0) == 400)
        }
    }

    /// Extents as `txq` and `suq` tell them.
    @Test func queries() throws {
        try Harness.inContext { _ in
            let array = try Textures.array(
                Textures.description((5, 3, 4), .u8, flags: 3),
                [UInt8](repeating: 0, count: 60)
            )
            let texture = try Textures.texture(Textures.resource(array), Textures.settings())
            var surface: UInt64 = 0
            try Harness.check(
                Textures.with(Textures.resource(array)) {
                    SoftCalls.cuSurfObjectCreate(&surface, $0)
                }
            )
            for (name, object) in [("txq", texture), ("suq", surface)] {
                for (query, wanted) in [
                    ("width", UInt32(5)), ("height", 3), ("depth", 0), ("array_size", 4),
                ] {
                    let text = Textures.kernel(
                        body: """
                            \(name).\(query).b32 %r0, [%rd1];
                            mov.b32 %r1, %r0;
                            mov.b32 %r2, %r0;
                            mov.b32 %r3, %r0;
                            """
                    )
                    let found = try Textures.run(text, object, [0, 0, 0, 0])
                    #expect(found == [wanted, wanted, wanted, wanted], "\(name).\(query)")
                }
            }
        }
    }

    // MARK: - Refusals

    @Test func invalidDescriptions() throws {
        try Harness.inContext { _ in
            var array: OpaquePointer?
            for (words, status) in [
                (Textures.description((0, 4, 0), .f32), CUresult(1)),
                (Textures.description((4, 4, 0), .f32, channels: 3), 1),
                (Textures.description((4, 0, 4), .f32), 1),
                (Textures.description((4, 5, 6), .f32, flags: 4), 1),
                (Textures.description((4, 4, 0), .f32, flags: 0x40), 801),
            ] {
                let found = Textures.with(words) { SoftCalls.cuArray3DCreate_v2(&array, $0) }
                #expect(found == status)
            }
            let made = try Textures.array(
                Textures.description((4, 0, 0), .u32, flags: 0),
                [UInt8](repeating: 0, count: 16)
            )
            #expect(SoftCalls.cuMemcpyHtoA_v2(made, 8, [UInt8](repeating: 0, count: 16), 9) == 1)
            var object: UInt64 = 0
            let resource = Textures.resource(made)
            // Integers are not filtered; the array is not for surfaces.
            let linear = Textures.with(resource) { resource in
                Textures.with(Textures.settings(filter: 1)) {
                    SoftCalls.cuTexObjectCreate(&object, resource, $0, nil)
                }
            }
            #expect(linear == 1)
            #expect(Textures.with(resource) { SoftCalls.cuSurfObjectCreate(&object, $0) } == 1)
            try Harness.check(SoftCalls.cuArrayDestroy(made))
            #expect(SoftCalls.cuArrayDestroy(made) == 400)
        }
    }

    @Test func widthsAndViews() throws {
        try Harness.inContext { _ in
            var width = 0
            #expect(SoftCalls.cuDeviceGetTexture1DLinearMaxWidth(&width, 0x20, 4, 0) == 0)
            #expect(width == 1 << 28)
            #expect(SoftCalls.cuDeviceGetTexture1DLinearMaxWidth(&width, 0x20, 3, 0) == 1)
            #expect(SoftCalls.cuDeviceGetTexture1DLinearMaxWidth(&width, 0x7F, 4, 0) == 1)
            #expect(SoftCalls.cuDeviceGetTexture1DLinearMaxWidth(nil, 0x20, 4, 0) == 1)
            #expect(SoftCalls.cuDeviceGetTexture1DLinearMaxWidth(&width, 0x20, 4, 99) == 101)
            let array = try Textures.array(
                Textures.description((4, 0, 0), .f32),
                [UInt8](repeating: 0, count: 16)
            )
            let texture = try Textures.texture(Textures.resource(array), Textures.settings())
            // No texture has a view.
            let view = [UInt64](repeating: 0, count: 14)
            for object in [texture, texture + 1] {
                let found = Textures.with(view) {
                    SoftCalls.cuTexObjectGetResourceViewDesc($0, object)
                }
                #expect(found == 1)
            }
        }
    }

    /// A destroyed texture, and memory that is gone, are faults.
    @Test(arguments: [false, true])
    func stale(_ keepsTexture: Bool) throws {
        try Harness.inContext { _ in
            // Before the array is gone, so that it does not get the array's memory.
            let memory = try Harness.allocate(16)
            let array = try Textures.array(
                Textures.description((4, 0, 0), .f32),
                [UInt8](repeating: 0, count: 16)
            )
            let texture = try Textures.texture(Textures.resource(array), Textures.settings())
            if keepsTexture {
                try Harness.check(SoftCalls.cuArrayDestroy(array))
            } else {
                try Harness.check(SoftCalls.cuTexObjectDestroy(texture))
            }
            let kernel = try Harness.kernel(
                Textures.kernel("tex.1d.v4.f32.s32", "%rd1, {%c0}"),
                "read"
            )
            _ = Harness.launch(kernel, [texture, memory, memory])
            #expect(SoftCalls.cuCtxSynchronize() == 700)
        }
    }

    /// Surfaces outside of their bounds: trap, clamp, zero.
    @Test(arguments: ["trap", "clamp", "zero"])
    func surfaceBounds(_ mode: String) throws {
        try Harness.inContext { _ in
            let words: [UInt32] = (0..<8).map { 100 + $0 }
            let bytes = words.flatMap { withUnsafeBytes(of: $0) { Array($0) } }
            let array = try Textures.array(Textures.description((4, 2, 0), .u32), bytes)
            var surface: UInt64 = 0
            try Harness.check(
                Textures.with(Textures.resource(array)) {
                    SoftCalls.cuSurfObjectCreate(&surface, $0)
                }
            )
            let text = Textures.kernel("suld.b.2d.v4.b32.\(mode)", "%rd1, {%c0, %c1}")
            let inside: [UInt32] = [0, 1, 0, 0]
            #expect(try Textures.run(text, surface, inside) == [104, 105, 106, 107])
            let kernel = try Harness.kernel(text, "read")
            let outside: [UInt32] = [16, UInt32(bitPattern: -1), 0, 0]
            if mode == "trap" {
                let memory = try Harness.allocate(16)
                try Harness.check(SoftCalls.cuMemcpyHtoD_v2(memory, outside, 16))
                _ = Harness.launch(kernel, [surface, memory, memory])
                #expect(SoftCalls.cuCtxSynchronize() == 700)
            } else {
                let found = try Textures.run(kernel, surface, outside)
                #expect(found == (mode == "zero" ? [0, 0, 0, 0] : [100, 101, 102, 103]))
            }
        }
    }
}
