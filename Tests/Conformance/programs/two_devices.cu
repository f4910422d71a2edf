// Two devices in one program: memory, kernels, streams and copies between them.
#include "check.h"

#include <cstring>
#include <thread>

__device__ int counter;

__global__ void fill(int *data, int n, int value) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) data[i] = value + i;
    if (i == 0) atomicAdd(&counter, value);
}

int main() {
    int count = 0;
    CHECK(cudaGetDeviceCount(&count));
    printf("devices: %d\n", count);
    if (count != 2) return 1;
    cudaDeviceProp properties[2];
    for (int d = 0; d < 2; d++) CHECK(cudaGetDeviceProperties(&properties[d], d));
    expect(memcmp(&properties[0].uuid, &properties[1].uuid, 16) != 0, "different UUIDs");
    char bus[2][20];
    int found = -1;
    for (int d = 0; d < 2; d++) CHECK(cudaDeviceGetPCIBusId(bus[d], sizeof bus[d], d));
    CHECK(cudaDeviceGetByPCIBusId(&found, bus[1]));
    expect(strcmp(bus[0], bus[1]) != 0 && found == 1, "found by their PCI address");

    const int n = 4000;
    int *data[2];
    cudaStream_t stream[2];
    for (int d = 0; d < 2; d++) {
        CHECK(cudaSetDevice(d));
        CHECK(cudaStreamCreate(&stream[d]));
        CHECK(cudaMalloc(&data[d], n * sizeof(int)));
        fill<<<blocks(n, 128), 128, 0, stream[d]>>>(data[d], n, 100 * (d + 1));
        CHECK(cudaGetLastError());
    }
    for (int d = 0; d < 2; d++) {
        CHECK(cudaSetDevice(d));
        CHECK(cudaStreamSynchronize(stream[d]));
        int value = 0;
        CHECK(cudaMemcpyFromSymbol(&value, counter, sizeof value));
        printf("counter of device %d: %d\n", d, value);
        cudaPointerAttributes attributes;
        CHECK(cudaPointerGetAttributes(&attributes, data[d]));
        expect(attributes.device == d && attributes.type == cudaMemoryTypeDevice, "pointer knows its device");
    }

    std::vector<int> host(n);
    CHECK(cudaMemcpyPeer(data[0], 0, data[1], 1, n * sizeof(int)));
    CHECK(cudaMemcpy(host.data(), data[0], n * sizeof(int), cudaMemcpyDeviceToHost));
    bool equal = true;
    for (int i = 0; i < n; i++) equal = equal && host[i] == 200 + i;
    expect(equal, "copy from device 1 to device 0");

    // A thread begins with device 0, whatever its maker had chosen.
    int device = -1;
    CHECK(cudaSetDevice(1));
    std::thread([&] { CHECK(cudaGetDevice(&device)); }).join();
    expect(device == 0, "a new thread has device 0");
    std::thread both[2];
    for (int d = 0; d < 2; d++)
        both[d] = std::thread([&, d] {
            CHECK(cudaSetDevice(d));
            for (int round = 0; round < 3; round++) fill<<<blocks(n, 128), 128>>>(data[d], n, d * 5000 + round);
            CHECK(cudaDeviceSynchronize());
        });
    for (std::thread &t : both) t.join();
    for (int d = 0; d < 2; d++) {
        CHECK(cudaMemcpy(host.data(), data[d], n * sizeof(int), cudaMemcpyDefault));
        printf("device %d: first %d, last %d\n", d, host[0], host[n - 1]);
        expect(host[n - 1] == d * 5000 + 2 + n - 1, "work of a thread for each device");
    }

    // A stream belongs to its device.
    CHECK(cudaSetDevice(0));
    fill<<<1, 32, 0, stream[1]>>>(data[0], 32, 1);
    printf("kernel on another device's stream: %s\n", cudaGetErrorName(cudaGetLastError()));
    for (int d = 0; d < 2; d++) {
        CHECK(cudaSetDevice(d));
        CHECK(cudaStreamDestroy(stream[d]));
        CHECK(cudaFree(data[d]));
    }
    return finish();
}
