// What threads may do that have no context current: handles bring theirs along.
#include "driver.h"
#include "driver_kernels.h"

#include <pthread.h>

enum { N = 256 };
static CUdevice device;
static CUcontext context;
static CUmodule module;
static CUfunction scale_add;
static CUstream stream;
static CUevent first, second, never;
static CUdeviceptr memory;
static CUgraphExec exec;
static float host[N];

static void called(void *data) { (*(int *)data)++; }

static void events(void) {
    float milliseconds = -1;
    SHOW(cuEventRecord(first, stream));
    SHOW(cuEventRecord(second, stream));
    SHOW(cuEventSynchronize(second));
    SHOW(cuEventQuery(second));
    SHOW(cuEventQuery(never));
    SHOW(cuEventElapsedTime(&milliseconds, first, second));
    expect(milliseconds >= 0, "the time between events of another thread's context");
    SHOW(cuStreamWaitEvent(stream, first, 0));
    SHOW(cuEventRecord(first, NULL));
    CUevent made;
    SHOW(cuEventCreate(&made, CU_EVENT_DEFAULT));
}

static void streams(void) {
    unsigned flags = 99;
    int priority = 99, calls = 0;
    unsigned long long identifier = 0;
    CUcontext of = NULL;
    CUstreamCaptureStatus capturing;
    SHOW(cuStreamGetFlags(stream, &flags));
    SHOW(cuStreamGetPriority(stream, &priority));
    SHOW(cuStreamGetId(stream, &identifier));
    SHOW(cuStreamGetCtx(stream, &of));
    expect(of == context, "a stream knows its context");
    SHOW(cuStreamIsCapturing(stream, &capturing));
    SHOW(cuLaunchHostFunc(stream, called, &calls));
    SHOW(cuStreamSynchronize(stream));
    expect(calls == 1, "a function of the program ran");
    SHOW(cuStreamQuery(stream));
    SHOW(cuStreamSynchronize(NULL));
    SHOW(cuStreamQuery(NULL));
    CUstream made;
    SHOW(cuStreamCreate(&made, CU_STREAM_NON_BLOCKING));
}

static void copies(void) {
    float back[N];
    SHOW(cuMemcpyHtoDAsync(memory, host, sizeof host, stream));
    SHOW(cuMemsetD32Async(memory, 7, N / 2, stream));
    SHOW(cuMemcpyDtoHAsync(back, memory, sizeof back, stream));
    SHOW(cuStreamSynchronize(stream));
    SHOW(cuMemcpyHtoD(memory, host, sizeof host));
    SHOW(cuMemcpyDtoH(back, memory, sizeof back));
    SHOW(cuMemsetD32(memory, 7, N));
    CUdeviceptr p = 0;
    SHOW(cuMemAlloc(&p, 16));
    if (p != 0) SHOW(cuMemFree(p));
    p = 0;
    SHOW(cuMemAllocAsync(&p, 16, stream));
    SHOW(cuMemFreeAsync(p, stream));
    SHOW(cuMemFreeAsync(0, stream));
    SHOW(cuMemFree(0));
    size_t bytes;
    SHOW(cuMemGetInfo(&bytes, &bytes));
    SHOW(cuMemGetAddressRange(&p, &bytes, memory));
    SHOW(cuPointerGetAttribute(&p, CU_POINTER_ATTRIBUTE_DEVICE_POINTER, memory));
    void *pinned = NULL;
    SHOW(cuMemAllocHost(&pinned, 16));
}

static void kernels(void) {
    CUdeviceptr out = memory;
    float factor = 2;
    unsigned count = N;
    void *parameters[] = {&out, &out, &factor, &count};
    SHOW(cuLaunchKernel(scale_add, 1, 1, 1, N, 1, 1, 0, stream, parameters, NULL));
    SHOW(cuLaunchKernel(scale_add, 1, 1, 1, N, 1, 1, 0, NULL, parameters, NULL));
    SHOW(cuGraphLaunch(exec, stream));
    SHOW(cuGraphLaunch(exec, NULL));
    SHOW(cuStreamSynchronize(stream));
    CUmodule loaded;
    SHOW(cuModuleLoadData(&loaded, kernels_ptx));
    CUgraph graph;
    SHOW(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    SHOW(cuLaunchKernel(scale_add, 1, 1, 1, N, 1, 1, 0, stream, parameters, NULL));
    SHOW(cuStreamEndCapture(stream, &graph));
}

static void ends(void) {
    SHOW(cuCtxSynchronize());
    SHOW(cuEventDestroy(never));
    SHOW(cuStreamDestroy(stream));
}

static void *without_context(void *unused) {
    CUcontext current = context;
    SHOW(cuCtxGetCurrent(&current));
    expect(current == NULL, "a new thread has no context");
    events();
    streams();
    copies();
    kernels();
    ends();
    return unused;
}

int main(void) {
    CHECK(cuInit(0));
    CHECK(cuDeviceGet(&device, 0));
    context = make_context(device);
    CHECK(cuModuleLoadData(&module, kernels_ptx));
    CHECK(cuModuleGetFunction(&scale_add, module, "scale_add"));
    CHECK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    CHECK(cuEventCreate(&first, CU_EVENT_DEFAULT));
    CHECK(cuEventCreate(&second, CU_EVENT_DEFAULT));
    CHECK(cuEventCreate(&never, CU_EVENT_DEFAULT));
    CHECK(cuMemAlloc(&memory, sizeof host));
    for (int i = 0; i < N; i++) host[i] = i;
    CUgraph graph;
    CHECK(cuGraphCreate(&graph, 0));
    CHECK(cuGraphInstantiate(&exec, graph, 0));
    pthread_t thread;
    pthread_create(&thread, NULL, without_context, NULL);
    pthread_join(thread, NULL);
    CHECK(cuCtxSynchronize());
    return finish();
}
