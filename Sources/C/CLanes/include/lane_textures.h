/* What a texture or surface instruction sees of the object that its handle means. */
#pragma once
#include <stdint.h>

/* A texture or surface. Handles are (tag << 56 | generation << 32 | slot + 1); see TextureTable. */
typedef struct LaneTexture {
    uint64_t handle;                /* 0 while the slot is free */
    uint64_t address;               /* of texel (0, 0, 0) */
    uint64_t rowPitch, slicePitch;  /* bytes; a slice is a plane of a volume, a layer, or a face */
    uint32_t width, height, depth;  /* texels, at least 1; depth counts slices */
    uint8_t geometry;               /* TextureGeometry */
    uint8_t format;                 /* CUarray_format */
    uint8_t channels;               /* 1, 2 or 4 */
    uint8_t isLinearFilter;
    uint8_t isNormalized;           /* coordinates from 0 to 1 */
    uint8_t readsIntegers;          /* integers stay such; else they are read as [0, 1], [-1, 1] */
    uint8_t addressX, addressY, addressZ;   /* CUaddress_mode */
    float borderR, borderG, borderB, borderA;
} LaneTexture;
