// Arguments that cannot be: devices, directions, symbols, handles.
#include "check.h"

__global__ void kernel() {}

static void not_a_kernel() {}

int main() {
    int device = 7, value = 0, pair[2] = {1, 2};
    float time = 0;
    cudaDeviceProp properties;
    cudaFuncAttributes attributes;
    cudaEvent_t never;
    Device<int> p(4);

    SHOW(cudaSetDevice(99));
    SHOW(cudaSetDevice(-1));
    SHOW(cudaGetDevice(&device));
    printf("device %d\n", device);
    SHOW(cudaGetDeviceProperties(&properties, 99));
    SHOW(cudaDeviceGetAttribute(&value, static_cast<cudaDeviceAttr>(9999), 0));
    expect(cudaDeviceGetByPCIBusId(&value, "0000:ff:1f.7") != cudaSuccess, "no device at this address");
    SHOW(cudaMemcpy(p, &value, 4, static_cast<cudaMemcpyKind>(9)));
    SHOW(cudaMemcpy(nullptr, &value, 4, cudaMemcpyHostToDevice));
    SHOW(cudaMemcpy(&value, nullptr, 4, cudaMemcpyDeviceToHost));
    SHOW(cudaMemset(nullptr, 0, 4));
    SHOW(cudaMemcpy(nullptr, nullptr, 0, cudaMemcpyHostToDevice));
    SHOW(cudaMalloc(nullptr, 4));
    SHOW(cudaMemcpy2D(p, 2, pair, 4, 4, 2, cudaMemcpyHostToDevice));
    // Which error these two are differs between releases of the runtime.
    const void *host_function = reinterpret_cast<const void *>(not_a_kernel);
    expect(cudaFuncGetAttributes(&attributes, host_function) != cudaSuccess, "attributes of no kernel are refused");
    expect(cudaLaunchKernel(host_function, dim3(1), dim3(1), nullptr, 0, nullptr) != cudaSuccess,
           "launch of no kernel is refused");
    cudaGetLastError();
    SHOW(cudaFuncGetAttributes(&attributes, kernel));
    SHOW(cudaMemcpyToSymbol(value, &value, 4));
    SHOW(cudaEventCreate(&never));
    SHOW(cudaEventElapsedTime(&time, never, never));
    SHOW(cudaEventQuery(never));
    SHOW(cudaEventSynchronize(never));
    SHOW(cudaEventQuery(nullptr));
    SHOW(cudaEventRecord(nullptr, nullptr));
    SHOW(cudaEventDestroy(nullptr));
    SHOW(cudaEventCreateWithFlags(&never, 0x8000));
    SHOW(cudaStreamCreateWithFlags(nullptr, 0));
    SHOW(cudaStreamDestroy(nullptr));
    SHOW(cudaFreeHost(&value));
    SHOW(cudaHostUnregister(&value));
    cudaGetLastError();
    kernel<<<1, 1>>>();
    SHOW(cudaDeviceSynchronize());
    printf("%s / %s\n", cudaGetErrorName(static_cast<cudaError_t>(12345)), cudaGetErrorString(cudaErrorInvalidValue));
    return finish();
}
