/* Milliseconds that SHA-256 takes for so many bytes, by OpenSSL: hash [--size BYTES] [--repeats R] */
#include <openssl/sha.h>

#include "bench.h"

int main(int count, char **values) {
  size_t size = number(count, values, "size", 100 << 20);
  unsigned char digest[32], *bytes = malloc(size);
  fill_random(bytes, size, 1);
  while (wanted(count, values)) {
    uint64_t begin = now_ns();
    SHA256(bytes, size, digest);
    tell((now_ns() - begin) / 1e6);
  }
  return 0;
}
