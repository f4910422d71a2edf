// Heat spreading over a plate: an ordinary CUDA C++ program.
//
//     nvcc -o heat heat.cu
//     ferry run -n 1 -- ./heat
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#define CHECK(call)                                                     \
    do {                                                                \
        cudaError_t error = (call);                                     \
        if (error != cudaSuccess) {                                     \
            std::fprintf(stderr, "%s: %s\n", #call, cudaGetErrorString(error)); \
            std::exit(1);                                               \
        }                                                               \
    } while (0)

constexpr int width = 256, height = 192, steps = 1500;

__host__ __device__ inline float spread(const float *from, int x, int y) {
    const float *cell = from + y * width + x;
    float around = cell[-1] + cell[1] + cell[-width] + cell[width];
    return fmaf(0.2f, around - 4.0f * cell[0], cell[0]);
}

__global__ void step(const float *from, float *to) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= width || y >= height) return;
    bool edge = x == 0 || y == 0 || x == width - 1 || y == height - 1;
    to[y * width + x] = edge ? from[y * width + x] : spread(from, x, y);
}

std::vector<float> on_cpu(std::vector<float> from) {
    std::vector<float> to = from;
    for (int s = 0; s < steps; s++) {
        for (int y = 1; y < height - 1; y++)
            for (int x = 1; x < width - 1; x++) to[y * width + x] = spread(from.data(), x, y);
        from.swap(to);
    }
    return from;
}

int main() {
    cudaDeviceProp properties;
    CHECK(cudaGetDeviceProperties(&properties, 0));
    std::printf("GPU: %s, %zu MiB, compute capability %d.%d\n", properties.name,
                properties.totalGlobalMem >> 20, properties.major, properties.minor);

    std::vector<float> plate(width * height, 20.0f);
    for (int x = 60; x < 120; x++) plate[x] = 400.0f;
    for (int y = 40; y < 90; y++) plate[y * width] = -100.0f;

    size_t bytes = plate.size() * sizeof(float);
    float *from, *to;
    CHECK(cudaMalloc(&from, bytes));
    CHECK(cudaMalloc(&to, bytes));
    CHECK(cudaMemcpy(from, plate.data(), bytes, cudaMemcpyHostToDevice));
    cudaEvent_t begin, end;
    CHECK(cudaEventCreate(&begin));
    CHECK(cudaEventCreate(&end));
    CHECK(cudaEventRecord(begin));
    dim3 block(32, 8), grid((width + 31) / 32, (height + 7) / 8);
    for (int s = 0; s < steps; s++) {
        step<<<grid, block>>>(from, to);
        std::swap(from, to);
    }
    CHECK(cudaGetLastError());
    CHECK(cudaEventRecord(end));
    std::vector<float> result(plate.size());
    CHECK(cudaMemcpy(result.data(), from, bytes, cudaMemcpyDeviceToHost));
    float milliseconds;
    CHECK(cudaEventElapsedTime(&milliseconds, begin, end));
    CHECK(cudaFree(from));
    CHECK(cudaFree(to));

    std::vector<float> want = on_cpu(plate);
    float worst = 0;
    double mean = 0;
    for (size_t i = 0; i < result.size(); i++) {
        worst = std::fmax(worst, std::fabs(result[i] - want[i]));
        mean += result[i] / result.size();
    }
    std::printf("%d steps of %d x %d cells in %.0f ms on the GPU\n", steps, width, height, milliseconds);
    std::printf("mean temperature %.4f, greatest difference from the CPU %g\n", mean, worst);
    bool equal = worst < 1e-3f;
    std::printf("%s\n", equal ? "equals the CPU's result" : "DIFFERS from the CPU's result");
    return equal ? 0 : 1;
}
