/* The decompressor of fatbins beside LZ4 (CPacking). It returns the number of bytes written, or -1 when
 * the input is damaged or does not fit; it never reads past the input nor writes past the output. */
#ifndef FERRY_CCOMPRESSION_H
#define FERRY_CCOMPRESSION_H
#include <stddef.h>

/* One or more zstd frames. */
ptrdiff_t ferry_zstd_expand(const void *source, ptrdiff_t count, void *target, ptrdiff_t room);

#endif
