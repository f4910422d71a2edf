/* Vector primitives. Swift imports ext_vector types of eight as SIMD8 and inlines the functions. */
#pragma once
#include <stdint.h>

/* Vectors of 64 bytes are passed between these functions only, which are always inlined. */
#pragma clang diagnostic ignored "-Wpsabi"

#define LANE_INLINE static inline __attribute__((always_inline))

typedef float lane_f32 __attribute__((ext_vector_type(8)));
typedef double lane_f64 __attribute__((ext_vector_type(8)));
typedef int16_t lane_s16 __attribute__((ext_vector_type(8)));
typedef int32_t lane_s32 __attribute__((ext_vector_type(8)));
typedef int64_t lane_s64 __attribute__((ext_vector_type(8)));
typedef uint16_t lane_u16 __attribute__((ext_vector_type(8)));
typedef uint32_t lane_u32 __attribute__((ext_vector_type(8)));
typedef uint64_t lane_u64 __attribute__((ext_vector_type(8)));

/* Asks for the cache line at an address, which may be any. */
LANE_INLINE void lane_prefetch(uint64_t address) { __builtin_prefetch((const void *)address); }

/* All-ones in the lanes 8j...8j+7 whose bit in m is set. */
LANE_INLINE lane_s32 lane_mask32(uint32_t m, int j) {
    const lane_s32 bits = {1, 2, 4, 8, 16, 32, 64, 128};
    const lane_s32 v = (lane_s32)(int32_t)((m >> (8 * j)) & 255);
    return (v & bits) == bits;
}
LANE_INLINE lane_s64 lane_mask64(uint32_t m, int j) {
    return __builtin_convertvector(lane_mask32(m, j), lane_s64);
}
LANE_INLINE lane_s16 lane_mask16(uint32_t m, int j) {
    const lane_s16 bits = {1, 2, 4, 8, 16, 32, 64, 128};
    const lane_s16 v = (lane_s16)(int16_t)((m >> (8 * j)) & 255);
    return (v & bits) == bits;
}

LANE_INLINE lane_s64 lane_widen_s32(lane_s32 a) { return __builtin_convertvector(a, lane_s64); }
LANE_INLINE lane_u64 lane_widen_u32(lane_u32 a) { return __builtin_convertvector(a, lane_u64); }
LANE_INLINE lane_u32 lane_low_u64(lane_u64 a) { return __builtin_convertvector(a, lane_u32); }
LANE_INLINE lane_u32 lane_high_u64(lane_u64 a) {
    return __builtin_convertvector(a >> 32, lane_u32);
}
LANE_INLINE lane_u32 lane_mulhi_u32(lane_u32 a, lane_u32 b) {
    return lane_high_u64(lane_widen_u32(a) * lane_widen_u32(b));
}
LANE_INLINE lane_s32 lane_mulhi_s32(lane_s32 a, lane_s32 b) {
    return (lane_s32)lane_high_u64((lane_u64)(lane_widen_s32(a) * lane_widen_s32(b)));
}

/* Division of 32-bit integers is exact in double precision. By zero: all ones, as the hardware. */
LANE_INLINE lane_u32 lane_div_u32(lane_u32 a, lane_u32 b) {
    typedef double f64 __attribute__((ext_vector_type(8)));
    lane_u32 zero = (lane_u32)(b == 0);
    f64 q = __builtin_convertvector(a, f64) / __builtin_convertvector(b | (zero & 1), f64);
    return __builtin_convertvector(__builtin_convertvector(q, lane_s64), lane_u32) | zero;
}
LANE_INLINE lane_u32 lane_rem_u32(lane_u32 a, lane_u32 b) {
    lane_u32 zero = (lane_u32)(b == 0);
    return (a - lane_div_u32(a, b) * b) | zero;
}
LANE_INLINE lane_u32 lane_magnitude(lane_s32 a) {
    lane_s32 sign = a >> 31;
    return (lane_u32)((a ^ sign) - sign);
}
LANE_INLINE lane_s32 lane_div_s32(lane_s32 a, lane_s32 b) {
    lane_s32 sign = (a ^ b) >> 31, zero = b == 0;
    lane_s32 q = (lane_s32)lane_div_u32(lane_magnitude(a), lane_magnitude(b));
    return ((q ^ sign) - sign) | zero;
}
LANE_INLINE lane_s32 lane_rem_s32(lane_s32 a, lane_s32 b) {
    lane_s32 sign = a >> 31, zero = b == 0;
    lane_s32 q = (lane_s32)lane_rem_u32(lane_magnitude(a), lane_magnitude(b));
    return ((q ^ sign) - sign) | zero;
}

/* PTX clamps shift amounts to the width of the operand. */
LANE_INLINE lane_u32 lane_shl32(lane_u32 a, lane_u32 n) {
    return (a << (n & 31)) & (lane_u32)(n < 32u);
}
LANE_INLINE lane_u32 lane_shr32(lane_u32 a, lane_u32 n) {
    return (a >> (n & 31)) & (lane_u32)(n < 32u);
}
LANE_INLINE lane_s32 lane_sar32(lane_s32 a, lane_u32 n) {
    return a >> (lane_s32)__builtin_elementwise_min(n, (lane_u32)31u);
}
LANE_INLINE lane_u64 lane_shl64(lane_u64 a, lane_u32 n) {
    lane_u64 w = lane_widen_u32(n);
    return (a << (w & 63)) & (lane_u64)(w < 64u);
}
LANE_INLINE lane_u64 lane_shr64(lane_u64 a, lane_u32 n) {
    lane_u64 w = lane_widen_u32(n);
    return (a >> (w & 63)) & (lane_u64)(w < 64u);
}
LANE_INLINE lane_s64 lane_sar64(lane_s64 a, lane_u32 n) {
    return a >> (lane_s64)lane_widen_u32(__builtin_elementwise_min(n, (lane_u32)63u));
}
LANE_INLINE lane_u16 lane_shl16(lane_u16 a, lane_u32 n) {
    lane_u32 w = __builtin_convertvector(a, lane_u32);
    return __builtin_convertvector(lane_shl32(w, n), lane_u16);
}
LANE_INLINE lane_u16 lane_shr16(lane_u16 a, lane_u32 n) {
    lane_u32 w = __builtin_convertvector(a, lane_u32);
    return __builtin_convertvector(lane_shr32(w, n), lane_u16);
}
LANE_INLINE lane_s16 lane_sar16(lane_s16 a, lane_u32 n) {
    lane_s32 w = __builtin_convertvector(a, lane_s32);
    return __builtin_convertvector(lane_sar32(w, n), lane_s16);
}

/* One bit per lane from vectors of all-ones and zeros: bit 8j + k is lane k of the vector j. */
LANE_INLINE uint32_t lane_bits32(lane_s32 v0, lane_s32 v1, lane_s32 v2, lane_s32 v3) {
    const lane_s32 one = {1, 2, 4, 8, 16, 32, 64, 128};
    lane_s32 all = (v0 & one) | (v1 & (one << 8)) | (v2 & (one << 16)) | (v3 & (one << 24));
    return (uint32_t)__builtin_reduce_or(all);
}
LANE_INLINE lane_s32 lane_narrow_mask(lane_s64 v) { return __builtin_convertvector(v, lane_s32); }
LANE_INLINE lane_s32 lane_widen_mask(lane_s16 v) { return __builtin_convertvector(v, lane_s32); }

#define LANE_COMPARE(name, type, mask, narrow)                                                     \
    LANE_INLINE lane_s32 lane_eq_##name(type a, type b) { return narrow((mask)(a == b)); }         \
    LANE_INLINE lane_s32 lane_lt_##name(type a, type b) { return narrow((mask)(a < b)); }
#define LANE_SAME(v) (v)
LANE_COMPARE(u16, lane_u16, lane_s16, lane_widen_mask)
LANE_COMPARE(s16, lane_s16, lane_s16, lane_widen_mask)
LANE_COMPARE(u32, lane_u32, lane_s32, LANE_SAME)
LANE_COMPARE(s32, lane_s32, lane_s32, LANE_SAME)
LANE_COMPARE(u64, lane_u64, lane_s64, lane_narrow_mask)
LANE_COMPARE(s64, lane_s64, lane_s64, lane_narrow_mask)

/* How the addresses of 16 lanes lie: `stepped` is zero when a[l] = a[0] + l * size, `equal` when all
 * are a[0]. */
typedef struct LanePattern {
    uint64_t stepped, equal;
} LanePattern;

/* Of lanes 16 half ... 16 half + 15. */
LANE_INLINE LanePattern lane_pattern64(const void *_Nonnull addresses, uint64_t size, int half) {
    const lane_u64 *a = (const lane_u64 *)addresses + 2 * half;
    const lane_u64 index = {0, 1, 2, 3, 4, 5, 6, 7};
    const lane_u64 step = index * size;
    lane_u64 low = a[0] - (lane_u64)a[0][0], high = a[1] - (lane_u64)a[0][0];
    lane_u64 stepped = (low ^ step) | (high ^ (step + 8 * size));
    return (LanePattern){__builtin_reduce_or(stepped), __builtin_reduce_or(low | high)};
}
LANE_INLINE LanePattern lane_pattern32(const void *_Nonnull addresses, uint32_t size, int half) {
    const lane_u32 *a = (const lane_u32 *)addresses + 2 * half;
    const lane_u32 index = {0, 1, 2, 3, 4, 5, 6, 7};
    const lane_u32 step = index * size;
    lane_u32 low = a[0] - (lane_u32)a[0][0], high = a[1] - (lane_u32)a[0][0];
    lane_u32 stepped = (low ^ step) | (high ^ (step + 8 * size));
    return (LanePattern){__builtin_reduce_or(stepped), __builtin_reduce_or(low | high)};
}
