// Built with --default-stream per-thread: the default stream of each host thread is its own.
#include "check.h"

#include <atomic>
#include <thread>

__global__ void wait_for(volatile int *flag, int *out) {
    while (*flag == 0) {}
    *out = *flag;
}

__global__ void fill(int *data, int n, int value) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) data[i] = value + i;
}

int main() {
    const int n = 3000;
    std::atomic<int> wrong{0};
    std::vector<std::thread> all;
    for (int t = 0; t < 4; t++)
        all.emplace_back([&, t] {
            int *device;
            std::vector<int> host(n);
            CHECK(cudaMalloc(&device, n * sizeof(int)));
            for (int round = 0; round < 4; round++) {
                fill<<<blocks(n, 64), 64>>>(device, n, t * 10000 + round);
                CHECK(cudaGetLastError());
                CHECK(cudaMemcpyAsync(host.data(), device, n * sizeof(int), cudaMemcpyDeviceToHost, 0));
                CHECK(cudaStreamSynchronize(0));
                for (int i = 0; i < n; i++)
                    if (host[i] != t * 10000 + round + i) wrong++;
            }
            CHECK(cudaFree(device));
        });
    for (std::thread &t : all) t.join();
    expect(wrong == 0, "four threads by their default streams");

    // A kernel of one thread's default stream waits for a value that another thread's brings.
    int *flag, *out;
    CHECK(cudaMalloc(&flag, sizeof(int)));
    CHECK(cudaMalloc(&out, sizeof(int)));
    CHECK(cudaMemset(flag, 0, sizeof(int)));
    CHECK(cudaDeviceSynchronize());
    int got = 0;
    wait_for<<<1, 1>>>(flag, out);
    CHECK(cudaGetLastError());
    std::thread([&] {
        fill<<<1, 1>>>(flag, 1, 42);
        CHECK(cudaStreamSynchronize(cudaStreamPerThread));
    }).join();
    CHECK(cudaMemcpy(&got, out, sizeof got, cudaMemcpyDeviceToHost));
    expect(got == 42, "the default stream of one thread does not wait for another's");
    return finish();
}
