// A synchronous copy to the GPU waits for the default stream, and nobody else waits for the copy:
// what another thread gives to a stream that is independent runs, and is what ends the waiting.
#include "check.h"

#include <atomic>
#include <thread>
#include <unistd.h>

__global__ void wait_for(volatile int *flag, int value) {
    while (*flag != value) {}
}

__global__ void set(volatile int *flag, int value) { *flag = value; }

__global__ void copy(const int *from, int *to, int n) {
    for (int i = 0; i < n; i++) to[i] = from[i];
}

static cudaStream_t independent() {
    cudaStream_t stream;
    CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    return stream;
}

int main() {
    const int n = 1000;
    int *flag, *data, *out;
    CHECK(cudaMalloc(&flag, sizeof(int)));
    CHECK(cudaMalloc(&data, n * sizeof(int)));
    CHECK(cudaMalloc(&out, 2 * n * sizeof(int)));
    CHECK(cudaMemset(flag, 0, sizeof(int)));
    cudaArray_t array;
    cudaChannelFormatDesc texel = cudaCreateChannelDesc<int>();
    CHECK(cudaMallocArray(&array, &texel, n));
    cudaStream_t before = independent(), setter = independent();
    CHECK(cudaDeviceSynchronize());
    for (int round = 1; round <= 20; round++) {
        // The copy's turn comes when the flag is set; what the thread does then sees its bytes, in a
        // stream that was there before it and in a new one, though neither waits for the default one.
        wait_for<<<1, 1>>>(flag, round);
        CHECK(cudaGetLastError());
        std::atomic<int> wrong{0};
        std::thread copier([&] {
            std::vector<int> source(n), got(2 * n);
            for (int i = 0; i < n; i++) source[i] = round * 7919 + i;
            // To memory, or first to an array: each waits for its turn.
            size_t bytes = n * sizeof(int);
            if (round % 2 == 0)
                CHECK(cudaMemcpy2DToArray(array, 0, 0, source.data(), bytes, bytes, 1, cudaMemcpyHostToDevice));
            CHECK(cudaMemcpy(data, source.data(), bytes, cudaMemcpyHostToDevice));
            for (int &value : source) value = -1;
            cudaStream_t after = independent();
            copy<<<1, 1, 0, before>>>(data, out, n);
            copy<<<1, 1, 0, after>>>(data, out + n, n);
            CHECK(cudaStreamSynchronize(before));
            CHECK(cudaStreamSynchronize(after));
            CHECK(cudaMemcpy(got.data(), out, 2 * n * sizeof(int), cudaMemcpyDeviceToHost));
            for (int i = 0; i < 2 * n; i++)
                if (got[i] != round * 7919 + i % n) wrong++;
            if (round % 2 == 0) {
                CHECK(cudaMemcpy2DFromArray(got.data(), bytes, array, 0, 0, bytes, 1, cudaMemcpyDeviceToHost));
                for (int i = 0; i < n; i++)
                    if (got[i] != round * 7919 + i) wrong++;
            }
            CHECK(cudaStreamDestroy(after));
        });
        usleep(3000);
        set<<<1, 1, 0, setter>>>(flag, round);
        CHECK(cudaGetLastError());
        copier.join();
        expect(wrong == 0, "the bytes are there for every stream");
    }
    return finish();
}
