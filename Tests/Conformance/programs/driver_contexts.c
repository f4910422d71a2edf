// Contexts, streams, events and memory by the driver API.
#include "driver.h"

#include <pthread.h>

// Of cudaProfiler.h, which not every toolkit brings.
extern CUresult cuProfilerStart(void);
extern CUresult cuProfilerStop(void);

// What samples made for CUDA 13 hand over: parameters that ask for nothing.
static void parameters(CUdevice device) {
    CUcontext made = NULL, popped = NULL;
    CUctxCreateParams asked = {0};
    CHECK(cuCtxCreate_v4(&made, &asked, 0, device));
    CUdeviceptr p;
    CHECK(cuMemAlloc(&p, 16));
    CHECK(cuMemFree(p));
    CHECK(cuCtxPopCurrent(&popped));
    expect(popped == made && made != NULL, "made with parameters that are all zero");
    CHECK(cuCtxDestroy(made));
    asked.numExecAffinityParams = 1;
    expect(cuCtxCreate_v4(&made, &asked, 0, device) == CUDA_ERROR_INVALID_VALUE, "a number of affinities without an array");
}

static void profiler(CUdevice device) {
    expect(cuProfilerStart() == CUDA_ERROR_INVALID_CONTEXT, "no context to profile");
    CUcontext context = make_context(device);
    CHECK(cuProfilerStart());
    CHECK(cuProfilerStart());
    CHECK(cuProfilerStop());
    CHECK(cuProfilerStop());
    CHECK(cuCtxDestroy(context));
}

static void contexts(CUdevice device) {
    CUcontext current = (CUcontext)1, first, second, popped;
    CUdevice which = 99;
    unsigned flags, version = 0;
    int active = -1;
    CHECK(cuCtxGetCurrent(&current));
    expect(current == NULL, "no context at first");
    SHOW(cuCtxGetDevice(&which));
    SHOW(cuCtxSynchronize());
    CUdeviceptr p;
    SHOW(cuMemAlloc(&p, 16));
    CHECK(cuDevicePrimaryCtxGetState(device, &flags, &active));
    expect(active == 0, "the primary context is inactive");
    first = make_context(device);
    second = make_context(device);
    CHECK(cuCtxGetCurrent(&current));
    expect(current == second && first != second, "a made context is current");
    CHECK(cuCtxPopCurrent(&popped));
    expect(popped == second, "popped");
    CHECK(cuCtxGetCurrent(&current));
    expect(current == first, "the one below is current again");
    CHECK(cuCtxGetApiVersion(first, &version));
    expect(version >= 3010, "version of a context");
    CHECK(cuCtxPushCurrent(second));
    CHECK(cuCtxGetDevice(&which));
    expect(which == device, "device of a context");
    CHECK(cuCtxDestroy(second));
    CHECK(cuCtxGetCurrent(&current));
    expect(current == first, "destroyed while current");
    CHECK(cuCtxSetCurrent(NULL));
    SHOW(cuMemAlloc(&p, 16));
    CHECK(cuCtxSetCurrent(first));
    CHECK(cuMemAlloc(&p, 16));
    CHECK(cuCtxDestroy(first));
    CHECK(cuDevicePrimaryCtxRetain(&current, device));
    CHECK(cuDevicePrimaryCtxGetState(device, &flags, &active));
    expect(active == 1, "the primary context is active");
    CHECK(cuCtxSetCurrent(current));
    // A reset destroys the context and releases nothing; what else it means, each driver says for itself.
    CHECK(cuMemAlloc(&p, 16));
    CHECK(cuDevicePrimaryCtxReset(device));
    CHECK(cuDevicePrimaryCtxGetState(device, &flags, &active));
    printf("after a reset the primary context is %s\n", active ? "active" : "inactive");
    SHOW(cuMemAlloc(&p, 16));
    CHECK(cuDevicePrimaryCtxRelease(device));
    SHOW(cuDevicePrimaryCtxRelease(device));
    CHECK(cuDevicePrimaryCtxRetain(&first, device));
    expect(first == current, "its handle is the same ever after");
    CHECK(cuMemAlloc(&p, 16));
    CHECK(cuMemFree(p));
}

static void memory(void) {
    enum { n = 4096 };
    static unsigned char host[n];
    CUdeviceptr a, b, base = 0;
    size_t size = 0, pitch = 0;
    CHECK(cuMemAlloc(&a, n));
    CHECK(cuMemAlloc(&b, n));
    CHECK(cuMemsetD8(a, 0x12, n));
    CHECK(cuMemsetD16(a + 16, 0xABCD, 8));
    CHECK(cuMemsetD32(a + 64, 0x01020304, 4));
    CHECK(cuMemsetD2D8(a + 256, 64, 0x77, 10, 4));
    CHECK(cuMemcpyDtoD(b, a, n));
    CHECK(cuMemcpyDtoH(host, b, n));
    int equal = host[0] == 0x12 && host[16] == 0xCD && host[17] == 0xAB && host[31] == 0xAB && host[32] == 0x12
                && host[64] == 4 && host[67] == 1 && host[80] == 0x12;
    for (int row = 0; row < 4; row++)
        equal = equal && host[256 + 64 * row] == 0x77 && host[256 + 64 * row + 9] == 0x77 && host[256 + 64 * row + 10] == 0x12;
    expect(equal, "sets of 8, 16, 32 bits and rows");
    CHECK(cuMemGetAddressRange(&base, &size, a + 100));
    expect(base == a && size == n, "range of an address");
    unsigned kind = 0, ordinal = 99;
    CUcontext context = NULL, current = NULL;
    CUdeviceptr pointer = 0;
    CHECK(cuCtxGetCurrent(&current));
    CHECK(cuPointerGetAttribute(&kind, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, a + 8));
    CHECK(cuPointerGetAttribute(&ordinal, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, a + 8));
    CHECK(cuPointerGetAttribute(&context, CU_POINTER_ATTRIBUTE_CONTEXT, a + 8));
    CHECK(cuPointerGetAttribute(&pointer, CU_POINTER_ATTRIBUTE_DEVICE_POINTER, a + 8));
    expect(kind == CU_MEMORYTYPE_DEVICE && ordinal == 0 && context == current && pointer == a + 8, "attributes of a pointer");
    SHOW(cuPointerGetAttribute(&kind, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, (CUdeviceptr)(size_t)host));
    CHECK(cuMemAllocPitch(&b, &pitch, 100, 10, 4));
    expect(pitch >= 100, "pitch");
    CHECK(cuMemFree(b));
    void *pinned;
    CHECK(cuMemHostAlloc(&pinned, n, 0));
    CHECK(cuPointerGetAttribute(&kind, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, (CUdeviceptr)(size_t)pinned));
    expect(kind == CU_MEMORYTYPE_HOST, "pinned memory is host memory");
    CHECK(cuMemFreeHost(pinned));
    CHECK(cuMemFree(a));
    SHOW(cuMemFree(a));
    SHOW(cuMemFree(0));
    SHOW(cuMemcpyDtoH(host, a, 16));
    SHOW(cuMemAlloc(&a, 0));
    SHOW(cuMemAlloc(&a, (size_t)1 << 50));
}

static void streams(void) {
    CUstream stream;
    CUevent event, other;
    CUdeviceptr p;
    float time = -1;
    unsigned value[256];
    CHECK(cuStreamCreate(&stream, CU_STREAM_DEFAULT));
    CHECK(cuEventCreate(&event, CU_EVENT_DEFAULT));
    CHECK(cuEventCreate(&other, CU_EVENT_DEFAULT));
    CHECK(cuMemAlloc(&p, sizeof value));
    CHECK(cuEventRecord(event, stream));
    CHECK(cuMemsetD32Async(p, 17, 256, stream));
    CHECK(cuMemcpyDtoHAsync(value, p, sizeof value, stream));
    CHECK(cuEventRecord(other, stream));
    CHECK(cuEventSynchronize(other));
    CHECK(cuEventQuery(event));
    CHECK(cuEventElapsedTime(&time, event, other));
    expect(value[0] == 17 && value[255] == 17 && time >= 0, "work of a stream");
    CUcontext of_stream, current;
    CHECK(cuStreamGetCtx(stream, &of_stream));
    CHECK(cuCtxGetCurrent(&current));
    expect(of_stream == current, "context of a stream");
    unsigned flags = 99;
    CHECK(cuStreamGetFlags(stream, &flags));
    expect(flags == CU_STREAM_DEFAULT, "flags of a stream");
    CHECK(cuStreamWaitEvent(stream, event, 0));
    CHECK(cuStreamQuery(stream));
    CHECK(cuEventDestroy(event));
    CHECK(cuEventDestroy(other));
    CHECK(cuStreamDestroy(stream));
    CHECK(cuMemFree(p));
}

static void *in_thread(void *result) {
    CUcontext current = (CUcontext)1;
    *(int *)result = cuCtxGetCurrent(&current) == CUDA_SUCCESS && current == NULL;
    return NULL;
}

int main(void) {
    CUdevice device;
    int count = 0, version = 0, major = 0, result = 0;
    char name[100] = "";
    size_t total = 0, free_bytes = 0, again = 0;
    CUuuid uuid;
    SHOW(cuInit(1));
    SHOW(cuDeviceGetCount(&count));
    CHECK(cuDriverGetVersion(&version));
    expect(version >= 12000, "version of the driver");
    CHECK(cuInit(0));
    CHECK(cuDeviceGetCount(&count));
    CHECK(cuDeviceGet(&device, 0));
    SHOW(cuDeviceGet(&device, count));
    SHOW(cuDeviceGet(&device, -1));
    CHECK(cuDeviceGet(&device, 0));
    CHECK(cuDeviceGetName(name, sizeof name, device));
    CHECK(cuDeviceTotalMem(&total, device));
    CHECK(cuDeviceGetUuid(&uuid, device));
    CHECK(cuDeviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device));
    expect(strlen(name) > 0 && total > 0 && major >= 7, "a device");
    parameters(device);
    profiler(device);
    contexts(device);
    CHECK(cuMemGetInfo(&free_bytes, &again));
    expect(again == total && free_bytes <= total, "memory of the device");
    memory();
    streams();
    pthread_t thread;
    pthread_create(&thread, NULL, in_thread, &result);
    pthread_join(thread, NULL);
    expect(result, "a new thread has no context");
    CHECK(cuDevicePrimaryCtxRelease(device));
    const char *text = NULL;
    CHECK(cuGetErrorString(CUDA_ERROR_OUT_OF_MEMORY, &text));
    printf("%s: %s\n", error_name(CUDA_ERROR_OUT_OF_MEMORY), text);
    SHOW(cuGetErrorName((CUresult)54321, &text));
    return finish();
}
