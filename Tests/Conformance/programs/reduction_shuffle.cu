// Sums and extremes by warp shuffles and shared memory; votes and matches of a warp.
#include "check.h"

struct Sum {
    template <typename T> __host__ __device__ T operator()(T a, T b) const { return a + b; }
};
struct Max {
    template <typename T> __host__ __device__ T operator()(T a, T b) const { return a > b ? a : b; }
};

template <typename T, typename Op> __global__ void reduce(const T *in, T *out, int n, T neutral, Op op) {
    __shared__ T warps[32];
    T value = neutral;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        value = op(value, in[i]);
    for (int d = 16; d > 0; d /= 2) value = op(value, __shfl_down_sync(0xFFFFFFFF, value, d));
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    if (lane == 0) warps[warp] = value;
    __syncthreads();
    if (warp == 0) {
        value = lane < blockDim.x / 32 ? warps[lane] : neutral;
        for (int d = 16; d > 0; d /= 2) value = op(value, __shfl_xor_sync(0xFFFFFFFF, value, d));
        if (lane == 0) out[blockIdx.x] = value;
    }
}

template <typename T, typename Op>
void run(const char *what, const std::vector<T> &in, T neutral, Op op, double tolerance) {
    const int grid = 20, block = 192;
    int n = static_cast<int>(in.size());
    Device<T> din(in), partial(grid), total(1);
    reduce<<<grid, block>>>(din.pointer, partial.pointer, n, neutral, op);
    reduce<<<1, 32>>>(partial.pointer, total.pointer, grid, neutral, op);
    CHECK(cudaGetLastError());
    T result = total.download()[0], reference = neutral;
    double size = 1;
    for (T v : in) {
        reference = op(reference, v);
        size += std::fabs(double(v));
    }
    expect(std::fabs(double(result) - double(reference)) <= tolerance * size, what);
}

__global__ void votes(unsigned *out) {
    unsigned lane = threadIdx.x;
    unsigned odd = __ballot_sync(0xFFFFFFFF, lane % 2);
    int some = __any_sync(0xFFFFFFFF, lane == 5), every = __all_sync(0xFFFFFFFF, lane < 32);
    int none = __all_sync(0xFFFFFFFF, lane < 31);
    unsigned same = __match_any_sync(0xFFFFFFFF, lane / 8);
    unsigned up = __shfl_up_sync(0xFFFFFFFF, lane, 3), from = __shfl_sync(0xFFFFFFFF, lane, 9);
    unsigned part = __shfl_down_sync(0xFFFFFFFF, lane, 3, 8);
    unsigned low = 0;
    if (lane < 7) low = __ballot_sync(__activemask() & 0x7F, lane > 2);
    out[lane] = odd == 0xAAAAAAAAu && some && every && !none && same == 0xFFu << (lane / 8 * 8)
                && up == (lane < 3 ? lane : lane - 3) && from == 9
                && part == (lane % 8 + 3 < 8 ? lane + 3 : lane) && low == (lane < 7 ? 0x78u : 0u);
}

int main() {
    const int n = 40003;
    Random random(3);
    std::vector<int> ints(n);
    std::vector<long long> longs(n);
    std::vector<float> floats(n);
    std::vector<double> doubles(n);
    for (int i = 0; i < n; i++) {
        ints[i] = random.below(2001) - 1000;
        longs[i] = static_cast<long long>(random.next()) >> 20;
        floats[i] = random.unit();
        doubles[i] = random.unit() + random.unit() * 1e-9;
    }
    run("sum of int", ints, 0, Sum(), 0);
    run("sum of 64-bit int", longs, 0LL, Sum(), 0);
    run("sum of float", floats, 0.0f, Sum(), 1e-6);
    run("sum of double", doubles, 0.0, Sum(), 1e-14);
    run("maximum of int", ints, -2147483647, Max(), 0);
    run("maximum of float", floats, -1e30f, Max(), 0);
    run("maximum of double", doubles, -1e300, Max(), 0);

    Device<unsigned> flags(32);
    votes<<<1, 32>>>(flags);
    CHECK(cudaGetLastError());
    bool all = true;
    for (unsigned flag : flags.download()) all = all && flag == 1;
    expect(all, "votes, matches and shuffles of a warp");
    return finish();
}
