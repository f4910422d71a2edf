// Double precision and 64-bit integer arithmetic, every result compared bit by bit with the host's.
#include "check.h"

#include <cstring>

constexpr int doubles = 12, integers = 20;

__global__ void double_operations(const double *a, const double *b, double *out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    double x = a[i], y = b[i], *o = out + i * doubles;
    o[0] = __dadd_rn(x, y), o[1] = x - y, o[2] = __dmul_rn(x, y), o[3] = x / y;
    o[4] = sqrt(fabs(x)), o[5] = fma(x, y, x), o[6] = fmin(x, y), o[7] = fmax(x, y);
    o[8] = floor(x), o[9] = rint(y), o[10] = trunc(x * 0.5);
    o[11] = static_cast<double>(static_cast<float>(x));
}

void reference(double x, double y, double *o) {
    o[0] = x + y, o[1] = x - y, o[2] = x * y, o[3] = x / y;
    o[4] = sqrt(fabs(x)), o[5] = fma(x, y, x), o[6] = fmin(x, y), o[7] = fmax(x, y);
    o[8] = floor(x), o[9] = rint(y), o[10] = trunc(x * 0.5);
    o[11] = static_cast<double>(static_cast<float>(x));
}

__global__ void integer_operations(const long long *a, const long long *b, long long *out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    long long x = a[i], y = b[i], *o = out + i * integers;
    unsigned long long ux = x, uy = y;
    o[0] = ux + uy, o[1] = ux - uy, o[2] = ux * uy;
    o[3] = x / y, o[4] = x % y, o[5] = ux / uy, o[6] = ux % uy;
    o[7] = ux << (uy & 63), o[8] = x >> (uy & 63), o[9] = ux >> (uy & 63);
    o[10] = __umul64hi(ux, uy), o[11] = __mul64hi(x, y);
    o[12] = __popcll(ux), o[13] = __clzll(x), o[14] = __brevll(ux), o[15] = __ffsll(x);
    o[16] = min(x, y), o[17] = max(ux, uy);
    o[18] = static_cast<long long>(static_cast<double>(x));
    o[19] = __double2ll_rn(static_cast<double>(ux >> 12) * 0.5);
}

void reference(long long x, long long y, long long *o) {
    unsigned long long ux = x, uy = y, reversed = 0;
    for (int bit = 0; bit < 64; bit++)
        if (ux >> bit & 1) reversed |= 1ull << (63 - bit);
    o[0] = ux + uy, o[1] = ux - uy, o[2] = ux * uy;
    o[3] = x / y, o[4] = x % y, o[5] = ux / uy, o[6] = ux % uy;
    o[7] = ux << (uy & 63), o[8] = x >> (uy & 63), o[9] = ux >> (uy & 63);
    o[10] = static_cast<unsigned long long>(static_cast<unsigned __int128>(ux) * uy >> 64);
    o[11] = static_cast<long long>(static_cast<__int128>(x) * y >> 64);
    o[12] = __builtin_popcountll(ux), o[13] = x ? __builtin_clzll(ux) : 64, o[14] = reversed;
    o[15] = __builtin_ffsll(x);
    o[16] = x < y ? x : y, o[17] = ux > uy ? ux : uy;
    o[18] = static_cast<long long>(static_cast<double>(x));
    o[19] = llrint(static_cast<double>(ux >> 12) * 0.5);
}

/// How many results of each operation differ; prints the operations that do.
template <typename T> int differences(const char *what, const std::vector<T> &got, const std::vector<T> &want, int width) {
    int all = 0;
    for (int o = 0; o < width; o++) {
        int count = 0;
        for (size_t i = o; i < got.size(); i += width)
            if (memcmp(&got[i], &want[i], sizeof(T)) != 0) count++;
        if (count) printf("%s %d: %d results differ\n", what, o, count);
        all += count;
    }
    return all;
}

int main() {
    const int n = 4000;
    Random random(17);
    std::vector<double> a(n), b(n), dwant(n * doubles);
    std::vector<long long> x(n), y(n), iwant(n * integers);
    for (int i = 0; i < n; i++) {
        a[i] = ldexp(static_cast<double>(static_cast<long long>(random.next())), random.below(80) - 100);
        b[i] = ldexp(static_cast<double>(static_cast<long long>(random.next() | 1)), random.below(60) - 90);
        x[i] = static_cast<long long>(random.next()) >> random.below(62);
        y[i] = static_cast<long long>(random.next()) >> random.below(62);
        if (y[i] == 0 || y[i] == -1) y[i] = 3;
        if (i == 0) a[i] = 0.0, x[i] = 0;
        if (i == 1) a[i] = 5e-324, b[i] = 2.0;
        // Below 2⁵³ for the two conversions, which are exact there.
        reference(a[i], b[i], &dwant[i * doubles]);
        reference(x[i] >> 11, y[i], &iwant[i * integers]);
        x[i] >>= 11;
    }
    Device<double> da(a), db(b), dout(n * doubles);
    double_operations<<<blocks(n, 64), 64>>>(da, db, dout, n);
    CHECK(cudaGetLastError());
    expect(differences("double operation", dout.download(), dwant, doubles) == 0, "double, 12 operations");
    Device<long long> dx(x), dy(y), iout(n * integers);
    integer_operations<<<blocks(n, 64), 64>>>(dx, dy, iout, n);
    CHECK(cudaGetLastError());
    expect(differences("integer operation", iout.download(), iwant, integers) == 0, "64-bit integers, 20 operations");
    return finish();
}
