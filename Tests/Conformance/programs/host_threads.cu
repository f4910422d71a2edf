// Several host threads, each with several streams and its own data, all on one device.
#include "check.h"

#include <atomic>
#include <thread>

constexpr int threads = 4, streams = 3, rounds = 5, n = 5000;

__global__ void step(int *data, int count, int factor) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) data[i] = data[i] * factor + i;
}

std::atomic<int> wrong{0};

void work(int thread) {
    CHECK(cudaSetDevice(0));
    cudaStream_t stream[streams];
    int *host[streams], *device[streams];
    for (int s = 0; s < streams; s++) {
        CHECK(cudaStreamCreateWithFlags(&stream[s], cudaStreamNonBlocking));
        CHECK(cudaMallocHost(&host[s], n * sizeof(int)));
        CHECK(cudaMalloc(&device[s], n * sizeof(int)));
        for (int i = 0; i < n; i++) host[s][i] = thread * 1000 + s;
        CHECK(cudaMemcpyAsync(device[s], host[s], n * sizeof(int), cudaMemcpyHostToDevice, stream[s]));
    }
    for (int round = 0; round < rounds; round++)
        for (int s = 0; s < streams; s++) {
            step<<<blocks(n, 128), 128, 0, stream[s]>>>(device[s], n, round + s + 1);
            CHECK(cudaGetLastError());
        }
    for (int s = 0; s < streams; s++)
        CHECK(cudaMemcpyAsync(host[s], device[s], n * sizeof(int), cudaMemcpyDeviceToHost, stream[s]));
    for (int s = 0; s < streams; s++) {
        CHECK(cudaStreamSynchronize(stream[s]));
        for (int i = 0; i < n; i++) {
            unsigned want = thread * 1000 + s;
            for (int round = 0; round < rounds; round++) want = want * (round + s + 1) + i;
            if (host[s][i] != static_cast<int>(want)) wrong++;
        }
        CHECK(cudaStreamDestroy(stream[s]));
        CHECK(cudaFreeHost(host[s]));
        CHECK(cudaFree(device[s]));
    }
}

int main() {
    // All threads start CUDA at once: the first calls of a process race here.
    std::vector<std::thread> all;
    for (int t = 0; t < threads; t++) all.emplace_back(work, t);
    for (std::thread &t : all) t.join();
    expect(wrong == 0, "4 threads with 3 streams each");

    // Errors of one thread are not another's.
    cudaError_t there = cudaSuccess;
    std::thread([&] {
        cudaSetDevice(99);
        there = cudaPeekAtLastError();
    }).join();
    printf("in the thread: %s, here: %s\n", cudaGetErrorName(there), cudaGetErrorName(cudaGetLastError()));
    return finish();
}
