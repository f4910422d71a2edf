// Copies of the runtime: pageable, pinned, in streams, in two dimensions, inside the device.
#include "report.h"

__global__ void turn(unsigned *data, size_t n) {
    for (size_t i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) data[i] = ~data[i];
}

int main() {
    Report report;
    const size_t n = 4 << 20, bytes = n * sizeof(unsigned);
    std::vector<unsigned> source(n), back(n);
    for (size_t i = 0; i < n; i++) source[i] = static_cast<unsigned>(i * 2654435761u);
    unsigned *there = upload(source), *copy, *pinned;
    CHECK(cudaMalloc(&copy, bytes));
    CHECK(cudaMallocHost(&pinned, bytes));
    turn<<<64, 256>>>(there, n);
    CHECK(cudaMemcpy(copy, there, bytes, cudaMemcpyDeviceToDevice));
    report.digest("turned", download(copy, n));

    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    memcpy(pinned, source.data(), bytes);
    CHECK(cudaMemcpyAsync(there, pinned, bytes, cudaMemcpyHostToDevice, stream));
    turn<<<64, 256, 0, stream>>>(there, n);
    CHECK(cudaMemcpyAsync(pinned, there, bytes, cudaMemcpyDeviceToHost, stream));
    CHECK(cudaStreamSynchronize(stream));
    report.exact("pinned", pinned[12345] == ~source[12345] && pinned[n - 1] == ~source[n - 1]);

    CHECK(cudaMemset(copy, 0, bytes));
    CHECK(cudaMemcpy2D(copy, 4096, source.data(), 1024, 1000, 512, cudaMemcpyHostToDevice));
    report.digest("two dimensions", download(copy, 1 << 20));
    CHECK(cudaMemset2D(copy, 4096, 0xab, 100, 512));
    report.digest("two dimensions filled", download(copy, 1 << 20));

    double in = steady([&] { CHECK(cudaMemcpyAsync(there, pinned, bytes, cudaMemcpyHostToDevice, stream)); }, 4);
    double out = steady([&] { CHECK(cudaMemcpyAsync(pinned, there, bytes, cudaMemcpyDeviceToHost, stream)); }, 4);
    double pageable = steady([&] { CHECK(cudaMemcpy(there, source.data(), bytes, cudaMemcpyHostToDevice)); }, 4);
    report.measure("pinned, host to GPU", bytes / in / 1e9, "GB/s");
    report.measure("pinned, GPU to host", bytes / out / 1e9, "GB/s");
    report.measure("pageable, host to GPU", bytes / pageable / 1e9, "GB/s");
    return report.finish(in + out);
}
