#include "cpacking.h"

#include <limits.h>
#include <lz4.h>

ptrdiff_t ferry_lz4_pack(const void *source, ptrdiff_t count, void *target, ptrdiff_t room) {
  if (count > LZ4_MAX_INPUT_SIZE || room > LZ4_MAX_INPUT_SIZE) return 0;
  return LZ4_compress_default(source, target, (int)count, (int)room);
}

ptrdiff_t ferry_lz4_unpack(const void *source, ptrdiff_t count, void *target, ptrdiff_t room) {
  if (count < 0 || room < 0 || count > INT_MAX || room > INT_MAX) return -1;
  int result = LZ4_decompress_safe(source, target, (int)count, (int)room);
  return result < 0 ? -1 : result;
}
