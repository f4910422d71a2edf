/* Arithmetic with directed rounding. The operations are volatile assembly, because the compiler is
 * free to move an ordinary one across the change of the rounding mode. */
#include "CLanes.h"
#include <string.h>

#if defined(__x86_64__)
typedef float v8f __attribute__((vector_size(32)));
typedef double v4d __attribute__((vector_size(32)));

static inline unsigned get_mode(void) {
    unsigned m;
    __asm__ volatile("stmxcsr %0" : "=m"(m));
    return m;
}
static inline void set_mode(unsigned m) { __asm__ volatile("ldmxcsr %0" : : "m"(m)); }

static unsigned mode_bits(int rounding) {
    static const unsigned bits[4] = {0u, 0x6000u, 0x2000u, 0x4000u};
    return bits[rounding & 3];
}

#define BINARY(insn) __asm__ volatile(insn " %2, %1, %0" : "=x"(r) : "x"(x), "x"(y))
#define DIRECTED(name, scalar, vector, suffix)                                                     \
    void name(int op, int rounding, scalar *d, const scalar *a, const scalar *b,                   \
              const scalar *c) {                                                                   \
        const unsigned saved = get_mode();                                                         \
        set_mode((saved & ~0x6000u) | mode_bits(rounding));                                        \
        const int step = (int)(sizeof(vector) / sizeof(scalar));                                   \
        for (int i = 0; i < 32; i += step) {                                                       \
            vector x, y, z, r;                                                                     \
            memcpy(&x, a + i, sizeof x);                                                           \
            memcpy(&y, b + i, sizeof y);                                                           \
            switch (op) {                                                                          \
            case LaneAdd: BINARY("vaddp" suffix); break;                                           \
            case LaneSubtract: BINARY("vsubp" suffix); break;                                      \
            case LaneMultiply: BINARY("vmulp" suffix); break;                                      \
            case LaneDivide: BINARY("vdivp" suffix); break;                                        \
            case LaneFMA:                                                                          \
                memcpy(&z, c + i, sizeof z);                                                       \
                r = x;                                                                             \
                __asm__ volatile("vfmadd213p" suffix " %2, %1, %0" : "+x"(r) : "x"(y), "x"(z));    \
                break;                                                                             \
            default: __asm__ volatile("vsqrtp" suffix " %1, %0" : "=x"(r) : "x"(x)); break;        \
            }                                                                                      \
            memcpy(d + i, &r, sizeof r);                                                           \
        }                                                                                          \
        set_mode(saved);                                                                           \
    }
DIRECTED(lanes_directed_f32, float, v8f, "s")
DIRECTED(lanes_directed_f64, double, v4d, "d")
#else
#error "directed rounding is written for x86-64 only"
#endif
