/* Floating point of the lanes. Single precision makes the one NaN 0x7fffffff, as NVIDIA GPUs do;
 * double precision keeps what x86-64 makes, which is the same as there. */
#pragma once
#include "lane_vectors.h"

typedef _Float16 lane_f16 __attribute__((ext_vector_type(8)));
typedef _Float16 lane_f16x16 __attribute__((ext_vector_type(16)));
typedef float lane_f32x16 __attribute__((ext_vector_type(16)));
typedef int32_t lane_s32x16 __attribute__((ext_vector_type(16)));
typedef uint16_t lane_u16x16 __attribute__((ext_vector_type(16)));
typedef uint32_t lane_u32x16 __attribute__((ext_vector_type(16)));

LANE_INLINE lane_f32 lane_select_f32(lane_s32 m, lane_f32 a, lane_f32 b) {
    return (lane_f32)(((lane_s32)a & m) | ((lane_s32)b & ~m));
}
LANE_INLINE lane_f64 lane_select_f64(lane_s64 m, lane_f64 a, lane_f64 b) {
    return (lane_f64)(((lane_s64)a & m) | ((lane_s64)b & ~m));
}
/* To the compiler all NaNs are alike, so it may drop a choice between two; it does not see through
 * this. */
LANE_INLINE lane_s32 lane_opaque(lane_s32 m) {
#if defined(__AVX__)
    __asm__("" : "+x"(m));
#else
    __asm__("" : "+m"(m));
#endif
    return m;
}
LANE_INLINE lane_f32 lane_canonical(lane_f32 a) {
    return lane_select_f32(lane_opaque(a == a), a, (lane_f32)(lane_s32)0x7fffffff);
}

LANE_INLINE lane_f32 lane_add_f32(lane_f32 a, lane_f32 b) { return lane_canonical(a + b); }
LANE_INLINE lane_f32 lane_sub_f32(lane_f32 a, lane_f32 b) { return lane_canonical(a - b); }
LANE_INLINE lane_f32 lane_mul_f32(lane_f32 a, lane_f32 b) { return lane_canonical(a * b); }
LANE_INLINE lane_f32 lane_div_f32(lane_f32 a, lane_f32 b) { return lane_canonical(a / b); }
LANE_INLINE lane_f32 lane_fma_f32(lane_f32 a, lane_f32 b, lane_f32 c) {
    return lane_canonical(__builtin_elementwise_fma(a, b, c));
}
LANE_INLINE lane_f32 lane_sqrt_f32(lane_f32 a) {
    return lane_canonical(__builtin_elementwise_sqrt(a));
}
LANE_INLINE lane_f64 lane_add_f64(lane_f64 a, lane_f64 b) { return a + b; }
LANE_INLINE lane_f64 lane_sub_f64(lane_f64 a, lane_f64 b) { return a - b; }
LANE_INLINE lane_f64 lane_mul_f64(lane_f64 a, lane_f64 b) { return a * b; }
LANE_INLINE lane_f64 lane_div_f64(lane_f64 a, lane_f64 b) { return a / b; }
LANE_INLINE lane_f64 lane_fma_f64(lane_f64 a, lane_f64 b, lane_f64 c) {
    return __builtin_elementwise_fma(a, b, c);
}
LANE_INLINE lane_f64 lane_sqrt_f64(lane_f64 a) { return __builtin_elementwise_sqrt(a); }

/* Subnormals to zero of the same sign (.ftz), and clamping to [0, 1] with NaN to +0 (.sat). */
LANE_INLINE lane_f32 lane_ftz(lane_f32 a) {
    lane_s32 bits = (lane_s32)a;
    lane_s32 tiny = (bits & 0x7f800000) == 0;
    return (lane_f32)(bits & ~(tiny & 0x7fffffff));
}
LANE_INLINE lane_f32 lane_sat_f32(lane_f32 a) {
    lane_f32 one = 1.0f;
    lane_f32 positive = (lane_f32)((lane_s32)a & (a > 0.0f));
    return lane_select_f32(positive < one, positive, one);
}
LANE_INLINE lane_f64 lane_sat_f64(lane_f64 a) {
    lane_f64 one = 1.0;
    lane_f64 positive = (lane_f64)((lane_s64)a & (a > 0.0));
    return lane_select_f64(positive < one, positive, one);
}

/* A NaN loses against a number; two NaNs give the canonical one; -0 is less than +0. */
LANE_INLINE lane_f32 lane_min_f32(lane_f32 a, lane_f32 b) {
    lane_s32 less = (a < b) | ((a == b) & ((lane_s32)a < 0)) | (b != b);
    return lane_canonical(lane_select_f32(less, a, b));
}
LANE_INLINE lane_f32 lane_max_f32(lane_f32 a, lane_f32 b) {
    lane_s32 more = (a > b) | ((a == b) & ((lane_s32)b < 0)) | (b != b);
    return lane_canonical(lane_select_f32(more, a, b));
}
LANE_INLINE lane_f64 lane_min_f64(lane_f64 a, lane_f64 b) {
    lane_s64 less = (a < b) | ((a == b) & ((lane_s64)a < 0)) | (b != b);
    return lane_select_f64(less, a, b);
}
LANE_INLINE lane_f64 lane_max_f64(lane_f64 a, lane_f64 b) {
    lane_s64 more = (a > b) | ((a == b) & ((lane_s64)b < 0)) | (b != b);
    return lane_select_f64(more, a, b);
}
/* .NaN: a NaN wins. */
LANE_INLINE lane_f32 lane_nan_if_any(lane_f32 r, lane_f32 a, lane_f32 b) {
    return lane_select_f32(
        lane_opaque((a == a) & (b == b)), r, (lane_f32)(lane_s32)0x7fffffff);
}

/* Ordered comparisons; `ne` too is false for NaN, `num` is true when neither is one. */
#define LANE_COMPARE_FLOAT(name, type, mask, narrow)                                               \
    LANE_INLINE lane_s32 lane_eq_##name(type a, type b) { return narrow((mask)(a == b)); }         \
    LANE_INLINE lane_s32 lane_lt_##name(type a, type b) { return narrow((mask)(a < b)); }          \
    LANE_INLINE lane_s32 lane_le_##name(type a, type b) { return narrow((mask)(a <= b)); }         \
    LANE_INLINE lane_s32 lane_ne_##name(type a, type b) {                                          \
        return narrow((mask)((a < b) | (b < a)));                                                  \
    }                                                                                              \
    LANE_INLINE lane_s32 lane_num_##name(type a, type b) {                                         \
        return narrow((mask)((a == a) & (b == b)));                                                \
    }
LANE_COMPARE_FLOAT(f32, lane_f32, lane_s32, LANE_SAME)
LANE_COMPARE_FLOAT(f64, lane_f64, lane_s64, lane_narrow_mask)

/* Conversions that the vector unit does. */
LANE_INLINE lane_f64 lane_f64_from_f32(lane_f32 a) { return __builtin_convertvector(a, lane_f64); }
LANE_INLINE lane_f32 lane_f32_from_f64(lane_f64 a) {
    return __builtin_convertvector(a, lane_f32);
}
LANE_INLINE lane_f32 lane_f32_from_s32(lane_s32 a) { return __builtin_convertvector(a, lane_f32); }
LANE_INLINE lane_f32 lane_f32_from_u32(lane_u32 a) { return __builtin_convertvector(a, lane_f32); }
LANE_INLINE lane_f64 lane_f64_from_s32(lane_s32 a) { return __builtin_convertvector(a, lane_f64); }
LANE_INLINE lane_f64 lane_f64_from_u32(lane_u32 a) { return __builtin_convertvector(a, lane_f64); }
LANE_INLINE lane_f64 lane_f64_from_s64(lane_s64 a) { return __builtin_convertvector(a, lane_f64); }
LANE_INLINE lane_f64 lane_f64_from_u64(lane_u64 a) { return __builtin_convertvector(a, lane_f64); }

LANE_INLINE lane_f32 lane_trunc_f32(lane_f32 a) { return __builtin_elementwise_trunc(a); }
LANE_INLINE lane_f32 lane_floor_f32(lane_f32 a) { return __builtin_elementwise_floor(a); }
LANE_INLINE lane_f32 lane_ceil_f32(lane_f32 a) { return __builtin_elementwise_ceil(a); }
LANE_INLINE lane_f32 lane_even_f32(lane_f32 a) { return __builtin_elementwise_roundeven(a); }
LANE_INLINE lane_f64 lane_trunc_f64(lane_f64 a) { return __builtin_elementwise_trunc(a); }
LANE_INLINE lane_f64 lane_floor_f64(lane_f64 a) { return __builtin_elementwise_floor(a); }
LANE_INLINE lane_f64 lane_ceil_f64(lane_f64 a) { return __builtin_elementwise_ceil(a); }
LANE_INLINE lane_f64 lane_even_f64(lane_f64 a) { return __builtin_elementwise_roundeven(a); }

/* Integral values to s32, saturating; NaN to 0. */
LANE_INLINE lane_s32 lane_s32_from_f32(lane_f32 a) {
    lane_s32 big = a >= 2147483648.0f, fits = (a < 2147483648.0f) & (a >= -2147483648.0f);
    lane_f32 safe = (lane_f32)((lane_s32)a & fits);
    lane_s32 value = __builtin_convertvector(safe, lane_s32);
    lane_s32 low = (a < -2147483648.0f) & (lane_s32)(int32_t)0x80000000;
    return value | (big & 0x7fffffff) | low;
}

/* Half precision: NaNs become 0x7fff. */
LANE_INLINE lane_f32 lane_f32_from_f16(lane_u16 a) {
    return lane_canonical(__builtin_convertvector((lane_f16)a, lane_f32));
}
LANE_INLINE lane_u16 lane_f16_from_f32(lane_f32 a) {
    lane_u16 bits = (lane_u16)__builtin_convertvector(a, lane_f16);
    lane_s16 isNaN = __builtin_convertvector((lane_s32)(a != a), lane_s16);
    return (bits & ~(lane_u16)isNaN) | ((lane_u16)isNaN & 0x7fff);
}
LANE_INLINE lane_f32 lane_f32_from_bf16(lane_u16 a) {
    return lane_canonical((lane_f32)(__builtin_convertvector(a, lane_u32) << 16));
}
LANE_INLINE lane_u16 lane_bf16_from_f32(lane_f32 a) {
    lane_u32 bits = (lane_u32)a;
    lane_u32 rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    lane_u32 isNaN = (lane_u32)(a != a);
    return __builtin_convertvector((rounded & ~isNaN) | (isNaN & 0x7fff), lane_u16);
}

/* Rounded to odd: the value of an inexact sum with its last bit set, so that rounding it again to a
 * format of fewer bits gives what rounding the exact sum would. */
LANE_INLINE lane_f32 lane_odd_sum_f32(lane_f32 a, lane_f32 b) {
    lane_f32 s = a + b;
    lane_f32 bb = s - a, e = (a - (s - bb)) + (b - bb);
    lane_s32 bits = (lane_s32)s;
    lane_s32 inexact = (e != 0.0f) & ((bits & 1) == 0) & (e == e);
    lane_s32 away = ((lane_s32)e ^ bits) >= 0;
    lane_s32 odd = bits + ((away & 1) | (~away & -1));
    return (lane_f32)((odd & inexact) | (bits & ~inexact));
}
LANE_INLINE lane_f64 lane_odd_sum_f64(lane_f64 a, lane_f64 b) {
    lane_f64 s = a + b;
    lane_f64 bb = s - a, e = (a - (s - bb)) + (b - bb);
    lane_s64 bits = (lane_s64)s;
    lane_s64 inexact = (e != 0.0) & ((bits & 1) == 0) & (e == e);
    lane_s64 away = ((lane_s64)e ^ bits) >= 0;
    lane_s64 odd = bits + ((away & 1) | (~away & -1));
    return (lane_f64)((odd & inexact) | (bits & ~inexact));
}
LANE_INLINE lane_f32 lane_odd_f32_from_f64(lane_f64 a) {
    lane_f32 r = __builtin_convertvector(a, lane_f32);
    lane_f64 e = a - __builtin_convertvector(r, lane_f64);
    lane_s32 bits = (lane_s32)r;
    lane_s32 inexact = lane_narrow_mask((e != 0.0) & (e == e)) & ((bits & 1) == 0);
    lane_s32 away = lane_narrow_mask((lane_s64)(((lane_s64)e ^ (lane_s64)a) >= 0));
    lane_s32 odd = bits + ((away & 1) | (~away & -1));
    return (lane_f32)((odd & inexact) | (bits & ~inexact));
}
LANE_INLINE lane_f32 lane_fma_f16_exact(lane_f32 a, lane_f32 b, lane_f32 c) {
    return lane_odd_sum_f32(a * b, c);
}
LANE_INLINE lane_f32 lane_fma_bf16_exact(lane_f32 a, lane_f32 b, lane_f32 c) {
    lane_f64 p = lane_f64_from_f32(a) * lane_f64_from_f32(b);
    return lane_odd_f32_from_f64(lane_odd_sum_f64(p, lane_f64_from_f32(c)));
}
