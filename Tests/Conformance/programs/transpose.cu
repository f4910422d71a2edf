// Transposition through padded tiles in shared memory; elements of 1 to 16 bytes.
#include "check.h"

constexpr int tile = 32, rows = 8;

template <typename T> __global__ void transpose(const T *in, T *out, int width, int height) {
    __shared__ T cells[tile][tile + 1];
    int x = blockIdx.x * tile + threadIdx.x, y = blockIdx.y * tile + threadIdx.y;
    for (int j = 0; j < tile; j += rows)
        if (x < width && y + j < height) cells[threadIdx.y + j][threadIdx.x] = in[(y + j) * width + x];
    __syncthreads();
    x = blockIdx.y * tile + threadIdx.x, y = blockIdx.x * tile + threadIdx.y;
    for (int j = 0; j < tile; j += rows)
        if (x < height && y + j < width) out[(y + j) * height + x] = cells[threadIdx.x][threadIdx.y + j];
}

inline bool same(const float4 &a, const float4 &b) {
    return a.x == b.x && a.y == b.y && a.z == b.z && a.w == b.w;
}
template <typename T> bool same(const T &a, const T &b) { return a == b; }

inline void fill(float4 &v, Random &r) { v = make_float4(r.unit(), r.unit(), r.unit(), r.unit()); }
template <typename T> void fill(T &v, Random &r) { v = static_cast<T>(r.next32()); }

template <typename T> void run(const char *what, int width, int height) {
    Random random(width);
    std::vector<T> in(width * height);
    for (T &v : in) fill(v, random);
    Device<T> din(in), dout(in.size());
    transpose<<<dim3(blocks(width, tile), blocks(height, tile)), dim3(tile, rows)>>>(
        din.pointer, dout.pointer, width, height);
    CHECK(cudaGetLastError());
    std::vector<T> out = dout.download();
    bool equal = true;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) equal = equal && same(out[x * height + y], in[y * width + x]);
    expect(equal, what);
}

int main() {
    run<unsigned char>("bytes, 130 x 70", 130, 70);
    run<short>("16-bit, 33 x 100", 33, 100);
    run<float>("float, 200 x 150", 200, 150);
    run<double>("double, 64 x 96", 64, 96);
    run<float4>("float4, 50 x 40", 50, 40);
    return finish();
}
