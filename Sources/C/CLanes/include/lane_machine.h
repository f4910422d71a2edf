/* The instruction and the state of a running warp, shared by lowering, machine and handlers. */
#pragma once
#include <stdint.h>
#include "lane_textures.h"

struct LaneInstruction;
struct LaneContext;

/* One PTX instruction over the 32 lanes of a warp. `mask` has a bit per lane that takes part. */
typedef void (*LaneHandler)(
    void *_Nonnull frame,
    const struct LaneInstruction *_Nonnull instruction,
    uint32_t mask,
    struct LaneContext *_Nonnull context);

/* A lowered instruction, one cache line. Operands are byte offsets into the frame: a register is 32
 * lanes of 2, 4 or 8 bytes, 64-byte aligned; a predicate is one 32-bit mask. */
typedef struct LaneInstruction {
    LaneHandler _Nonnull handler;
    int32_t guard;          /* offset of the guarding predicate, or -1 */
    uint8_t kind;           /* 0: call the handler; else a control instruction of the machine */
    uint8_t guardNegated;
    uint8_t mode;           /* per family: addressing mode, comparison flags, rounding */
    uint8_t count;          /* elements of a vector access, else 1 */
    int64_t immediate;
    int32_t d, a, b, c, e, f, g, h, k;
    int32_t aux;
} LaneInstruction;

/* Memory outside the arena that kernels may use: mapped host memory, arenas of peers. */
typedef struct LaneRange {
    uint64_t base, size;
    const uint16_t *_Nullable shadow;   /* like LaneContext.shadow, or null: every byte is valid */
} LaneRange;

/* Guarded by a sequence number, which is odd while the list changes. */
typedef struct LaneRanges {
    uint64_t sequence;
    uint64_t count;
    const LaneRange *_Nullable first;
} LaneRanges;

/* What handlers see of the warp that they run for. */
typedef struct LaneContext {
    uint32_t mask;              /* lanes of the running fragment, before the guard */
    uint32_t live;              /* lanes of the warp that have not exited */
    uint32_t existing;          /* lanes that the block has in this warp */
    uint32_t spin;              /* how much of what busy waiting consists of has been executed */
    uint64_t arenaBase, arenaSize;
    const uint16_t *_Nonnull shadow;    /* per 256-byte granule of the arena: valid bytes, 0...256 */
    const LaneRanges *_Nonnull ranges;
    uint8_t *_Nonnull shared;
    uint64_t sharedBytes;
    uint8_t *_Nonnull local;            /* of lane 0; lane l is at l * localStride */
    uint64_t localStride;
    uint64_t localFrame;                /* where the running function's variables start */
    const uint8_t *_Nonnull parameters;
    uint64_t parameterBytes;
    uint8_t *_Nonnull *_Nonnull pointers;  /* 32 checked host addresses, scratch of one access */
    void *_Nonnull scratch;     /* some 25 KiB, 64-byte aligned, of one instruction */
    const LaneTexture *_Nonnull textures;
    uint64_t textureCount;      /* slots of that table */
    /* Where loads went last, 16 places, by the instruction's address: what to fetch ahead. A guess, of
     * which nothing but speed depends. */
    uint64_t *_Nonnull recent;
    /* The first fault of the warp; faultCode is a CUresult, 0 while there is none. */
    int32_t faultCode;
    uint32_t faultLane;
    uint64_t faultAddress;
    uint32_t faultBytes;
    uint32_t faultIsWrite;
    const LaneInstruction *_Nullable faultInstruction;
} LaneContext;
