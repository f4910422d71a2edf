// Virtual memory management: addresses are reserved, and get memory piece by piece.
#include "driver.h"
#include "driver_kernels.h"

static CUdevice device;
static size_t page;

static CUmemAllocationProp properties(void) {
    CUmemAllocationProp p;
    memset(&p, 0, sizeof p);
    p.type = CU_MEM_ALLOCATION_TYPE_PINNED;
    p.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    p.location.id = device;
    return p;
}

static void allow(CUdeviceptr address, size_t bytes) {
    CUmemAccessDesc access;
    memset(&access, 0, sizeof access);
    access.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    access.location.id = device;
    access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
    CHECK(cuMemSetAccess(address, bytes, &access, 1));
}

static size_t free_memory(void) {
    size_t left, total;
    CHECK(cuMemGetInfo(&left, &total));
    return left;
}

/// A kernel that reads and writes over the border of two mappings.
static void kernel_across(CUdeviceptr address) {
    CUmodule module;
    CUfunction scale_add;
    CHECK(cuModuleLoadData(&module, kernels_ptx));
    CHECK(cuModuleGetFunction(&scale_add, module, "scale_add"));
    enum { n = 4096 };
    static float in[n], out[n];
    for (int i = 0; i < n; i++) in[i] = (float)i;
    CUdeviceptr from = address + page - n * 2, to = address + 2 * page - n * 2;
    float factor = 2;
    int count = n;
    void *arguments[] = {&to, &from, &factor, &count};
    CHECK(cuMemcpyHtoD(from, in, sizeof in));
    CHECK(cuLaunchKernel(scale_add, n / 256, 1, 1, 256, 1, 1, 0, NULL, arguments, NULL));
    CHECK(cuMemcpyDtoH(out, to, sizeof out));
    int equal = 1;
    for (int i = 0; i < n; i++) equal &= out[i] == 2 * in[i] + 1;
    expect(equal, "a kernel reads and writes over the borders of mappings");
    CHECK(cuModuleUnload(module));
}

/// As PyTorch's expandable segments do: much is reserved, memory is mapped behind what there is.
static void growing(void) {
    CUmemAllocationProp p = properties();
    CUmemGenericAllocationHandle handles[3];
    CUdeviceptr base;
    size_t before = free_memory(), all = 256 * page;
    CHECK(cuMemAddressReserve(&base, all, 0, 0, 0));
    expect(base != 0 && base % page == 0, "reserved addresses begin at a page");
    expect(before == free_memory(), "addresses take no memory");
    for (int i = 0; i < 3; i++) {
        CHECK(cuMemCreate(&handles[i], page, &p, 0));
        CHECK(cuMemMap(base + i * page, page, 0, handles[i], 0));
        allow(base + i * page, page);
    }
    expect(before - free_memory() >= 3 * page, "memory that was made is taken");
    CHECK(cuMemsetD32(base, 0x01020304, 3 * page / 4));
    unsigned *host = malloc(3 * page);
    CHECK(cuMemcpyDtoH(host, base, 3 * page));
    int equal = 1;
    for (size_t i = 0; i < 3 * page / 4; i++) equal &= host[i] == 0x01020304;
    expect(equal, "a copy over three mappings");
    kernel_across(base);
    CUdeviceptr start;
    size_t bytes;
    CHECK(cuMemGetAddressRange(&start, &bytes, base + page + 5));
    expect(start == base + page && bytes == page, "the range of an address is its mapping");
    unsigned type = 0;
    CHECK(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, base + 2 * page));
    expect(type == CU_MEMORYTYPE_DEVICE, "mapped memory is the GPU's");
    unsigned long long access = 0;
    CHECK(cuMemGetAccess(&access, &p.location, base));
    expect(access == CU_MEM_ACCESS_FLAGS_PROT_READWRITE, "access of a mapping");
    CUmemGenericAllocationHandle again;
    CHECK(cuMemRetainAllocationHandle(&again, (void *)(base + page)));
    CUmemAllocationProp found;
    CHECK(cuMemGetAllocationPropertiesFromHandle(&found, again));
    expect(found.type == p.type && found.location.type == p.location.type &&
               found.location.id == p.location.id,
           "properties of a handle");
    CHECK(cuMemRelease(again));
    // It is the handle of before, to be released as often as it was given out; NCCL gives memory back so.
    CHECK(cuMemRetainAllocationHandle(&again, (void *)(base + page)));
    expect(again == handles[1], "the handle of what is mapped is the one that there was");
    CHECK(cuMemRelease(again));
    // Memory stays as long as it is mapped.
    for (int i = 0; i < 3; i++) CHECK(cuMemRelease(handles[i]));
    expect(before - free_memory() >= 3 * page, "released memory stays while it is mapped");
    CHECK(cuMemcpyDtoH(host, base + 2 * page, page));
    CHECK(cuMemUnmap(base + 2 * page, page));
    SHOW(cuMemcpyDtoH(host, base + 2 * page, 16));
    SHOW(cuMemcpyDtoH(host, base + page, page + 16));
    CHECK(cuMemUnmap(base, 2 * page));
    CHECK(cuMemAddressFree(base, all));
    expect(before == free_memory(), "all memory is free again");
    free(host);
}

/// The same memory at two addresses.
static void twice(void) {
    CUmemAllocationProp p = properties();
    CUmemGenericAllocationHandle handle;
    CUdeviceptr base;
    CHECK(cuMemAddressReserve(&base, 4 * page, 0, 0, 0));
    CHECK(cuMemCreate(&handle, 2 * page, &p, 0));
    CHECK(cuMemMap(base, 2 * page, 0, handle, 0));
    CHECK(cuMemMap(base + 2 * page, 2 * page, 0, handle, 0));
    allow(base, 4 * page);
    CHECK(cuMemsetD8(base, 7, 2 * page));
    CHECK(cuMemsetD8(base + 3 * page, 9, page));
    unsigned char bytes[2];
    CHECK(cuMemcpyDtoH(&bytes[0], base + 2 * page, 1));
    CHECK(cuMemcpyDtoH(&bytes[1], base + page + 3, 1));
    expect(bytes[0] == 7 && bytes[1] == 9, "the same memory at two addresses");
    CHECK(cuMemUnmap(base, 4 * page));
    CHECK(cuMemRelease(handle));
    CHECK(cuMemAddressFree(base, 4 * page));
}

static void errors(void) {
    CUmemAllocationProp p = properties();
    CUmemGenericAllocationHandle handle;
    CUdeviceptr base;
    SHOW(cuMemAddressReserve(&base, 0, 0, 0, 0));
    SHOW(cuMemAddressReserve(&base, page + 1, 0, 0, 0));
    SHOW(cuMemCreate(&handle, page + 1, &p, 0));
    SHOW(cuMemCreate(&handle, (size_t)1 << 46, &p, 0));
    CHECK(cuMemAddressReserve(&base, 2 * page, 0, 0, 0));
    CHECK(cuMemCreate(&handle, page, &p, 0));
    SHOW(cuMemMap(base, 2 * page, 0, handle, 0));
    SHOW(cuMemMap(base, page, page, handle, 0));
    SHOW(cuMemMap(base, page, 0, handle + 12345, 0));
    SHOW(cuMemUnmap(base, page));
    CHECK(cuMemMap(base, page, 0, handle, 0));
    SHOW(cuMemMap(base, page, 0, handle, 0));
    SHOW(cuMemAddressFree(base, 2 * page));
    SHOW(cuMemFree(base));
    CHECK(cuMemUnmap(base, page));
    CHECK(cuMemRelease(handle));
    SHOW(cuMemRelease(handle));
    CHECK(cuMemAddressFree(base, 2 * page));
}

int main(void) {
    CHECK(cuInit(0));
    CHECK(cuDeviceGet(&device, 0));
    int has = 0;
    CHECK(cuDeviceGetAttribute(&has, CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED, device));
    expect(has, "virtual memory management is there");
    CUcontext context;
    CHECK(cuDevicePrimaryCtxRetain(&context, device));
    CHECK(cuCtxSetCurrent(context));
    CUmemAllocationProp p = properties();
    CHECK(cuMemGetAllocationGranularity(&page, &p, CU_MEM_ALLOC_GRANULARITY_MINIMUM));
    expect(page >= 4096 && (page & (page - 1)) == 0, "granularity");
    growing();
    twice();
    errors();
    CHECK(cuDevicePrimaryCtxRelease(device));
    return finish();
}
