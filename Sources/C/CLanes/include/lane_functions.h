/* Functions over all 32 lanes that are compiled here, not inlined. */
#pragma once
#include <stdint.h>

/* Rounding of the directed forms, as in LaneInstruction.mode. */
enum LaneRounding { LaneRoundNearest = 0, LaneRoundZero = 1, LaneRoundDown = 2, LaneRoundUp = 3 };
enum LaneArithmetic {
    LaneAdd = 0, LaneSubtract = 1, LaneMultiply = 2, LaneDivide = 3, LaneFMA = 4, LaneSquareRoot = 5
};

/* d = a op b (op c), rounded as told. Arrays of 32, 64-byte aligned; d may be one of the others. */
void lanes_directed_f32(int op, int rounding, float *_Nonnull d, const float *_Nonnull a,
                        const float *_Nonnull b, const float *_Nonnull c);
void lanes_directed_f64(int op, int rounding, double *_Nonnull d, const double *_Nonnull a,
                        const double *_Nonnull b, const double *_Nonnull c);

/* Special functions, at least as exact as the PTX documentation promises. */
void lanes_ex2_f32(float *_Nonnull d, const float *_Nonnull a);
void lanes_lg2_f32(float *_Nonnull d, const float *_Nonnull a);
void lanes_sin_f32(float *_Nonnull d, const float *_Nonnull a);
void lanes_cos_f32(float *_Nonnull d, const float *_Nonnull a);
void lanes_tanh_f32(float *_Nonnull d, const float *_Nonnull a);
void lanes_rsqrt_f32(float *_Nonnull d, const float *_Nonnull a);
