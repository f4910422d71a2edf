/* SHA-256's compression function: with the SHA instructions of x86 processors, for which Swift has
 * no intrinsics, and without. */
#ifndef FERRY_CHASH_H
#define FERRY_CHASH_H

#include <stddef.h>
#include <stdint.h>

/* Whether this processor has them. Asks it once. */
__attribute__((visibility("hidden"))) int ferry_sha256_has_instructions(void);

/* Takes `count` blocks of 64 bytes into the eight words of `state`. Only where
 * ferry_sha256_has_instructions(). */
__attribute__((visibility("hidden"))) void ferry_sha256_compress(void *state, const void *blocks,
                                                                 size_t count);

/* The same on any little-endian processor. */
__attribute__((visibility("hidden"))) void ferry_sha256_compress_portably(void *state,
                                                                          const void *blocks,
                                                                          size_t count);

#endif
