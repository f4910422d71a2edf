// Asynchronous copies of page-locked memory in a stream that cannot go on: their caller goes on, and so
// does everybody else, which is what ends the waiting. And bytes that nobody has asked for yet.
#include "check.h"

#include <cstring>
#include <thread>
#include <unistd.h>

const size_t MiB = 1 << 20;

__global__ void wait_for(volatile int *flag, int value) {
    while (*flag != value) {}
}

__global__ void set(volatile int *flag, int value) { *flag = value; }

__global__ void add(unsigned *data, size_t count, unsigned value) {
    for (size_t i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) data[i] += value;
}

struct Locked {
    unsigned *words;
    size_t bytes;
    explicit Locked(size_t size) : bytes(size) { CHECK(cudaMallocHost(&words, size)); }
    ~Locked() { cudaFreeHost(words); }
    void fill(unsigned seed) {
        for (size_t i = 0; i < bytes / 4; i++) words[i] = seed + static_cast<unsigned>(i) * 2654435761u;
    }
    bool holds(unsigned seed, unsigned added) const {
        for (size_t i = 0; i < bytes / 4; i++)
            if (words[i] != seed + static_cast<unsigned>(i) * 2654435761u + added) return false;
        return true;
    }
};

static cudaStream_t independent() {
    cudaStream_t stream;
    CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    return stream;
}

/// To the GPU in pieces, a kernel, and back in pieces.
static void there_and_back(Locked &up, Locked &down, unsigned *device, cudaStream_t stream, size_t piece) {
    auto bytes = reinterpret_cast<unsigned char *>(device);
    for (size_t at = 0; at < up.bytes; at += piece)
        CHECK(cudaMemcpyAsync(bytes + at, up.words + at / 4, piece, cudaMemcpyHostToDevice, stream));
    add<<<4, 128, 0, stream>>>(device, up.bytes / 4, 5);
    CHECK(cudaGetLastError());
    for (size_t at = 0; at < down.bytes; at += piece)
        CHECK(cudaMemcpyAsync(down.words + at / 4, bytes + at, piece, cudaMemcpyDeviceToHost, stream));
}

static void one_thread(int *flag, cudaStream_t busy, cudaStream_t setter) {
    bool equal = true;
    for (size_t piece : {4096 * sizeof(int), 1 * MiB, 8 * MiB}) {
        const unsigned seed = static_cast<unsigned>(piece);
        Locked up(40 * MiB), down(40 * MiB);
        Device<unsigned> device(up.bytes / 4);
        up.fill(seed);
        CHECK(cudaMemset(flag, 0, sizeof(int)));
        CHECK(cudaDeviceSynchronize());
        wait_for<<<1, 1, 0, busy>>>(flag, 1);
        there_and_back(up, down, device, busy, piece);
        // Nothing of it has happened, and this thread is here.
        equal = equal && cudaStreamQuery(busy) == cudaErrorNotReady;
        set<<<1, 1, 0, setter>>>(flag, 1);
        CHECK(cudaGetLastError());
        CHECK(cudaStreamSynchronize(busy));
        equal = equal && down.holds(seed, 5);
    }
    expect(equal, "a thread that gives copies to a stream goes on");
}

static void two_threads(int *flag, cudaStream_t busy, cudaStream_t setter) {
    bool equal = true;
    for (size_t piece : {1 * MiB, 16 * MiB}) {
        Locked up(160 * MiB), down(160 * MiB), small(4096), answer(4096);
        Device<unsigned> device(up.bytes / 4), other(small.bytes / 4);
        up.fill(3);
        CHECK(cudaMemset(flag, 0, sizeof(int)));
        CHECK(cudaDeviceSynchronize());
        wait_for<<<1, 1, 0, busy>>>(flag, 1);
        CHECK(cudaGetLastError());
        std::thread copier([&] { there_and_back(up, down, device, busy, piece); });
        usleep(20000);
        // Launches and copies of a stream that has nothing to do with it.
        for (unsigned round = 0; round < 20; round++) {
            small.fill(round);
            there_and_back(small, answer, other, setter, small.bytes);
            CHECK(cudaStreamSynchronize(setter));
            equal = equal && answer.holds(round, 5);
        }
        equal = equal && cudaStreamQuery(busy) == cudaErrorNotReady;
        set<<<1, 1, 0, setter>>>(flag, 1);
        CHECK(cudaGetLastError());
        copier.join();
        CHECK(cudaStreamSynchronize(busy));
        equal = equal && down.holds(3, 5);
    }
    expect(equal, "other streams go on, however much waits in one");
}

/// A thread that waits for a large copy does not keep the answers of others from them.
static void a_copy_waits(int *flags, cudaStream_t busy, cudaStream_t setter) {
    const size_t size = 8 * MiB;
    cudaStream_t first = independent(), second = independent();
    Device<unsigned> device(size / 4);
    std::vector<unsigned> back(size / 4);
    CHECK(cudaMemset(device, 7, size));
    CHECK(cudaMemset(flags, 0, 3 * sizeof(int)));
    // The channels are there.
    CHECK(cudaMemcpy(back.data(), device, size, cudaMemcpyDeviceToHost));
    CHECK(cudaDeviceSynchronize());
    wait_for<<<1, 1, 0, first>>>(flags, 1);
    wait_for<<<1, 1, 0, second>>>(flags + 1, 1);
    wait_for<<<1, 1, 0, busy>>>(flags + 2, 1);
    CHECK(cudaGetLastError());
    std::thread one([&] { CHECK(cudaStreamSynchronize(first)); });
    usleep(20000);
    std::thread two([&] {
        CHECK(cudaStreamSynchronize(second));
        set<<<1, 1, 0, setter>>>(flags + 2, 1);
        CHECK(cudaGetLastError());
    });
    usleep(20000);
    std::thread copier([&] {
        CHECK(cudaMemcpyAsync(back.data(), device, size, cudaMemcpyDeviceToHost, busy));
        CHECK(cudaStreamSynchronize(busy));
    });
    usleep(20000);
    set<<<1, 1, 0, setter>>>(flags, 1);
    usleep(20000);
    set<<<1, 1, 0, setter>>>(flags + 1, 1);
    CHECK(cudaGetLastError());
    one.join();
    two.join();
    copier.join();
    bool equal = true;
    for (unsigned word : back) equal = equal && word == 0x07070707;
    expect(equal, "a thread that waits for a copy holds up nobody");
    CHECK(cudaStreamDestroy(first));
    CHECK(cudaStreamDestroy(second));
}

static void nobody_asks(cudaStream_t stream) {
    Locked up(176 * MiB), down(176 * MiB);
    Device<unsigned> device(up.bytes / 4);
    up.fill(9);
    there_and_back(up, down, device, stream, 16 * MiB);
    // The program computes meanwhile, and looks into its memory only.
    volatile unsigned *last = down.words + down.bytes / 4 - 1;
    const unsigned expected = 9 + static_cast<unsigned>(down.bytes / 4 - 1) * 2654435761u + 5;
    for (int i = 0; i < 3000 && *last != expected; i++) usleep(10000);
    expect(*last == expected, "the bytes come without a call");
    CHECK(cudaStreamSynchronize(stream));
    expect(down.holds(9, 5), "and are right");
}

int main() {
    int *flag;
    CHECK(cudaMalloc(&flag, 3 * sizeof(int)));
    cudaStream_t busy = independent(), setter = independent();
    one_thread(flag, busy, setter);
    two_threads(flag, busy, setter);
    a_copy_waits(flag, busy, setter);
    nobody_asks(busy);
    return finish();
}
