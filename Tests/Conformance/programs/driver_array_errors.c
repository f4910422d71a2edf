// What is wrong with calls about arrays, textures and surfaces, and what the driver says to it.
#include "driver.h"

static CUDA_ARRAY3D_DESCRIPTOR shape(size_t w, size_t h, size_t d, int format, unsigned channels, unsigned flags) {
    CUDA_ARRAY3D_DESCRIPTOR how = {w, h, d, (CUarray_format)format, channels, flags};
    return how;
}

static void creating(void) {
    CUarray array;
    CUDA_ARRAY3D_DESCRIPTOR all[] = {
        shape(0, 4, 0, CU_AD_FORMAT_FLOAT, 1, 0),       shape(4, 4, 0, 0x77, 1, 0),
        shape(4, 4, 0, 7, 1, 0),                         shape(4, 4, 0, CU_AD_FORMAT_FLOAT, 3, 0),
        shape(4, 4, 0, CU_AD_FORMAT_FLOAT, 0, 0),        shape(4, 0, 4, CU_AD_FORMAT_FLOAT, 1, 0),
        shape(4, 4, 0, CU_AD_FORMAT_FLOAT, 1, 1),        shape(4, 5, 6, CU_AD_FORMAT_FLOAT, 1, 4),
        shape((size_t)-1, 4, 0, CU_AD_FORMAT_FLOAT, 1, 0), shape(4, (size_t)1 << 60, 0, CU_AD_FORMAT_FLOAT, 1, 0),
        shape(1 << 17, 1 << 17, 1 << 14, CU_AD_FORMAT_FLOAT, 4, 0),
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) SHOW(cuArray3DCreate(&array, &all[i]));
    SHOW(cuArray3DCreate(NULL, &all[0]));
    SHOW(cuArray3DCreate(&array, NULL));
    SHOW(cuArrayCreate(&array, NULL));
    CUDA_ARRAY_DESCRIPTOR plane = {0, 0, CU_AD_FORMAT_FLOAT, 1};
    SHOW(cuArrayCreate(&array, &plane));
    SHOW(cuArrayDestroy(NULL));
}

static void copying(CUarray array, CUarray gone, CUstream stream) {
    static unsigned char memory[4096];
    CUDA_MEMCPY3D copy;
    memset(&copy, 0, sizeof copy);
    copy.srcMemoryType = CU_MEMORYTYPE_HOST, copy.srcHost = memory, copy.srcPitch = 64, copy.srcHeight = 8;
    copy.dstMemoryType = CU_MEMORYTYPE_ARRAY, copy.dstArray = array;
    copy.WidthInBytes = 64, copy.Height = 8, copy.Depth = 1;
    SHOW(cuMemcpy3D(&copy));
    SHOW(cuMemcpy3D(NULL));
    CUDA_MEMCPY3D bad = copy;
    bad.dstArray = gone;
    SHOW(cuMemcpy3D(&bad));
    SHOW(cuMemcpy3DAsync(&bad, stream));
    bad.WidthInBytes = 0;
    SHOW(cuMemcpy3D(&bad));
    bad = copy, bad.dstArray = NULL;
    SHOW(cuMemcpy3D(&bad));
    bad = copy, bad.dstXInBytes = 4;
    SHOW(cuMemcpy3D(&bad));
    bad = copy, bad.dstY = 1;
    SHOW(cuMemcpy3DAsync(&bad, stream));
    bad = copy, bad.dstZ = 1;
    SHOW(cuMemcpy3D(&bad));
    bad = copy, bad.dstZ = (size_t)-1;
    SHOW(cuMemcpy3D(&bad));
    bad = copy, bad.srcPitch = 60;
    SHOW(cuMemcpy3D(&bad));
    bad = copy, bad.srcHost = NULL;
    SHOW(cuMemcpy3D(&bad));
    bad = copy, bad.WidthInBytes = (size_t)1 << 62;
    SHOW(cuMemcpy3D(&bad));
    bad = copy, bad.srcMemoryType = (CUmemorytype)9;
    SHOW(cuMemcpy3D(&bad));
    bad = copy, bad.srcMemoryType = CU_MEMORYTYPE_DEVICE, bad.srcDevice = (CUdeviceptr)memory;
    SHOW(cuMemcpy3D(&bad));
    SHOW(cuMemcpyHtoA(array, 0, memory, 513));
    SHOW(cuMemcpyHtoA(array, 512, memory, 1));
    SHOW(cuMemcpyHtoA(array, 512, memory, 0));
    SHOW(cuMemcpyHtoA(gone, 0, memory, 4));
    SHOW(cuMemcpyHtoA(array, 0, NULL, 4));
    SHOW(cuMemcpyAtoH(memory, array, (size_t)-4, 4));
    SHOW(cuMemcpyAtoH(memory, gone, 0, 4));
    SHOW(cuMemcpyAtoA(array, 0, gone, 0, 4));
    SHOW(cuMemcpyAtoA(array, 508, array, 0, 8));
    SHOW(cuMemcpyDtoA(array, 0, (CUdeviceptr)memory, 4));
    SHOW(cuMemcpyAtoD((CUdeviceptr)memory, array, 0, 4));
}

static void objects(CUarray array, CUarray gone) {
    CUtexObject texture = 0;
    CUsurfObject surface = 0;
    CUDA_RESOURCE_DESC resource;
    CUDA_TEXTURE_DESC how;
    CUDA_RESOURCE_VIEW_DESC view;
    memset(&resource, 0, sizeof resource);
    memset(&how, 0, sizeof how);
    resource.resType = CU_RESOURCE_TYPE_ARRAY;
    resource.res.array.hArray = array;
    SHOW(cuTexObjectCreate(NULL, &resource, &how, NULL));
    SHOW(cuTexObjectCreate(&texture, NULL, &how, NULL));
    SHOW(cuTexObjectCreate(&texture, &resource, NULL, NULL));
    SHOW(cuSurfObjectCreate(&surface, &resource));
    resource.res.array.hArray = gone;
    SHOW(cuTexObjectCreate(&texture, &resource, &how, NULL));
    SHOW(cuSurfObjectCreate(&surface, &resource));
    resource.res.array.hArray = array;
    how.filterMode = (CUfilter_mode)9;
    SHOW(cuTexObjectCreate(&texture, &resource, &how, NULL));
    how.filterMode = CU_TR_FILTER_MODE_POINT;
    resource.flags = 1;
    SHOW(cuTexObjectCreate(&texture, &resource, &how, NULL));
    resource.flags = 0;
    resource.resType = (CUresourcetype)17;
    SHOW(cuTexObjectCreate(&texture, &resource, &how, NULL));
    memset(&resource, 0, sizeof resource);
    resource.resType = CU_RESOURCE_TYPE_LINEAR;
    resource.res.linear.devPtr = (CUdeviceptr)&resource;
    resource.res.linear.format = CU_AD_FORMAT_FLOAT;
    resource.res.linear.numChannels = 1;
    resource.res.linear.sizeInBytes = 64;
    SHOW(cuTexObjectCreate(&texture, &resource, &how, NULL));
    CHECK(cuMemAlloc(&resource.res.linear.devPtr, 64));
    // More than the memory behind it, as NVIDIA's sample convolutionFFT2D has it: what is not there is not looked at.
    resource.res.linear.sizeInBytes = 65536 * 64;
    SHOW(cuTexObjectCreate(&texture, &resource, &how, NULL));
    resource.res.linear.sizeInBytes = 0;
    SHOW(cuTexObjectCreate(&texture, &resource, &how, NULL));
    resource.res.linear.sizeInBytes = 64;
    resource.res.linear.numChannels = 3;
    SHOW(cuTexObjectCreate(&texture, &resource, &how, NULL));
    resource.res.linear.numChannels = 1;
    SHOW(cuTexObjectCreate(&texture, &resource, &how, NULL));
    SHOW(cuTexObjectGetResourceViewDesc(&view, texture));
    SHOW(cuTexObjectGetResourceDesc(NULL, texture));
    SHOW(cuTexObjectGetTextureDesc(&how, texture + 1));
    SHOW(cuSurfObjectGetResourceDesc(&resource, texture));
    SHOW(cuSurfObjectDestroy(texture));
    SHOW(cuTexObjectDestroy(texture));
    SHOW(cuTexObjectDestroy(texture));
    SHOW(cuTexObjectDestroy(0));
    SHOW(cuTexObjectGetResourceDesc(&resource, texture));
    size_t width = 0;
    SHOW(cuDeviceGetTexture1DLinearMaxWidth(&width, CU_AD_FORMAT_FLOAT, 4, 0));
    expect(width >= 1 << 20, "a width");
    SHOW(cuDeviceGetTexture1DLinearMaxWidth(&width, CU_AD_FORMAT_FLOAT, 4, 77));
}

/// Arrays and textures go with their context.
static void contexts(CUarray array) {
    CUDA_ARRAY3D_DESCRIPTOR how = shape(16, 16, 0, CU_AD_FORMAT_FLOAT, 1, 0), found;
    CUcontext primary, other = make_context(0);
    CUarray gone;
    CHECK(cuArray3DCreate(&gone, &how));
    CHECK(cuArray3DGetDescriptor(&found, gone));
    CHECK(cuCtxDestroy(other));
    SHOW(cuArray3DGetDescriptor(&found, gone));
    SHOW(cuArrayDestroy(gone));
    CHECK(cuArray3DGetDescriptor(&found, array));
    CHECK(cuDevicePrimaryCtxRetain(&primary, 0));
    CHECK(cuCtxPushCurrent(primary));
    CHECK(cuArray3DCreate(&gone, &how));
    CHECK(cuCtxPopCurrent(NULL));
    CHECK(cuDevicePrimaryCtxReset(0));
    SHOW(cuArrayDestroy(gone));
}

int main(void) {
    CHECK(cuInit(0));
    CUarray array, gone;
    CUDA_ARRAY3D_DESCRIPTOR how = shape(16, 8, 0, CU_AD_FORMAT_UNSIGNED_INT32, 1, 0), found;
    SHOW(cuArray3DCreate(&array, &how));
    CUcontext context = make_context(0);
    CUstream stream;
    CHECK(cuStreamCreate(&stream, 0));
    creating();
    CHECK(cuArray3DCreate(&array, &how));
    CHECK(cuArray3DCreate(&gone, &how));
    CHECK(cuArrayDestroy(gone));
    SHOW(cuArrayDestroy(gone));
    SHOW(cuArray3DGetDescriptor(&found, gone));
    SHOW(cuArray3DGetDescriptor(NULL, array));
    copying(array, gone, stream);
    objects(array, gone);
    contexts(array);
    CHECK(cuCtxSynchronize());
    CHECK(cuArrayDestroy(array));
    CHECK(cuCtxDestroy(context));
    return finish();
}
