#include "ccompression.h"

#include <zstd.h>

ptrdiff_t ferry_zstd_expand(const void *source, ptrdiff_t count, void *target, ptrdiff_t room) {
  if (count < 0 || room < 0) return -1;
  size_t written = ZSTD_decompress(target, (size_t)room, source, (size_t)count);
  return ZSTD_isError(written) ? -1 : (ptrdiff_t)written;
}
