/* LZ4 blocks: what pieces of large copies, and parts of fatbins, are compressed with. */
#ifndef FERRY_CPACKING_H
#define FERRY_CPACKING_H

#include <stddef.h>

/* Compresses; 0 when the result does not fit into `room` bytes. */
ptrdiff_t ferry_lz4_pack(const void *source, ptrdiff_t count, void *target, ptrdiff_t room);
/* Expands bytes of unknown origin; -1 when they are no LZ4 block, or one of more than `room`. Never
 * reads past the input nor writes past the output. */
ptrdiff_t ferry_lz4_unpack(const void *source, ptrdiff_t count, void *target, ptrdiff_t room);

#endif
