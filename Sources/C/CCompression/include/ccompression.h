/* The two decompressors of fatbins. Both return the number of bytes written, or -1 when the input
 * is damaged or does not fit; they never read past the input nor write past the output. */
#ifndef FERRY_CCOMPRESSION_H
#define FERRY_CCOMPRESSION_H
#include <stddef.h>

/* One raw LZ4 block. */
ptrdiff_t ferry_lz4_expand(const void *source, ptrdiff_t count, void *target, ptrdiff_t room);
/* One or more zstd frames. */
ptrdiff_t ferry_zstd_expand(const void *source, ptrdiff_t count, void *target, ptrdiff_t room);

#endif
