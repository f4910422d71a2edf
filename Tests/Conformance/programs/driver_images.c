// Loads the fatbin files that it is given, and then hundreds of damaged copies of each: every one is either
// refused with an error or good, and what is loaded afterwards works.
#include "driver.h"

#include <stdint.h>

enum { room = 4 << 20 };

static unsigned char *good, *damaged;
static size_t length;

static void restore(void) {
    memset(damaged, 0, room);
    memcpy(damaged, good, length);
}

static int runs(const void *image) {
    CUmodule module;
    CUfunction function;
    CUdeviceptr out;
    int line[32], x = 1000, equal = 1;
    CHECK(cuModuleLoadData(&module, image));
    CHECK(cuModuleGetFunction(&function, module, "answer"));
    CHECK(cuMemAlloc(&out, sizeof line));
    void *parameters[] = {&out, &x};
    CHECK(cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, NULL, parameters, NULL));
    CHECK(cuMemcpyDtoH(line, out, sizeof line));
    CHECK(cuMemFree(out));
    CHECK(cuModuleUnload(module));
    for (int i = 0; i < 32; i++) equal = equal && line[i] == x + i;
    return equal;
}

/// Loads the damaged image; what loads in spite of its damage is unloaded again.
static CUresult load(void) {
    CUmodule module;
    CUresult result = cuModuleLoadData(&module, damaged);
    if (result == CUDA_SUCCESS) CHECK(cuModuleUnload(module));
    return result;
}

static void put(size_t at, const void *value, size_t size) {
    restore();
    memcpy(damaged + at, value, size);
}

static void damage(void) {
    uint64_t huge = (uint64_t)1 << 62, nothing = 0, half, all = 0;
    uint32_t wide = 0xFFFFFFF0u, none = 0;
    memcpy(&all, good + 8, sizeof all);
    half = all / 2;
    restore();
    damaged[0] ^= 0xFF;
    SHOW(load());
    put(8, &huge, 8);
    expect(load() != CUDA_SUCCESS, "entries of 2^62 bytes");
    put(8, &nothing, 8);
    expect(load() != CUDA_SUCCESS, "no entry");
    put(8, &half, 8);
    expect(load() != CUDA_SUCCESS, "half of the entry");
    put(16 + 4, &wide, 4);
    expect(load() != CUDA_SUCCESS, "header of an entry of 4 GiB");
    put(16 + 4, &none, 4);
    expect(load() != CUDA_SUCCESS, "header of an entry of no bytes");
    put(16 + 8, &huge, 8);
    expect(load() != CUDA_SUCCESS, "payload of 2^62 bytes");

    // Every byte of the headers but the sizes just tried, and a byte now and then of the payload.
    int loaded = 0, refused = 0;
    for (size_t at = 0; at < length; at += at < 96 ? 1 : 7) {
        if (at >= 8 && at < 16) continue;
        if (at >= 20 && at < 32) continue;
        for (int bit = 0; bit < 8; bit += 3) {
            restore();
            damaged[at] ^= (unsigned char)(1 << bit);
            if (load() == CUDA_SUCCESS) loaded++; else refused++;
        }
    }
    expect(refused > 0 && loaded > 0, "single bits");
    restore();
    for (size_t at = 16; at < length; at++) damaged[at] = (unsigned char)(at * 2654435761u >> 13);
    expect(load() != CUDA_SUCCESS, "noise");
}

int main(int argc, char **argv) {
    CUdevice device;
    CUcontext context;
    CHECK(cuInit(0));
    CHECK(cuDeviceGet(&device, 0));
    CHECK(cuDevicePrimaryCtxRetain(&context, device));
    CHECK(cuCtxSetCurrent(context));
    good = calloc(1, room), damaged = calloc(1, room);
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file) return 2;
        memset(good, 0, room);
        length = fread(good, 1, room / 2, file);
        fclose(file);
        printf("image %d\n", i);
        expect(runs(good), "whole");
        CUmodule module;
        CHECK(cuModuleLoad(&module, argv[i]));
        CHECK(cuModuleUnload(module));
        damage();
        expect(runs(good), "whole again");
    }
    return finish();
}
