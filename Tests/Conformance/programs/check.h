// What the programs of this suite share: stopping at an unexpected error, random numbers that are
// the same everywhere, and one line for each thing that was checked.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <cuda_runtime.h>

/// Ends the program when a call fails that should not: at once, for other threads may be working.
#define CHECK(call)                                                                     \
    do {                                                                                \
        cudaError_t check_error = (call);                                               \
        if (check_error != cudaSuccess) {                                               \
            printf("%s: %s\n", #call, cudaGetErrorName(check_error));                   \
            fflush(stdout);                                                             \
            _Exit(1);                                                                   \
        }                                                                               \
    } while (0)

/// Prints what a call answers, for the programs that are about errors.
#define SHOW(call)                                                                      \
    do {                                                                                \
        cudaError_t show_error = (call);                                                \
        printf("%s: %s\n", #call, cudaGetErrorName(show_error));                        \
    } while (0)

inline int failures = 0;

/// One line for one thing that was checked; `finish()` turns the failures into the exit status.
inline void expect(bool holds, const char *what) {
    printf("%s: %s\n", what, holds ? "ok" : "WRONG");
    if (!holds) failures++;
}

inline int finish() {
    printf(failures == 0 ? "passed\n" : "failed\n");
    return failures == 0 ? 0 : 1;
}

/// xorshift64*, seeded by the caller.
struct Random {
    uint64_t state;
    explicit Random(uint64_t seed) : state(seed * 0x9E3779B97F4A7C15ull + 1) {}
    uint64_t next() {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return state * 0x2545F4914F6CDD1Dull;
    }
    uint32_t next32() { return static_cast<uint32_t>(next() >> 32); }
    int below(int n) { return static_cast<int>(next32() % static_cast<uint32_t>(n)); }
    /// In -1 … 1, a multiple of 2⁻²³, so that it is the same as float and as double.
    float unit() { return static_cast<float>(static_cast<int>(next32() >> 8) - (1 << 23)) / (1 << 23); }
};

/// Memory of the device that is given back at the end of its scope.
template <typename T> struct Device {
    T *pointer = nullptr;
    size_t count;
    explicit Device(size_t n) : count(n) { CHECK(cudaMalloc(&pointer, n * sizeof(T))); }
    explicit Device(const std::vector<T> &from) : Device(from.size()) { upload(from); }
    Device(const Device &) = delete;
    Device &operator=(const Device &) = delete;
    ~Device() { cudaFree(pointer); }
    void upload(const std::vector<T> &from) {
        CHECK(cudaMemcpy(pointer, from.data(), from.size() * sizeof(T), cudaMemcpyHostToDevice));
    }
    std::vector<T> download() const {
        std::vector<T> to(count);
        CHECK(cudaMemcpy(to.data(), pointer, count * sizeof(T), cudaMemcpyDeviceToHost));
        return to;
    }
    operator T *() const { return pointer; }
};

inline int blocks(int n, int block) { return (n + block - 1) / block; }
