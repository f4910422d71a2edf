/* SHA-256's compression function, which is OpenSSL's. */
#ifndef FERRY_CHASH_H
#define FERRY_CHASH_H

#include <stddef.h>

/* Takes `count` blocks of 64 bytes into the eight words of `state`. */
__attribute__((visibility("hidden"))) void ferry_sha256_compress(void *state, const void *blocks,
                                                                 size_t count);

#endif
