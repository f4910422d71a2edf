/* OpenSSL's inner function chooses what the processor has: SHA instructions, AVX2, SSSE3. It takes whole
 * blocks, allocates nothing and cannot fail, unlike the functions that OpenSSL 3 offers instead. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "chash.h"

#include <openssl/sha.h>
#include <string.h>

void ferry_sha256_compress(void *state, const void *blocks, size_t count) {
  SHA256_CTX context;
  memset(&context, 0, sizeof context);
  context.md_len = SHA256_DIGEST_LENGTH;
  memcpy(context.h, state, sizeof context.h);
  SHA256_Update(&context, blocks, count * SHA256_CBLOCK);
  memcpy(state, context.h, sizeof context.h);
}
