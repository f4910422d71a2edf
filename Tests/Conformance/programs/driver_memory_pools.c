// Memory pools, and memory that is taken and given back in the order of a stream.
#include "driver.h"
#include "driver_kernels.h"

enum { MIB = 1 << 20, N = 1 << 18 };
static CUdevice device;
static CUmodule module;

static CUmemPoolProps properties(void) {
    CUmemPoolProps p;
    memset(&p, 0, sizeof p);
    p.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
    p.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    p.location.id = device;
    return p;
}

static cuuint64_t number(CUmemoryPool pool, CUmemPool_attribute attribute) {
    cuuint64_t value = 0;
    CHECK(cuMemPoolGetAttribute(pool, attribute, &value));
    return value;
}

static void keep(CUmemoryPool pool, cuuint64_t bytes) {
    CHECK(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &bytes));
}

/// Whether memory holds one value all over.
static int holds(CUdeviceptr address, unsigned value, size_t count) {
    unsigned *host = malloc(count * 4);
    CHECK(cuMemcpyDtoH(host, address, count * 4));
    int equal = 1;
    for (size_t i = 0; i < count; i++) equal &= host[i] == value;
    free(host);
    return equal;
}

static void current_pool(void) {
    CUmemoryPool standard, current, own;
    CUmemPoolProps p = properties();
    CHECK(cuDeviceGetDefaultMemPool(&standard, device));
    CHECK(cuDeviceGetMemPool(&current, device));
    expect(standard != NULL && standard == current, "a device begins with its own pool");
    CHECK(cuMemPoolCreate(&own, &p));
    expect(own != standard, "a new pool is another one");
    CHECK(cuDeviceSetMemPool(device, own));
    CHECK(cuDeviceGetMemPool(&current, device));
    expect(current == own, "it is what it was set to");
    CUdeviceptr address;
    CHECK(cuMemAllocAsync(&address, MIB, NULL));
    CUmemoryPool of = NULL;
    CHECK(cuPointerGetAttribute(&of, CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE, address + 5));
    expect(of == own, "memory comes from the current pool");
    CUdeviceptr base;
    size_t bytes;
    CHECK(cuMemGetAddressRange(&base, &bytes, address + MIB / 2));
    expect(base == address && bytes == MIB, "its range is what was asked for");
    int ordinal = -1;
    CHECK(cuPointerGetAttribute(&ordinal, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, address));
    expect(ordinal == device, "it is the device's");
    CHECK(cuMemPoolDestroy(own));
    CHECK(cuDeviceGetMemPool(&current, device));
    expect(current == standard, "without it the device uses its own again");
    CHECK(cuMemsetD32(address, 7, MIB / 4));
    expect(holds(address, 7, MIB / 4), "memory of a destroyed pool can be used");
    CHECK(cuMemFreeAsync(address, NULL));
    CHECK(cuMemFreeAsync(0, NULL));
    CHECK(cuCtxSynchronize());
    CHECK(cuMemAlloc(&address, 256));
    CHECK(cuPointerGetAttribute(&of, CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE, address));
    expect(of == NULL, "other memory is of no pool");
    CHECK(cuMemFree(address));
#if CUDA_VERSION >= 13000
    CUmemLocation place = {CU_MEM_LOCATION_TYPE_DEVICE, {device}};
    CHECK(cuMemGetDefaultMemPool(&own, &place, CU_MEM_ALLOCATION_TYPE_PINNED));
    CHECK(cuMemGetMemPool(&current, &place, CU_MEM_ALLOCATION_TYPE_PINNED));
    expect(own == standard && current == standard, "the pools of a place are those of its device");
    CHECK(cuMemSetMemPool(&place, CU_MEM_ALLOCATION_TYPE_PINNED, standard));
#endif
}

static void attributes(void) {
    CUmemoryPool pool;
    CUmemPoolProps p = properties();
    CHECK(cuMemPoolCreate(&pool, &p));
    for (int i = 1; i <= 3; i++) {
        int value = -1, zero = 0;
        CHECK(cuMemPoolGetAttribute(pool, (CUmemPool_attribute)i, &value));
        printf("attribute %d: %d", i, value);
        CHECK(cuMemPoolSetAttribute(pool, (CUmemPool_attribute)i, &zero));
        CHECK(cuMemPoolGetAttribute(pool, (CUmemPool_attribute)i, &value));
        printf(", then %d\n", value);
    }
    cuuint64_t threshold = number(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD);
    expect(threshold == 0, "a pool keeps nothing at first");
    CUdeviceptr first, second;
    CHECK(cuMemAllocFromPoolAsync(&first, 32 * MIB, pool, NULL));
    CHECK(cuMemAllocFromPoolAsync(&second, 32 * MIB, pool, NULL));
    expect(number(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT) == 64 * MIB, "what is used is counted");
    expect(number(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT) >= 64 * MIB, "and reserved");
    CHECK(cuMemFreeAsync(first, NULL));
    CHECK(cuMemFreeAsync(second, NULL));
    CHECK(cuStreamSynchronize(NULL));
    expect(number(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT) == 0, "nothing is used after a wait");
    expect(number(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT) == 0, "and nothing kept");
    expect(number(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH) == 64 * MIB, "the most is remembered");
    cuuint64_t zero = 0, one = 1;
    CHECK(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH, &zero));
    expect(number(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH) == 0, "until it is forgotten");
    SHOW(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH, &one));
    SHOW(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT, &zero));
    keep(pool, ~0ull);
    CHECK(cuMemAllocFromPoolAsync(&first, 64 * MIB, pool, NULL));
    CHECK(cuMemFreeAsync(first, NULL));
    CHECK(cuCtxSynchronize());
    expect(number(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT) >= 64 * MIB, "a pool keeps as much as it is to");
    CHECK(cuMemPoolTrimTo(pool, 0));
    expect(number(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT) == 0, "until it is trimmed");
    CUmemLocation place;
    memset(&place, 0, sizeof place);
    place.type = CU_MEM_LOCATION_TYPE_DEVICE;
    place.id = device;
    CUmemAccess_flags flags = CU_MEM_ACCESS_FLAGS_PROT_NONE;
    CHECK(cuMemPoolGetAccess(&flags, pool, &place));
    expect(flags == CU_MEM_ACCESS_FLAGS_PROT_READWRITE, "its device may read and write it");
    CUmemAccessDesc access = {place, CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
    CHECK(cuMemPoolSetAccess(pool, &access, 1));
    CHECK(cuMemPoolDestroy(pool));
}

/// Memory goes from stream to stream while there is work that uses it.
static void in_order(void) {
    CUstream streams[2];
    CUdeviceptr a, b, c;
    CHECK(cuStreamCreate(&streams[0], CU_STREAM_NON_BLOCKING));
    CHECK(cuStreamCreate(&streams[1], CU_STREAM_NON_BLOCKING));
    int equal = 1;
    for (unsigned round = 0; round < 50; round++) {
        CHECK(cuMemAllocAsync(&a, N * 4, streams[0]));
        for (int i = 0; i < 20; i++) CHECK(cuMemsetD32Async(a, round, N, streams[0]));
        CHECK(cuMemFreeAsync(a, streams[0]));
        // Not the same memory, or only when the first stream is done with it.
        CHECK(cuMemAllocAsync(&b, N * 4, streams[1]));
        CHECK(cuMemsetD32Async(b, ~round, N, streams[1]));
        // The same memory, behind the work that was there.
        CHECK(cuMemAllocAsync(&c, N * 4, streams[0]));
        CHECK(cuMemsetD32Async(c, round + 1000, N, streams[0]));
        CHECK(cuStreamSynchronize(streams[0]));
        CHECK(cuStreamSynchronize(streams[1]));
        equal &= b != c && holds(b, ~round, N) && holds(c, round + 1000, N);
        CHECK(cuMemFreeAsync(b, streams[1]));
        CHECK(cuMemFreeAsync(c, streams[0]));
    }
    expect(equal, "nobody gets memory that work of another stream still uses");
    CHECK(cuMemAllocAsync(&a, N * 4, streams[0]));
    CHECK(cuMemFreeAsync(a, streams[0]));
    CHECK(cuStreamDestroy(streams[0]));
    CHECK(cuStreamDestroy(streams[1]));
    CHECK(cuMemAllocAsync(&a, N * 4, NULL));
    CHECK(cuMemsetD32(a, 9, N));
    expect(holds(a, 9, N), "memory goes on when its stream is gone");
    CHECK(cuMemFree(a));
    CHECK(cuMemAlloc(&a, N * 4));
    CHECK(cuMemFreeAsync(a, NULL));
    SHOW(cuMemFree(a));
}

static void kernel(void) {
    CUstream stream;
    CUfunction scale_add;
    CUdeviceptr from, to;
    enum { n = 4096 };
    static float in[n], out[n];
    for (int i = 0; i < n; i++) in[i] = (float)i;
    CHECK(cuModuleGetFunction(&scale_add, module, "scale_add"));
    CHECK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    int equal = 1;
    for (int round = 0; round < 20; round++) {
        CHECK(cuMemAllocAsync(&from, sizeof in, stream));
        CHECK(cuMemAllocAsync(&to, sizeof out, stream));
        float factor = (float)round;
        int count = n;
        void *arguments[] = {&to, &from, &factor, &count};
        CHECK(cuMemcpyHtoDAsync(from, in, sizeof in, stream));
        CHECK(cuLaunchKernel(scale_add, n / 256, 1, 1, 256, 1, 1, 0, stream, arguments, NULL));
        CHECK(cuMemcpyDtoHAsync(out, to, sizeof out, stream));
        CHECK(cuMemFreeAsync(from, stream));
        CHECK(cuMemFreeAsync(to, stream));
        CHECK(cuStreamSynchronize(stream));
        for (int i = 0; i < n; i++) equal &= out[i] == round * in[i] + 1;
    }
    expect(equal, "kernels use it");
    CHECK(cuStreamDestroy(stream));
}

/// Memory of pools is of no context.
static void contexts(CUcontext first) {
    CUcontext second = make_context(device);
    CUstream stream;
    CUdeviceptr address;
    CHECK(cuStreamCreate(&stream, CU_STREAM_DEFAULT));
    CHECK(cuMemAllocAsync(&address, N * 4, stream));
    CHECK(cuMemsetD32Async(address, 5, N, stream));
    CHECK(cuStreamSynchronize(stream));
    CHECK(cuCtxDestroy(second));
    CHECK(cuCtxSetCurrent(first));
    expect(holds(address, 5, N), "memory of a pool outlives a context");
    CHECK(cuMemFreeAsync(address, NULL));
    CHECK(cuCtxSetCurrent(NULL));
    SHOW(cuMemAllocAsync(&address, 16, NULL));
    CHECK(cuCtxSetCurrent(first));
}

static void errors(void) {
    CUmemoryPool standard, pool, gone;
    CUmemPoolProps p = properties();
    CUdeviceptr address;
    int value = 0;
    CHECK(cuDeviceGetDefaultMemPool(&standard, device));
    SHOW(cuMemPoolDestroy(standard));
    SHOW(cuMemPoolDestroy(NULL));
    SHOW(cuMemPoolCreate(NULL, &p));
    SHOW(cuMemPoolCreate(&pool, NULL));
    p.location.id = 99;
    SHOW(cuMemPoolCreate(&pool, &p));
    p = properties();
    p.allocType = CU_MEM_ALLOCATION_TYPE_INVALID;
    SHOW(cuMemPoolCreate(&pool, &p));
    p = properties();
    CHECK(cuMemPoolCreate(&gone, &p));
    CHECK(cuMemPoolDestroy(gone));
    SHOW(cuMemAllocFromPoolAsync(&address, 16, gone, NULL));
    SHOW(cuMemPoolTrimTo(gone, 0));
    SHOW(cuDeviceSetMemPool(device, gone));
    SHOW(cuDeviceSetMemPool(device, NULL));
    SHOW(cuDeviceGetMemPool(&pool, 99));
    SHOW(cuMemPoolGetAttribute(standard, (CUmemPool_attribute)0, &value));
    SHOW(cuMemPoolGetAttribute(standard, CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC, NULL));
    SHOW(cuMemAllocAsync(&address, 0, NULL));
    SHOW(cuMemAllocAsync(NULL, 16, NULL));
    SHOW(cuMemAllocAsync(&address, (size_t)1 << 46, NULL));
    SHOW(cuMemFreeAsync(12345, NULL));
    CHECK(cuMemAllocAsync(&address, 4096, NULL));
    CHECK(cuMemFreeAsync(address, NULL));
    SHOW(cuMemFreeAsync(address, NULL));
    CHECK(cuCtxSynchronize());
}

int main(void) {
    CHECK(cuInit(0));
    CHECK(cuDeviceGet(&device, 0));
    CUcontext context = make_context(device);
    CHECK(cuModuleLoadData(&module, kernels_ptx));
    int supported = 0;
    CHECK(cuDeviceGetAttribute(&supported, CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, device));
    printf("memory pools: %d\n", supported);
    current_pool();
    attributes();
    in_order();
    kernel();
    contexts(context);
    errors();
    CHECK(cuCtxDestroy(context));
    return finish();
}
