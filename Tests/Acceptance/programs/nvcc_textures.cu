// A texture over an array: copied in, read between its points, and a surface that is written.
#include "report.h"

__global__ void read(cudaTextureObject_t texture, float *out, int width, int height) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y;
    if (x < width) out[y * width + x] = tex2D<float>(texture, x + 0.75f, y + 0.5f);
}

__global__ void write(cudaSurfaceObject_t surface, int width) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y;
    if (x < width) surf2Dwrite(static_cast<float>(x * y), surface, x * 4, y);
}

int main() {
    Report report;
    const int width = 256, height = 64;
    std::vector<float> values(width * height);
    for (size_t i = 0; i < values.size(); i++) values[i] = static_cast<float>(i % 97);
    cudaChannelFormatDesc format = cudaCreateChannelDesc<float>();
    cudaArray_t array;
    CHECK(cudaMallocArray(&array, &format, width, height, cudaArraySurfaceLoadStore));
    CHECK(cudaMemcpy2DToArray(array, 0, 0, values.data(), width * 4, width * 4, height, cudaMemcpyHostToDevice));
    cudaResourceDesc resource = {};
    resource.resType = cudaResourceTypeArray;
    resource.res.array.array = array;
    cudaTextureDesc how = {};
    how.filterMode = cudaFilterModeLinear;
    cudaTextureObject_t texture;
    CHECK(cudaCreateTextureObject(&texture, &resource, &how, nullptr));
    float *out = upload(values);
    dim3 grid(width / 128, height);
    read<<<grid, 128>>>(texture, out, width, height);
    report.digest("between the points", download(out, values.size()));
    cudaSurfaceObject_t surface;
    CHECK(cudaCreateSurfaceObject(&surface, &resource));
    write<<<grid, 128>>>(surface, width);
    read<<<grid, 128>>>(texture, out, width, height);
    report.digest("after writing", download(out, values.size()));
    return report.finish(steady([&] { read<<<grid, 128>>>(texture, out, width, height); }, 50));
}
