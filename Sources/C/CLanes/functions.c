#include "CLanes.h"
#include <math.h>

#define EACH(expression)                                                                           \
    for (int l = 0; l < 32; l++) {                                                                 \
        const float x = a[l];                                                                      \
        d[l] = (expression);                                                                       \
    }
void lanes_ex2_f32(float *d, const float *a) { EACH(exp2f(x)) }
void lanes_lg2_f32(float *d, const float *a) { EACH(log2f(x)) }
void lanes_sin_f32(float *d, const float *a) { EACH(sinf(x)) }
void lanes_cos_f32(float *d, const float *a) { EACH(cosf(x)) }
void lanes_tanh_f32(float *d, const float *a) { EACH(tanhf(x)) }
void lanes_rsqrt_f32(float *d, const float *a) { EACH((float)(1.0 / sqrt((double)x))) }

void lane_atomic_compare_128(void *p, uint64_t *expected, uint64_t low, uint64_t high) {
#if defined(__x86_64__)
    __asm__ volatile("lock cmpxchg16b %0"
                     : "+m"(*(__int128 *)p), "+a"(expected[0]), "+d"(expected[1])
                     : "b"(low), "c"(high)
                     : "cc", "memory");
#else
#error "16-byte atomics are written for x86-64 only"
#endif
}
