// Page-locked memory that was not allocated for kernels, and is given to them nevertheless: with unified addresses
// that works, and so do fills and copies that take it for memory of the GPU.
#include "check.h"

#include <atomic>
#include <cstring>
#include <thread>

#include <cuda.h>
#include <dlfcn.h>

// A function of the driver, without linking to it.
#define TEXT(name) #name
#define DRIVER(name) driver<decltype(name)>(TEXT(name))
template <typename Function> static Function *driver(const char *name) {
    static void *library = dlopen("libcuda.so.1", RTLD_NOW);
    return reinterpret_cast<Function *>(dlsym(library, name));
}

struct Work {
    int n;
    int *values;
    int step;
};

__global__ void add(Work work) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < work.n) work.values[i] += work.step;
}

__global__ void report(const int *values, int n, unsigned long long *wrong, int want) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n && values[i] != want + i) atomicAdd(wrong, 1ull);
}

static bool is(const int *values, int n, int first, int step) {
    for (int i = 0; i < n; i++)
        if (values[i] != first + i * step) return false;
    return true;
}

static void fill(int *values, int n, int first, int step) {
    for (int i = 0; i < n; i++) values[i] = first + i * step;
}

static void launch(int *values, int n, int step, cudaStream_t stream = nullptr) {
    add<<<(n + 255) / 256, 256, 0, stream>>>(Work{n, values, step});
    CHECK(cudaGetLastError());
}

// Program and kernel take turns, again and again; sizes below and above a page, and above 2 MiB.
void turns() {
    for (int n : {1, 1000, 100'000, 1'500'000}) {
        int *values;
        CHECK(cudaMallocHost(&values, n * sizeof(int)));
        fill(values, n, 7, 3);
        bool right = true;
        for (int turn = 0; turn < 4; turn++) {
            launch(values, n, 100);
            launch(values, n, 1);
            CHECK(cudaDeviceSynchronize());
            right = right && is(values, n, 7 + 101 * (turn + 1), 3);
        }
        values[0] = -5;
        launch(values, n, 6);
        CHECK(cudaDeviceSynchronize());
        expect(right && values[0] == 1, "program and kernel take turns");
        CHECK(cudaFreeHost(values));
    }
}

// What an autotuner does: a counter in page-locked memory, set to zero by a fill, counted up by kernels, read here.
void counters() {
    int n = 10'000;
    int *values;
    CHECK(cudaMalloc(&values, n * sizeof(int)));
    std::vector<int> start(n);
    fill(start.data(), n, 5, 1);
    CHECK(cudaMemcpy(values, start.data(), n * sizeof(int), cudaMemcpyHostToDevice));
    bool right = true;
    for (int round = 0; round < 20; round++) {
        unsigned long long *wrong;
        CHECK(cudaHostAlloc(&wrong, sizeof *wrong, cudaHostAllocPortable));
        *wrong = 99;
        CHECK(cudaMemsetAsync(wrong, 0, sizeof *wrong, nullptr));
        report<<<(n + 255) / 256, 256>>>(values, n, wrong, 5 + round % 2);
        CHECK(cudaStreamSynchronize(nullptr));
        right = right && *wrong == (round % 2 ? static_cast<unsigned>(n) : 0);
        CHECK(cudaFreeHost(wrong));
    }
    expect(right, "a counter in page-locked memory");
    CHECK(cudaFree(values));
}

void addresses() {
    int n = 3000;
    int *values, *device;
    CHECK(cudaMallocHost(&values, n * sizeof(int)));
    cudaPointerAttributes attributes;
    CHECK(cudaPointerGetAttributes(&attributes, values));
    expect(attributes.type == cudaMemoryTypeHost && attributes.hostPointer == values && attributes.devicePointer == values,
           "its address is the same on both sides");
    fill(values, n, 0, 1);
    CHECK(cudaHostGetDevicePointer(&device, values + 10, 0));
    expect(device == values + 10, "its device pointer");
    launch(device, n - 10, 1000);
    CHECK(cudaDeviceSynchronize());
    expect(is(values, 10, 0, 1) && is(values + 10, n - 10, 1010, 1), "used by it");
    CHECK(cudaPointerGetAttributes(&attributes, values + 20));
    expect(attributes.type == cudaMemoryTypeHost && attributes.devicePointer == values + 20, "it is still the program's");
    CHECK(cudaFreeHost(values));
    int *again;
    CHECK(cudaMallocHost(&again, n * sizeof(int)));
    expect(is(again, n, 0, 0), "other memory holds nothing of it");
    CHECK(cudaFreeHost(again));
}

// Fills and copies by calls that name memory of the GPU.
void calls() {
    int n = 4000;
    size_t bytes = n * sizeof(int);
    int *values, *other, *device;
    CHECK(cudaMallocHost(&values, bytes));
    CHECK(cudaMallocHost(&other, bytes));
    CHECK(cudaMalloc(&device, bytes));
    auto address = [](void *pointer) { return reinterpret_cast<CUdeviceptr>(pointer); };
    std::vector<int> pageable(n);
    fill(pageable.data(), n, 4, 2);
    expect(!DRIVER(cuMemcpyHtoD)(address(values), pageable.data(), bytes) && is(values, n, 4, 2), "to it, as if it was the GPU's");
    fill(pageable.data(), n, 5, 2);
    expect(!DRIVER(cuMemcpyHtoDAsync)(address(values), pageable.data(), bytes, nullptr) && !DRIVER(cuStreamSynchronize)(nullptr)
               && is(values, n, 5, 2), "the same in a stream");
    std::vector<int> back(n);
    expect(!DRIVER(cuMemcpyDtoH)(back.data(), address(values), bytes) && is(back.data(), n, 5, 2), "from it");
    fill(values, n, 6, 2);
    expect(!DRIVER(cuMemcpyDtoHAsync)(other, address(values), bytes, nullptr) && !DRIVER(cuStreamSynchronize)(nullptr) && is(other, n, 6, 2),
           "from it, in a stream");
    expect(!DRIVER(cuMemcpyDtoD)(address(device), address(values), bytes) && !DRIVER(cuMemcpyDtoD)(address(other), address(device), bytes)
               && is(other, n, 6, 2), "to the GPU and back");
    fill(values, n, 8, 2);
    expect(!DRIVER(cuMemcpyDtoDAsync)(address(other), address(values), bytes, nullptr) && !DRIVER(cuStreamSynchronize)(nullptr)
               && is(other, n, 8, 2), "between two of them");
    expect(DRIVER(cuMemcpyHtoD)(address(values), pageable.data(), bytes + (64 << 10)) == CUDA_ERROR_INVALID_VALUE, "not beyond its end");
    expect(!DRIVER(cuMemsetD32)(address(values), 77, 100) && !DRIVER(cuCtxSynchronize)() && is(values, 100, 77, 0) && values[100] == 8 + 200,
           "filled");
    expect(!DRIVER(cuMemsetD2D8)(address(other), 64, 1, 16, 10) && !DRIVER(cuCtxSynchronize)(), "filled in rows");
    bool right = true;
    for (int row = 0; row < 10; row++)
        right = right && other[row * 16] == 0x01010101 && other[row * 16 + 3] == 0x01010101 && other[row * 16 + 4] == 8 + 2 * (row * 16 + 4);
    expect(right, "what is between the rows");
    // Now both have been used by the GPU.
    fill(values, n, 1, 1);
    CHECK(cudaMemcpyAsync(device, values, bytes, cudaMemcpyHostToDevice, nullptr));
    launch(device, n, 10);
    CHECK(cudaMemcpyAsync(other, device, bytes, cudaMemcpyDeviceToHost, nullptr));
    CHECK(cudaStreamSynchronize(nullptr));
    expect(is(other, n, 11, 1), "ordinary copies afterwards");
    CHECK(cudaFree(device));
    CHECK(cudaFreeHost(other));
    CHECK(cudaFreeHost(values));
}

// A kernel uses what a copy that is still on its way writes.
void copies() {
    int n = 2'000'000;
    size_t bytes = n * sizeof(int);
    int *values, *device;
    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    CHECK(cudaMallocHost(&values, bytes));
    CHECK(cudaMalloc(&device, bytes));
    CHECK(cudaMemsetAsync(device, 0, bytes, stream));
    launch(device, n, 40, stream);
    CHECK(cudaMemcpyAsync(values, device, bytes, cudaMemcpyDeviceToHost, stream));
    launch(values, n, 2, stream);
    CHECK(cudaStreamSynchronize(stream));
    expect(is(values, n, 42, 0), "a kernel behind a copy");
    CHECK(cudaFree(device));
    CHECK(cudaFreeHost(values));
    CHECK(cudaStreamDestroy(stream));
}

void graphs() {
    int n = 5000;
    int *values;
    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    CHECK(cudaMallocHost(&values, n * sizeof(int)));
    fill(values, n, 0, 1);
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    launch(values, n, 3, stream);
    CHECK(cudaStreamEndCapture(stream, &graph));
    CHECK(cudaGraphInstantiate(&exec, graph, 0));
    bool right = true;
    for (int turn = 1; turn <= 3; turn++) {
        CHECK(cudaGraphLaunch(exec, stream));
        CHECK(cudaStreamSynchronize(stream));
        right = right && is(values, n, 3 * turn, 1);
    }
    expect(right, "in a graph that was captured");
    CHECK(cudaGraphExecDestroy(exec));
    CHECK(cudaGraphDestroy(graph));
    int *more;
    CHECK(cudaMallocHost(&more, n * sizeof(int)));
    fill(more, n, 50, 1);
    CHECK(cudaGraphCreate(&graph, 0));
    Work work{n, more, 4};
    void *arguments[] = {&work};
    cudaKernelNodeParams node{};
    node.func = reinterpret_cast<void *>(add);
    node.gridDim = dim3((n + 255) / 256);
    node.blockDim = dim3(256);
    node.kernelParams = arguments;
    cudaGraphNode_t added;
    CHECK(cudaGraphAddKernelNode(&added, graph, nullptr, 0, &node));
    CHECK(cudaGraphInstantiate(&exec, graph, 0));
    CHECK(cudaGraphLaunch(exec, stream));
    CHECK(cudaStreamSynchronize(stream));
    expect(is(more, n, 54, 1), "in a graph that was built");
    CHECK(cudaGraphExecDestroy(exec));
    CHECK(cudaGraphDestroy(graph));
    CHECK(cudaFreeHost(more));
    CHECK(cudaFreeHost(values));
    CHECK(cudaStreamDestroy(stream));
}

// Another thread writes to its part of the memory all the time, also while a kernel first uses the rest. The parts have
// no page in common: through Ferry a page has one writer at a time.
void threads() {
    bool right = true;
    for (int round = 0; round < 10; round++) {
        int n = 200 << 10;
        int *values;
        CHECK(cudaHostAlloc(&values, 2 * n * sizeof(int), round % 2 ? cudaHostAllocMapped : cudaHostAllocDefault));
        std::atomic<bool> is_over{false};
        std::thread writer([&] {
            for (int turn = 1; !is_over; turn++)
                for (int i = 0; i < n; i += 256) values[n + i] = turn;
            fill(values + n, n, 9, 5);
        });
        std::this_thread::sleep_for(std::chrono::milliseconds(round % 5));
        fill(values, n, 1, 1);
        launch(values, n, 1);
        CHECK(cudaDeviceSynchronize());
        is_over = true;
        writer.join();
        right = right && is(values, n, 2, 1) && is(values + n, n, 9, 5);
        CHECK(cudaFreeHost(values));
    }
    expect(right, "another thread writes beside it");
}

int main() {
    turns();
    counters();
    addresses();
    calls();
    copies();
    graphs();
    threads();
    return finish();
}
