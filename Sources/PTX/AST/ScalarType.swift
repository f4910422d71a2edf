extension Syntax {
    /// A fundamental, packed, alternate floating-point or opaque type; the raw value is its
    /// spelling without the dot.
    public enum ScalarType: String, CaseIterable, Sendable {
        // Bits.
        case b8, b16, b32, b64, b128
        // Integers.
        case u8, u16, u32, u64, s8, s16, s32, s64
        // Floating point.
        case f16, f32, f64, bf16, tf32
        // Packed in 16, 32 or 64 bits.
        case f16x2, bf16x2, f32x2, u16x2, s16x2, u8x4, s8x4
        // Narrow floats, and packs of them.
        case e4m3, e5m2, e3m2, e2m3, e2m1, ue8m0, ue4m3, ue5m3, s2f6
        case e4m3x2, e5m2x2, e3m2x2, e2m3x2, e2m1x2, ue8m0x2, ue4m3x2, ue5m3x2, s2f6x2
        case e4m3x4, e5m2x4, e3m2x4, e2m3x4, e2m1x4
        // Matrix-fragment elements.
        case b1, u4, s4, u2, s2, b4, b6, b4x16, b4x16p64 = "b4x16_p64", b6x16p32 = "b6x16_p32"
        case b6p2x16 = "b6p2x16"
        // Predicates.
        case pred
        // Opaque.
        case texref, samplerref, surfref

        /// Bytes of one value in memory; sub-byte matrix elements count 1, predicates 0, and the
        /// opaque types 8 (a handle).
        public var size: Int {
            switch self {
            case .pred: 0
            case .b8, .u8, .s8, .e4m3, .e5m2, .e3m2, .e2m3, .e2m1, .ue8m0, .ue4m3, .ue5m3, .s2f6,
                .e2m1x2:
                1
            case .b1, .u4, .s4, .u2, .s2, .b4, .b6: 1
            case .b16, .u16, .s16, .f16, .bf16, .e4m3x2, .e5m2x2, .e3m2x2, .e2m3x2, .ue8m0x2,
                .ue4m3x2, .ue5m3x2, .s2f6x2, .e2m1x4:
                2
            case .b32, .u32, .s32, .f32, .tf32, .f16x2, .bf16x2, .u16x2, .s16x2, .u8x4, .s8x4,
                .e4m3x4, .e5m2x4, .e3m2x4, .e2m3x4:
                4
            case .b64, .u64, .s64, .f64, .f32x2, .texref, .samplerref, .surfref: 8
            case .b128, .b4x16, .b4x16p64, .b6x16p32, .b6p2x16: 16
            }
        }
    }
}
