/// What the lanes of an operand hold; bits (`.b32`) are unsigned integers.
package enum LaneType: UInt8, Sendable {
    case u8, s8, u16, s16, u32, s32, u64, s64
    case f16, bf16, f32, f64
    case f16x2, bf16x2, u16x2, s16x2
    case pred

    /// Bits of one lane.
    package var bits: Int {
        switch self {
        case .pred: 1
        case .u8, .s8: 8
        case .u16, .s16, .f16, .bf16: 16
        case .u32, .s32, .f32, .f16x2, .bf16x2, .u16x2, .s16x2: 32
        case .u64, .s64, .f64: 64
        }
    }

    /// Whether it is a signed integer.
    package var isSigned: Bool {
        switch self {
        case .s8, .s16, .s32, .s64, .s16x2: true
        default: false
        }
    }

    /// Whether it is one floating-point number.
    package var isFloat: Bool {
        switch self {
        case .f16, .bf16, .f32, .f64: true
        default: false
        }
    }
}
