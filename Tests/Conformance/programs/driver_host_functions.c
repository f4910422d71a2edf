// Functions of the program that streams call, by the driver API: what is wrong with a call, several contexts, and
// that a function may call nothing. The argument says which.
#include "driver.h"

#include <unistd.h>

static CUdevice device;
static CUcontext context;
static CUstream stream;
static CUdeviceptr memory;
static volatile int answers[8];
static volatile int count;

static void nothing(void *data) { (void)data; }
static void callback(CUstream s, CUresult status, void *data) { (void)s, (void)status, (void)data; }
static void increment(void *data) { ++*(volatile int *)data; }

static void arguments(void) {
    SHOW(cuLaunchHostFunc(stream, NULL, NULL));
    SHOW(cuStreamAddCallback(stream, NULL, NULL, 0));
    SHOW(cuStreamAddCallback(stream, callback, NULL, 1));
    SHOW(cuLaunchHostFunc((CUstream)0x123450, nothing, NULL));
    SHOW(cuStreamAddCallback((CUstream)0x123450, callback, NULL, 0));
    CUcontext popped;
    CHECK(cuCtxPopCurrent(&popped));
    SHOW(cuLaunchHostFunc(NULL, nothing, NULL));
    CHECK(cuCtxPushCurrent(popped));
    SHOW(cuLaunchHostFunc(stream, nothing, NULL));
    SHOW(cuStreamSynchronize(stream));
}

static void contexts(void) {
    static volatile int called[2];
    CUcontext other = make_context(device);
    CUstream second;
    CHECK(cuStreamCreate(&second, CU_STREAM_NON_BLOCKING));
    for (int i = 0; i < 20; i++) {
        CHECK(cuCtxSetCurrent(i % 2 ? other : context));
        CHECK(cuLaunchHostFunc(i % 2 ? second : stream, increment, (void *)&called[i % 2]));
    }
    CHECK(cuCtxSetCurrent(other));
    CHECK(cuCtxSynchronize());
    expect(called[1] == 10, "functions of one context");
    CHECK(cuCtxDestroy(other));
    CHECK(cuCtxSetCurrent(context));
    CHECK(cuStreamSynchronize(stream));
    expect(called[0] == 10, "functions of the other");
}

static void try_calls(void *data) {
    (void)data;
    CUdeviceptr more;
    CUcontext current;
    CUevent event;
    answers[0] = cuMemAlloc(&more, 16);
    answers[1] = cuStreamSynchronize(stream);
    answers[2] = cuCtxSetCurrent(context);
    answers[3] = cuLaunchHostFunc(stream, nothing, NULL);
    answers[4] = cuMemsetD8(memory, 1, 16);
    answers[5] = cuDevicePrimaryCtxRetain(&current, device);
    answers[6] = cuEventCreate(&event, 0);
    answers[7] = cuCtxSynchronize();
    count++;
}

static void forbidden(void) {
    CHECK(cuLaunchHostFunc(stream, try_calls, NULL));
    CHECK(cuStreamSynchronize(stream));
    expect(count == 1, "a function that makes calls returns");
    int refused = 1;
    for (int i = 0; i < 8; i++) refused = refused && answers[i] == CUDA_ERROR_NOT_PERMITTED;
    expect(refused, "its calls are not permitted");
    CHECK(cuMemsetD8(memory, 1, 16));
    CHECK(cuCtxSynchronize());
}

int main(int argc, char **argv) {
    const char *kind = argc > 1 ? argv[1] : "";
    CHECK(cuInit(0));
    CHECK(cuDeviceGet(&device, 0));
    context = make_context(device);
    CHECK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    CHECK(cuMemAlloc(&memory, 16));
    if (!strcmp(kind, "arguments")) arguments();
    else if (!strcmp(kind, "contexts")) contexts();
    else forbidden();
    CHECK(cuCtxDestroy(context));
    return finish();
}
