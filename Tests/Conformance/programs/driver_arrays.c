// CUDA arrays by the driver API: every way of copying to and from them, in whole and in part, with
// pageable and page-locked memory, and what they say of themselves.
#include "driver.h"

typedef unsigned char byte;

/// A value for every place, never that of its neighbours.
static unsigned pattern(size_t i) { return (unsigned)(i * 2654435761u + 12345u); }

static void fill(void *memory, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) ((byte *)memory)[i] = (byte)(pattern(i) >> 13);
}

static void *host(size_t bytes) {
    void *memory = malloc(bytes);
    if (!memory) exit(2);
    return memory;
}

static CUarray make(size_t w, size_t h, size_t d, CUarray_format format, unsigned channels, unsigned flags) {
    CUDA_ARRAY3D_DESCRIPTOR how = {w, h, d, format, channels, flags};
    CUarray array;
    CHECK(cuArray3DCreate(&array, &how));
    return array;
}

/// A box of w bytes, h rows, d slices between an array and the host.
static CUDA_MEMCPY3D box(size_t w, size_t h, size_t d) {
    CUDA_MEMCPY3D copy;
    memset(&copy, 0, sizeof copy);
    copy.WidthInBytes = w;
    copy.Height = h;
    copy.Depth = d;
    return copy;
}

static void to_array(CUDA_MEMCPY3D *copy, CUarray array, const void *from, size_t pitch, size_t rows) {
    copy->srcMemoryType = CU_MEMORYTYPE_HOST;
    copy->srcHost = from;
    copy->srcPitch = pitch;
    copy->srcHeight = rows;
    copy->dstMemoryType = CU_MEMORYTYPE_ARRAY;
    copy->dstArray = array;
}

static void from_array(CUDA_MEMCPY3D *copy, void *to, size_t pitch, size_t rows, CUarray array) {
    copy->srcMemoryType = CU_MEMORYTYPE_ARRAY;
    copy->srcArray = array;
    copy->dstMemoryType = CU_MEMORYTYPE_HOST;
    copy->dstHost = to;
    copy->dstPitch = pitch;
    copy->dstHeight = rows;
}

/// Whole arrays of many shapes, there and back, pageable and page-locked, synchronously and not.
static void shapes(CUstream stream) {
    static const struct { size_t w, h, d; unsigned channels, flags; const char *name; } all[] = {
        {1, 0, 0, 1, 0, "one texel"}, {100000, 0, 0, 4, 0, "a long line"}, {37, 19, 0, 1, 0, "a plane"},
        {1024, 1100, 0, 1, 0, "a large plane"}, {40000, 3, 0, 4, 0, "a wide plane"}, {33, 21, 11, 2, 0, "a volume"},
        {96, 80, 50, 1, 0, "a large volume"}, {64, 0, 7, 1, CUDA_ARRAY3D_LAYERED, "layers of lines"},
        {30, 20, 9, 1, CUDA_ARRAY3D_LAYERED, "layers of planes"}, {16, 16, 6, 4, CUDA_ARRAY3D_CUBEMAP, "a cube"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t row = all[i].w * all[i].channels * 4, h = all[i].h ? all[i].h : 1, d = all[i].d ? all[i].d : 1;
        size_t bytes = row * h * d;
        CUarray array = make(all[i].w, all[i].h, all[i].d, CU_AD_FORMAT_UNSIGNED_INT32, all[i].channels, all[i].flags);
        byte *from = host(bytes), *to = host(bytes), *pinned;
        CHECK(cuMemAllocHost((void **)&pinned, bytes));
        fill(from, bytes);
        CUDA_MEMCPY3D up = box(row, h, d), down = box(row, h, d);
        to_array(&up, array, from, row, h);
        from_array(&down, to, row, h, array);
        CHECK(cuMemcpy3D(&up));
        memset(to, 0, bytes);
        CHECK(cuMemcpy3D(&down));
        int ok = memcmp(from, to, bytes) == 0;
        // In a stream: other bytes, by way of page-locked memory, and to pageable memory.
        for (size_t k = 0; k < bytes; k++) from[k] = (byte)(from[k] + 1 + k);
        memcpy(pinned, from, bytes);
        up.srcHost = pinned;
        CHECK(cuMemcpy3DAsync(&up, stream));
        CHECK(cuStreamSynchronize(stream));
        memset(pinned, 0, bytes);
        down.dstHost = pinned;
        CHECK(cuMemcpy3DAsync(&down, stream));
        CHECK(cuStreamSynchronize(stream));
        ok = ok && memcmp(from, pinned, bytes) == 0;
        memset(to, 0, bytes);
        down.dstHost = to;
        CHECK(cuMemcpy3DAsync(&down, stream));
        CHECK(cuStreamSynchronize(stream));
        ok = ok && memcmp(from, to, bytes) == 0;
        expect(ok, all[i].name);
        CHECK(cuMemFreeHost(pinned));
        CHECK(cuArrayDestroy(array));
        free(from);
        free(to);
    }
}

/// A part of a volume, with gaps on the host's side, which stay as they were.
static void parts(CUstream stream) {
    enum { w = 40, h = 30, d = 12, pitch = 77, rows = 34 };
    CUarray array = make(w, h, d, CU_AD_FORMAT_UNSIGNED_INT8, 1, 0);
    byte *model = host(w * h * d), *from = host(pitch * rows * d), *to = host(pitch * rows * d), *pinned;
    CHECK(cuMemAllocHost((void **)&pinned, pitch * rows * d));
    fill(model, w * h * d);
    fill(from, pitch * rows * d);
    CUDA_MEMCPY3D up = box(w, h, d);
    to_array(&up, array, model, w, h);
    CHECK(cuMemcpy3D(&up));
    up = box(21, 13, 5);
    to_array(&up, array, from, pitch, rows);
    up.srcXInBytes = 3, up.srcY = 4, up.srcZ = 2;
    up.dstXInBytes = 11, up.dstY = 8, up.dstZ = 6;
    CHECK(cuMemcpy3D(&up));
    for (int z = 0; z < 5; z++)
        for (int y = 0; y < 13; y++)
            memcpy(model + ((z + 6) * h + y + 8) * w + 11, from + ((z + 2) * rows + y + 4) * pitch + 3, 21);
    int ok = 1;
    for (int way = 0; way < 3; way++) {
        byte *target = way == 2 ? pinned : to;
        memset(target, 0xEE, pitch * rows * d);
        CUDA_MEMCPY3D down = box(25, 17, 8);
        from_array(&down, target, pitch, rows, array);
        down.srcXInBytes = 7, down.srcY = 5, down.srcZ = 3;
        down.dstXInBytes = 9, down.dstY = 6, down.dstZ = 1;
        CHECK(way == 0 ? cuMemcpy3D(&down) : cuMemcpy3DAsync(&down, stream));
        CHECK(cuStreamSynchronize(stream));
        for (int z = 0; z < d; z++)
            for (int y = 0; y < rows; y++)
                for (int x = 0; x < pitch; x++) {
                    int i = x - 9, j = y - 6, k = z - 1;
                    int inside = i >= 0 && i < 25 && j >= 0 && j < 17 && k >= 0 && k < 8;
                    byte wanted = inside ? model[((k + 3) * h + j + 5) * w + i + 7] : 0xEE;
                    ok = ok && target[(z * rows + y) * pitch + x] == wanted;
                }
    }
    expect(ok, "parts of a volume, with gaps");
    CHECK(cuMemFreeHost(pinned));
    CHECK(cuArrayDestroy(array));
    free(model), free(from), free(to);
}

/// Between arrays and memory of the GPU, all in one stream; and the calls for rectangles.
static void on_the_gpu(CUstream stream) {
    enum { w = 64, h = 48 };
    CUarray one = make(w, h, 0, CU_AD_FORMAT_FLOAT, 1, 0), two = make(w, h, 0, CU_AD_FORMAT_FLOAT, 1, 0);
    float from[w * h], to[w * h];
    for (int i = 0; i < w * h; i++) from[i] = (float)pattern(i);
    CUdeviceptr memory;
    size_t pitch;
    CHECK(cuMemAllocPitch(&memory, &pitch, w * 4, h, 4));
    CUDA_MEMCPY2D copy;
    memset(&copy, 0, sizeof copy);
    copy.srcMemoryType = CU_MEMORYTYPE_HOST, copy.srcHost = from, copy.srcPitch = w * 4;
    copy.dstMemoryType = CU_MEMORYTYPE_ARRAY, copy.dstArray = one;
    copy.WidthInBytes = w * 4, copy.Height = h;
    CHECK(cuMemcpy2DAsync(&copy, stream));
    memset(&copy, 0, sizeof copy);
    copy.srcMemoryType = CU_MEMORYTYPE_ARRAY, copy.srcArray = one;
    copy.dstMemoryType = CU_MEMORYTYPE_DEVICE, copy.dstDevice = memory, copy.dstPitch = pitch;
    copy.WidthInBytes = w * 4, copy.Height = h;
    CHECK(cuMemcpy2DAsync(&copy, stream));
    memset(&copy, 0, sizeof copy);
    copy.srcMemoryType = CU_MEMORYTYPE_DEVICE, copy.srcDevice = memory, copy.srcPitch = pitch;
    copy.dstMemoryType = CU_MEMORYTYPE_ARRAY, copy.dstArray = two, copy.dstXInBytes = 16 * 4, copy.dstY = 8;
    copy.WidthInBytes = (w - 16) * 4, copy.Height = h - 8;
    CHECK(cuMemcpy2DAsync(&copy, stream));
    memset(&copy, 0, sizeof copy);
    copy.srcMemoryType = CU_MEMORYTYPE_ARRAY, copy.srcArray = two, copy.srcXInBytes = 16 * 4, copy.srcY = 8;
    copy.dstMemoryType = CU_MEMORYTYPE_ARRAY, copy.dstArray = one, copy.dstY = 1;
    copy.WidthInBytes = 20 * 4, copy.Height = 5;
    CHECK(cuMemcpy2DAsync(&copy, stream));
    CHECK(cuStreamSynchronize(stream));
    memset(&copy, 0, sizeof copy);
    copy.srcMemoryType = CU_MEMORYTYPE_ARRAY, copy.srcArray = one;
    copy.dstMemoryType = CU_MEMORYTYPE_UNIFIED, copy.dstDevice = (CUdeviceptr)to, copy.dstPitch = w * 4;
    copy.WidthInBytes = w * 4, copy.Height = h;
    CHECK(cuMemcpy2DUnaligned(&copy));
    int ok = 1;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            ok = ok && to[y * w + x] == from[y >= 1 && y < 6 && x < 20 ? (y - 1) * w + x : y * w + x];
    expect(ok, "between arrays and memory of the GPU");
    CHECK(cuMemFree(memory));
    CHECK(cuArrayDestroy(one));
    CHECK(cuArrayDestroy(two));
}

/// The calls that count bytes of a line.
static void lines(CUstream stream) {
    enum { bytes = 80000 * 4 };
    CUarray one = make(80000, 0, 0, CU_AD_FORMAT_SIGNED_INT32, 1, 0), two = make(80000, 0, 0, CU_AD_FORMAT_SIGNED_INT32, 1, 0);
    byte *from = host(bytes), *to = host(bytes), *pinned;
    CUdeviceptr memory;
    CHECK(cuMemAlloc(&memory, bytes));
    CHECK(cuMemAllocHost((void **)&pinned, bytes));
    fill(from, bytes);
    CHECK(cuMemcpyHtoA(one, 0, from, bytes));
    CHECK(cuMemcpyHtoA(one, 4000, from, 400));
    CHECK(cuMemcpyAtoA(two, 0, one, 4000, 8000));
    CHECK(cuMemcpyAtoD(memory, one, 0, bytes));
    CHECK(cuMemcpyDtoA(two, 8000, memory + 8000, bytes - 8000));
    CHECK(cuMemcpyAtoH(to, two, 0, bytes));
    memcpy(from + 4000, from, 400);
    int ok = memcmp(to, from + 4000, 8000) == 0 && memcmp(to + 8000, from + 8000, bytes - 8000) == 0;
    memcpy(pinned, from, bytes);
    CHECK(cuMemcpyHtoAAsync(two, 0, pinned, bytes, stream));
    CHECK(cuStreamSynchronize(stream));
    memset(pinned, 0, bytes);
    CHECK(cuMemcpyAtoHAsync(pinned, two, 400, bytes - 400, stream));
    CHECK(cuStreamSynchronize(stream));
    ok = ok && memcmp(pinned, from + 400, bytes - 400) == 0;
    expect(ok, "bytes of lines");
    CHECK(cuMemFreeHost(pinned));
    CHECK(cuMemFree(memory));
    CHECK(cuArrayDestroy(one));
    CHECK(cuArrayDestroy(two));
    free(from), free(to);
}

static void descriptions(void) {
    CUarray array = make(20, 10, 4, CU_AD_FORMAT_HALF, 2, CUDA_ARRAY3D_LAYERED | CUDA_ARRAY3D_SURFACE_LDST);
    CUDA_ARRAY3D_DESCRIPTOR all;
    CUDA_ARRAY_DESCRIPTOR plane, how = {8, 6, CU_AD_FORMAT_SIGNED_INT16, 4};
    CHECK(cuArray3DGetDescriptor(&all, array));
    expect(all.Width == 20 && all.Height == 10 && all.Depth == 4 && all.Format == CU_AD_FORMAT_HALF && all.NumChannels == 2 &&
               all.Flags == (CUDA_ARRAY3D_LAYERED | CUDA_ARRAY3D_SURFACE_LDST), "what layers say of themselves");
    CUDA_RESOURCE_DESC resource, found;
    memset(&resource, 0, sizeof resource);
    memset(&found, 0xEE, sizeof found);
    resource.resType = CU_RESOURCE_TYPE_ARRAY;
    resource.res.array.hArray = array;
    CUDA_TEXTURE_DESC settings, seen;
    memset(&settings, 0, sizeof settings);
    settings.addressMode[0] = settings.addressMode[1] = settings.addressMode[2] = CU_TR_ADDRESS_MODE_BORDER;
    settings.filterMode = CU_TR_FILTER_MODE_LINEAR;
    settings.flags = CU_TRSF_NORMALIZED_COORDINATES;
    settings.borderColor[1] = 0.5f;
    CUtexObject texture;
    CUsurfObject surface;
    CHECK(cuTexObjectCreate(&texture, &resource, &settings, NULL));
    CHECK(cuSurfObjectCreate(&surface, &resource));
    CHECK(cuTexObjectGetResourceDesc(&found, texture));
    expect(found.resType == CU_RESOURCE_TYPE_ARRAY && found.res.array.hArray == array, "the array of a texture");
    memset(&found, 0xEE, sizeof found);
    CHECK(cuSurfObjectGetResourceDesc(&found, surface));
    expect(found.resType == CU_RESOURCE_TYPE_ARRAY && found.res.array.hArray == array, "the array of a surface");
    CHECK(cuTexObjectGetTextureDesc(&seen, texture));
    expect(seen.addressMode[1] == CU_TR_ADDRESS_MODE_BORDER && seen.filterMode == CU_TR_FILTER_MODE_LINEAR &&
               seen.flags == CU_TRSF_NORMALIZED_COORDINATES && seen.borderColor[1] == 0.5f, "the settings of a texture");
    CHECK(cuTexObjectDestroy(texture));
    CHECK(cuSurfObjectDestroy(surface));
    CHECK(cuArrayDestroy(array));
    CHECK(cuArrayCreate(&array, &how));
    CHECK(cuArrayGetDescriptor(&plane, array));
    expect(plane.Width == 8 && plane.Height == 6 && plane.Format == CU_AD_FORMAT_SIGNED_INT16 && plane.NumChannels == 4,
           "what a plane says of itself");
    CHECK(cuArrayDestroy(array));
}

/// What is destroyed is there again.
static void again(void) {
    for (int i = 0; i < 500; i++) {
        CUarray array = make(512, 512, 16, CU_AD_FORMAT_FLOAT, 4, 0);
        CHECK(cuArrayDestroy(array));
    }
    expect(1, "500 times 64 MiB");
}

int main(void) {
    CHECK(cuInit(0));
    CUcontext context = make_context(0);
    CUstream stream;
    CHECK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    shapes(stream);
    parts(stream);
    on_the_gpu(stream);
    lines(stream);
    descriptions();
    again();
    CHECK(cuStreamDestroy(stream));
    CHECK(cuCtxDestroy(context));
    return finish();
}
