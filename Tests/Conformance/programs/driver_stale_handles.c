// Handles after their object was destroyed, and values that never were handles. NVIDIA's driver may
// crash on some of these; ours answers with an error, and everything else goes on.
#include "driver.h"
#include "driver_kernels.h"

static void refused(const char *what, CUresult result) {
    expect(result != CUDA_SUCCESS && result != CUDA_ERROR_NOT_READY, what);
}

int main(void) {
    CUdevice device;
    CUmodule module;
    CUfunction function;
    CUstream stream;
    CUevent event;
    CUdeviceptr p, address;
    size_t size;
    unsigned sum = 0;
    CHECK(cuInit(0));
    CHECK(cuDeviceGet(&device, 0));
    CUcontext context = make_context(device);
    CHECK(cuModuleLoadData(&module, kernels_ptx));
    CHECK(cuModuleGetFunction(&function, module, "grid_sum"));
    CHECK(cuStreamCreate(&stream, 0));
    CHECK(cuEventCreate(&event, 0));
    CHECK(cuMemAlloc(&p, 4));
    CHECK(cuMemsetD32(p, 0, 1));
    void *parameters[] = {&p};

    CHECK(cuStreamDestroy(stream));
    refused("query of a destroyed stream", cuStreamQuery(stream));
    refused("wait for a destroyed stream", cuStreamSynchronize(stream));
    refused("launch on a destroyed stream", cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, stream, parameters, NULL));
    refused("destroyed twice", cuStreamDestroy(stream));
    refused("record on a destroyed stream", cuEventRecord(event, stream));
    CHECK(cuEventDestroy(event));
    refused("query of a destroyed event", cuEventQuery(event));
    refused("record of a destroyed event", cuEventRecord(event, NULL));
    refused("wait of a stream for a destroyed event", cuStreamWaitEvent(NULL, event, 0));
    CHECK(cuModuleUnload(module));
    refused("kernel of a module that is unloaded", cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, NULL, parameters, NULL));
    refused("function of a module that is unloaded", cuModuleGetFunction(&function, module, "grid_sum"));
    refused("variable of a module that is unloaded", cuModuleGetGlobal(&address, &size, module, "table"));
    refused("unloaded twice", cuModuleUnload(module));
    refused("a number as a stream", cuStreamSynchronize((CUstream)0x1234567890));
    refused("a number as an event", cuEventSynchronize((CUevent)0x1234567890));
    refused("a number as a kernel", cuLaunchKernel((CUfunction)0x1234567890, 1, 1, 1, 1, 1, 1, 0, NULL, parameters, NULL));
    refused("a number as a module", cuModuleGetFunction(&function, (CUmodule)0x1234567890, "k"));
    refused("a number as a context", cuCtxSetCurrent((CUcontext)0x1234567890));

    CHECK(cuCtxSetCurrent(context));
    CHECK(cuModuleLoadData(&module, kernels_ptx));
    CHECK(cuModuleGetFunction(&function, module, "grid_sum"));
    CHECK(cuLaunchKernel(function, 2, 1, 1, 32, 1, 1, 0, NULL, parameters, NULL));
    CHECK(cuMemcpyDtoH(&sum, p, 4));
    expect(sum == 64, "everything else goes on");
    CHECK(cuCtxDestroy(context));
    refused("memory of a destroyed context", cuMemcpyDtoH(&sum, p, 4));
    refused("destroyed context", cuCtxSetCurrent(context));
    return finish();
}
