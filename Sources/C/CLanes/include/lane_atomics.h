/* Atomic operations on device memory, sequentially consistent (stronger than PTX asks for). */
#pragma once
#include "lane_vectors.h"
#include <stdbool.h>

#define LANE_ATOMICS(name, type)                                                                   \
    LANE_INLINE type lane_atomic_load_##name(const type *_Nonnull p) {                             \
        return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                               \
    }                                                                                              \
    LANE_INLINE void lane_atomic_store_##name(type *_Nonnull p, type v) {                          \
        __atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                                  \
    }                                                                                              \
    LANE_INLINE type lane_atomic_add_##name(type *_Nonnull p, type v) {                            \
        return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);                                         \
    }                                                                                              \
    LANE_INLINE type lane_atomic_and_##name(type *_Nonnull p, type v) {                            \
        return __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);                                         \
    }                                                                                              \
    LANE_INLINE type lane_atomic_or_##name(type *_Nonnull p, type v) {                             \
        return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);                                          \
    }                                                                                              \
    LANE_INLINE type lane_atomic_xor_##name(type *_Nonnull p, type v) {                            \
        return __atomic_fetch_xor(p, v, __ATOMIC_SEQ_CST);                                         \
    }                                                                                              \
    LANE_INLINE type lane_atomic_exchange_##name(type *_Nonnull p, type v) {                       \
        return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                                        \
    }                                                                                              \
    LANE_INLINE type lane_atomic_compare_##name(type *_Nonnull p, type expected, type desired) {   \
        __atomic_compare_exchange_n(                                                               \
            p, &expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                     \
        return expected;                                                                           \
    }
LANE_ATOMICS(u16, uint16_t)
LANE_ATOMICS(u32, uint32_t)
LANE_ATOMICS(u64, uint64_t)

LANE_INLINE void lane_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

#include <time.h>

/* The time of day in nanoseconds, for %globaltimer. */
LANE_INLINE uint64_t lane_nanoseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#if defined(__x86_64__)
LANE_INLINE void lane_pause(void) { __builtin_ia32_pause(); }
LANE_INLINE uint64_t lane_clock(void) { return __builtin_ia32_rdtsc(); }
#else
LANE_INLINE void lane_pause(void) {}
LANE_INLINE uint64_t lane_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
#endif

/* 16 bytes at once: what p holds is compared with *expected, which receives the old value. */
void lane_atomic_compare_128(
    void *_Nonnull p, uint64_t *_Nonnull expected, uint64_t low, uint64_t high);
