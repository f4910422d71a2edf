// Matrix product by tiles in shared memory, sizes that are no multiple of the tile.
#include "check.h"

constexpr int tile = 16;

template <typename T> __global__ void multiply(const T *a, const T *b, T *c, int m, int k, int n) {
    __shared__ T as[tile][tile];
    __shared__ T bs[tile][tile];
    int row = blockIdx.y * tile + threadIdx.y;
    int column = blockIdx.x * tile + threadIdx.x;
    T sum = 0;
    for (int t = 0; t < k; t += tile) {
        int ka = t + threadIdx.x, kb = t + threadIdx.y;
        as[threadIdx.y][threadIdx.x] = row < m && ka < k ? a[row * k + ka] : T(0);
        bs[threadIdx.y][threadIdx.x] = kb < k && column < n ? b[kb * n + column] : T(0);
        __syncthreads();
        for (int i = 0; i < tile; i++) sum += as[threadIdx.y][i] * bs[i][threadIdx.x];
        __syncthreads();
    }
    if (row < m && column < n) c[row * n + column] = sum;
}

template <typename T> void run(const char *what, int m, int k, int n, double tolerance) {
    Random random(m * 1000 + n);
    std::vector<T> a(m * k), b(k * n);
    for (T &v : a) v = T(random.unit() * 8);
    for (T &v : b) v = T(random.unit() * 8);
    Device<T> da(a), db(b), dc(m * n);
    multiply<T><<<dim3(blocks(n, tile), blocks(m, tile)), dim3(tile, tile)>>>(da, db, dc, m, k, n);
    CHECK(cudaGetLastError());
    std::vector<T> c = dc.download();
    double worst = 0;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0, size = 1;
            for (int x = 0; x < k; x++) {
                sum += double(a[i * k + x]) * double(b[x * n + j]);
                size += std::fabs(double(a[i * k + x]) * double(b[x * n + j]));
            }
            worst = std::fmax(worst, std::fabs(sum - double(c[i * n + j])) / size);
        }
    expect(worst <= tolerance, what);
}

int main() {
    run<float>("float 100 x 70 x 90", 100, 70, 90, 1e-6);
    run<float>("float 64 x 64 x 64", 64, 64, 64, 1e-6);
    run<double>("double 33 x 47 x 65", 33, 47, 65, 1e-14);
    run<int>("int 50 x 20 x 30", 50, 20, 30, 0);
    run<long long>("64-bit int 17 x 16 x 15", 17, 16, 15, 0);
    return finish();
}
