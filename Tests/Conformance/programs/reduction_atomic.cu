// Every kind of atomic operation, on global and on shared memory.
#include "check.h"

#include <algorithm>

struct Totals {
    int sum, least, most;
    unsigned ands, ors, xors, inc, dec;
    unsigned long long wide, most64, cas64;
    float fsum;
    double dsum;
    int turns;
};

// atomicAdd of double by compare and swap, as programs for old GPUs have it.
__device__ double add_by_cas(double *address, double value) {
    unsigned long long *bits = reinterpret_cast<unsigned long long *>(address), old = *bits, seen;
    do {
        seen = old;
        old = atomicCAS(bits, seen, __double_as_longlong(value + __longlong_as_double(seen)));
    } while (old != seen);
    return __longlong_as_double(old);
}

__global__ void global_atomics(const int *in, int n, Totals *t, double *by_cas) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int v = in[i];
    atomicAdd(&t->sum, v);
    atomicMin(&t->least, v);
    atomicMax(&t->most, v);
    atomicAnd(&t->ands, ~(1u << (v & 7)));
    atomicOr(&t->ors, 1u << (v & 31));
    atomicXor(&t->xors, static_cast<unsigned>(v));
    atomicInc(&t->inc, 99);
    atomicDec(&t->dec, 49);
    atomicAdd(&t->wide, static_cast<unsigned long long>(v) << 20);
    atomicMax(&t->most64, static_cast<unsigned long long>(v & 0xFFFF) << 30);
    // Multiples of 1/8: exact in any order.
    atomicAdd(&t->fsum, static_cast<float>(v % 16) * 0.125f);
    atomicAdd(&t->dsum, v * 0.125);
    add_by_cas(by_cas, v * 0.25);
    unsigned long long old = atomicExch(&t->cas64, static_cast<unsigned long long>(i) + 1);
    if (old == static_cast<unsigned long long>(i) + 1) atomicAdd(&t->turns, 1);
}

__global__ void shared_atomics(const int *in, int n, int *out) {
    __shared__ int sum, most;
    __shared__ unsigned long long wide;
    if (threadIdx.x == 0) sum = 0, most = -1 << 30, wide = 0;
    __syncthreads();
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        atomicAdd(&sum, in[i]);
        atomicMax(&most, in[i]);
        atomicAdd(&wide, 1ull << 33);
    }
    __syncthreads();
    if (threadIdx.x == 0) out[0] = sum, out[1] = most, out[2] = static_cast<int>(wide >> 33);
}

int main() {
    const int n = 3000;
    Random random(11);
    std::vector<int> in(n);
    for (int &v : in) v = random.below(20001) - 10000;
    Totals zero = {};
    zero.least = 1 << 30, zero.most = -(1 << 30), zero.ands = 0xFFFFFFFF;
    Totals r = zero;
    double cas = 0;
    for (int v : in) {
        r.sum += v, r.least = std::min(r.least, v), r.most = std::max(r.most, v);
        r.ands &= ~(1u << (v & 7)), r.ors |= 1u << (v & 31), r.xors ^= static_cast<unsigned>(v);
        r.inc = r.inc >= 99 ? 0 : r.inc + 1;
        r.dec = r.dec == 0 || r.dec > 49 ? 49 : r.dec - 1;
        r.wide += static_cast<unsigned long long>(v) << 20;
        r.most64 = std::max(r.most64, static_cast<unsigned long long>(v & 0xFFFF) << 30);
        r.fsum += static_cast<float>(v % 16) * 0.125f;
        r.dsum += v * 0.125;
        cas += v * 0.25;
    }
    Device<int> din(in), few(3);
    Device<Totals> dt(std::vector<Totals>{zero});
    Device<double> dcas(std::vector<double>{0});
    global_atomics<<<blocks(n, 128), 128>>>(din, n, dt, dcas);
    CHECK(cudaGetLastError());
    Totals t = dt.download()[0];
    expect(t.sum == r.sum && t.least == r.least && t.most == r.most, "add, min, max of int");
    expect(t.ands == r.ands && t.ors == r.ors && t.xors == r.xors, "and, or, xor");
    expect(t.inc == r.inc && t.dec == r.dec, "inc, dec");
    expect(t.wide == r.wide && t.most64 == r.most64, "add, max of 64 bits");
    expect(t.fsum == r.fsum, "add of float");
    expect(t.dsum == r.dsum, "add of double");
    expect(dcas.download()[0] == cas, "add of double by compare and swap");
    expect(t.turns == 0 && t.cas64 >= 1 && t.cas64 <= n, "exchange");

    shared_atomics<<<1, 256>>>(din, n, few);
    CHECK(cudaGetLastError());
    std::vector<int> s = few.download();
    expect(s[0] == r.sum && s[1] == r.most && s[2] == n, "on shared memory");
    return finish();
}
