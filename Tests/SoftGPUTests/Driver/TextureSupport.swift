import CUDAABI
import SoftGPU
import Testing

/// Structures of the driver API as bytes, and kernels that sample.
enum Textures {
    /// `CUarray_format`
    enum Format: Int32, CaseIterable {
        case u8 = 1, u16 = 2, u32 = 3, s8 = 8, s16 = 9, s32 = 10, f16 = 0x10, f32 = 0x20

        var bytes: Int {
            switch self {
            case .u8, .s8: 1
            case .u16, .s16, .f16: 2
            case .u32, .s32, .f32: 4
            }
        }
    }

    /// A structure as words of 8 bytes.
    static func with<T>(_ words: [UInt64], _ body: (OpaquePointer?) throws -> T) rethrows -> T {
        var words = words
        return try words.withUnsafeMutableBytes { try body($0.baseAddress.map(OpaquePointer.init)) }
    }

    private static func pair(_ low: Int32, _ high: UInt32) -> UInt64 {
        UInt64(UInt32(bitPattern: low)) | UInt64(high) << 32
    }

    /// `CUDA_ARRAY3D_DESCRIPTOR`
    static func description(
        _ size: (Int, Int, Int),
        _ format: Format,
        channels: UInt32 = 1,
        flags: UInt32 = 2
    ) -> [UInt64] {
        [
            UInt64(size.0), UInt64(size.1), UInt64(size.2), pair(format.rawValue, channels),
            UInt64(flags),
        ]
    }

    /// An array filled with `bytes`.
    static func array(_ description: [UInt64], _ bytes: [UInt8]) throws -> OpaquePointer {
        var array: OpaquePointer?
        try Harness.check(with(description) { SoftCalls.cuArray3DCreate_v2(&array, $0) })
        let made = try #require(array)
        try Harness.check(SoftCalls.cuMemcpyHtoA_v2(made, 0, bytes, bytes.count))
        return made
    }

    /// `CUDA_RESOURCE_DESC` of an array.
    static func resource(_ array: OpaquePointer) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: 18)
        words[1] = UInt64(UInt(bitPattern: array))
        return words
    }

    /// `CUDA_TEXTURE_DESC`
    static func settings(
        _ modes: [Int32] = [1, 1, 1],
        filter: Int32 = 0,
        flags: UInt32 = 0,
        border: Float = 0
    ) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: 13)
        words[0] = pair(modes[0], UInt32(modes[1]))
        words[1] = pair(modes[2], UInt32(filter))
        words[2] = UInt64(flags)
        words[5] = UInt64(border.bitPattern) | UInt64(border.bitPattern) << 32
        words[6] = words[5]
        return words
    }

    /// A texture object.
    static func texture(_ resource: [UInt64], _ settings: [UInt64]) throws -> UInt64 {
        var object: UInt64 = 0
        try Harness.check(
            with(resource) { resource in
                with(settings) { SoftCalls.cuTexObjectCreate(&object, resource, $0, nil) }
            }
        )
        return object
    }

    /// `read(texture, coordinates, results)`: thread i takes four words of coordinates from
    /// coordinates[4 i …] and stores four words.
    static func kernel(_ instruction: String, _ operands: String, global: String = "") -> String {
        kernel(body: "\(instruction) {%r0, %r1, %r2, %r3}, [\(operands)];", global: global)
    }

    /// The same with more than one instruction, which set %r0 to %r3.
    static func kernel(body: String, global: String = "") -> String {
        """
        .version 8.0
        .target sm_75
        .address_size 64
        \(global)
        .visible .entry read(.param .u64 texture, .param .u64 from, .param .u64 to)
        {
            .reg .b64 %rd<6>;
            .reg .b32 %r<4>, %c<4>;
            ld.param.u64 %rd1, [texture];
            ld.param.u64 %rd2, [from];
            ld.param.u64 %rd3, [to];
            mov.u32 %r0, %tid.x;
            mul.wide.u32 %rd4, %r0, 16;
            add.u64 %rd2, %rd2, %rd4;
            add.u64 %rd3, %rd3, %rd4;
            ld.global.v4.b32 {%c0, %c1, %c2, %c3}, [%rd2];
            \(body)
            st.global.v4.b32 [%rd3], {%r0, %r1, %r2, %r3};
            ret;
        }
        """
    }

    /// Runs it over coordinates, four words each.
    static func run(_ text: String, _ texture: UInt64, _ words: [UInt32]) throws -> [UInt32] {
        let function = try Harness.kernel(text, "read")
        return try run(function, texture, words)
    }

    static func run(
        _ function: OpaquePointer,
        _ texture: UInt64,
        _ words: [UInt32]
    ) throws -> [UInt32] {
        let from = try Harness.allocate(words.count * 4)
        let to = try Harness.allocate(words.count * 4)
        try Harness.check(SoftCalls.cuMemcpyHtoD_v2(from, words, words.count * 4))
        let block = UInt32(words.count / 4)
        try Harness.check(Harness.launch(function, block: block, [texture, from, to]))
        let found = try Harness.read(to, count: words.count)
        try Harness.check(SoftCalls.cuMemFree_v2(from))
        try Harness.check(SoftCalls.cuMemFree_v2(to))
        return found
    }
}
