#include "chash.h"

#include <string.h>

/* FIPS 180-4, 4.2.2. */
static const uint32_t constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t value, int count) { return value >> count | value << (32 - count); }

/* FIPS 180-4, 6.2.2; the working variables a to h are v[-i & 7] in round i, so that none moves. */
void ferry_sha256_compress_portably(void *state, const void *blocks, size_t count) {
  const uint8_t *input = blocks;
  uint32_t *words = state;
  for (; count > 0; count--, input += 64) {
    uint32_t w[16], v[8];
    for (int i = 0; i < 16; i++) {
      memcpy(&w[i], input + 4 * i, 4);
      w[i] = __builtin_bswap32(w[i]);
    }
    memcpy(v, words, sizeof v);
#define V(n) v[((n) - i) & 7]
#pragma unroll
    for (int i = 0; i < 64; i++) {
      if (i >= 16) {
        uint32_t a = w[(i + 1) & 15], b = w[(i + 14) & 15];
        w[i & 15] += (rotate(a, 7) ^ rotate(a, 18) ^ (a >> 3)) + w[(i + 9) & 15] +
                     (rotate(b, 17) ^ rotate(b, 19) ^ (b >> 10));
      }
      uint32_t a = V(0), e = V(4);
      uint32_t first = V(7) + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
                       ((e & V(5)) ^ (~e & V(6))) + constants[i] + w[i & 15];
      V(3) += first;
      V(7) = first + (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
             ((a & V(1)) ^ (a & V(2)) ^ (V(1) & V(2)));
    }
#undef V
    for (int i = 0; i < 8; i++) words[i] += v[i];
  }
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

int ferry_sha256_has_instructions(void) {
  static int answer; /* 0: not asked yet, 1: no, 2: yes */
  int known = __atomic_load_n(&answer, __ATOMIC_RELAXED);
  if (known == 0) {
    unsigned a, b, c, d;
    int has_sse = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSSE3) && (c & bit_SSE4_1);
    int has_sha = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
    known = has_sse && has_sha ? 2 : 1;
    __atomic_store_n(&answer, known, __ATOMIC_RELAXED);
  }
  return known == 2;
}

__attribute__((target("sha,ssse3,sse4.1"))) void ferry_sha256_compress(void *state,
                                                                       const void *blocks,
                                                                       size_t count) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const __m128i *input = blocks;
  __m128i *words = state;
  /* The instructions want a, b, e, f in one register and c, d, g, h in the other. */
  __m128i low = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xB1);
  __m128i high = _mm_shuffle_epi32(_mm_loadu_si128(words + 1), 0x1B);
  __m128i abef = _mm_alignr_epi8(low, high, 8);
  __m128i cdgh = _mm_blend_epi16(high, low, 0xF0);
  for (; count > 0; count--, input += 4) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i w[4];
    for (int i = 0; i < 4; i++) w[i] = _mm_shuffle_epi8(_mm_loadu_si128(input + i), big_endian);
#pragma unroll
    for (int i = 0; i < 16; i++) {
      __m128i sum = _mm_add_epi32(w[i & 3], ((const __m128i *)constants)[i]);
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
      if (i >= 12) continue;
      __m128i last = w[(i + 3) & 3];
      __m128i seven_ago = _mm_alignr_epi8(last, w[(i + 2) & 3], 4);
      __m128i half = _mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]);
      w[i & 3] = _mm_sha256msg2_epu32(_mm_add_epi32(half, seven_ago), last);
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  low = _mm_shuffle_epi32(abef, 0x1B);
  high = _mm_shuffle_epi32(cdgh, 0xB1);
  _mm_storeu_si128(words, _mm_blend_epi16(low, high, 0xF0));
  _mm_storeu_si128(words + 1, _mm_alignr_epi8(high, low, 8));
}

#else

int ferry_sha256_has_instructions(void) { return 0; }
void ferry_sha256_compress(void *state, const void *blocks, size_t count) {
  (void)state, (void)blocks, (void)count;
}

#endif
