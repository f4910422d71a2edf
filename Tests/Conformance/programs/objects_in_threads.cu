// Host threads that make and destroy streams, events and memory all the time: what one thread gives back,
// another gets at once.
#include "check.h"

#include <atomic>
#include <thread>

constexpr int threads = 6, rounds = 300;

__global__ void put(int *cell, int value) { *cell = value; }

std::atomic<int> wrong{0};

void work(int thread) {
    for (int round = 0; round < rounds; round++) {
        cudaStream_t stream;
        cudaEvent_t event;
        int *cell, value = -1, want = thread * rounds + round;
        CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
        CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
        CHECK(cudaMalloc(&cell, sizeof(int)));
        put<<<1, 1, 0, stream>>>(cell, want);
        CHECK(cudaEventRecord(event, stream));
        if (round % 3 == 0) CHECK(cudaEventSynchronize(event));
        CHECK(cudaMemcpyAsync(&value, cell, sizeof value, cudaMemcpyDeviceToHost, stream));
        CHECK(cudaStreamSynchronize(stream));
        if (value != want) wrong++;
        CHECK(cudaEventDestroy(event));
        CHECK(cudaStreamDestroy(stream));
        CHECK(cudaFree(cell));
    }
}

int main() {
    std::vector<std::thread> all;
    for (int t = 0; t < threads; t++) all.emplace_back(work, t);
    for (std::thread &t : all) t.join();
    expect(wrong == 0, "6 threads, 300 streams, events and allocations each");
    return finish();
}
